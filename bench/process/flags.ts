/**
 * The arguments of bench.ts as a table, from which the parser and the help are made.
 *
 * @module
 */

import type { Layout } from "../report/layout.ts";
import { type HelpFlag, type HelpPage, renderHelp } from "./help.ts";

/** A command that has a help of its own. */
export type Topic = "bench" | "tune" | "compare";

/** Headings of the help of a run. */
const GROUPS = {
  what: "What is measured",
  where: "Where it runs",
  how: "How it is measured",
  output: "What becomes of it",
  instead: "Instead of measuring",
} as const;

/** One argument. */
export interface Flag extends HelpFlag {
  /** Its heading in the help of a run; null for one of another command. */
  readonly group: keyof typeof GROUPS | null;
}

const TABLE = [
  {
    name: "sizes",
    value: "LIST",
    group: "what",
    help:
      "Comma list of D, DxH, TxDxH or presets (--list names them). T is tokens, D the width of the model, H " +
      "the hidden width: a bare D has H = 8D/3 rounded up to a multiple of 256",
    standard: "sizes that this adapter finishes in about a minute",
  },
  {
    name: "tokens",
    value: "T",
    group: "what",
    help: "Tokens of sizes that give none, picked ones included",
    standard: "4096, or the preset's",
  },
  {
    name: "variants",
    value: "LIST",
    group: "what",
    help: "Comma list of ids, which --list names",
    standard: "all",
  },
  {
    name: "variant",
    value: "FILE",
    group: "what",
    help: "Measures the variants that a module of your own exports beside the others; may come several times",
  },
  {
    name: "peers",
    value: "LIST",
    group: "what",
    help: "Other projects: a comma list, or all",
    standard: "none",
  },
  {
    name: "modes",
    value: "LIST",
    group: "what",
    help: "Of forward, backward and full, which is both",
    standard: "all",
  },
  {
    name: "dtype",
    value: "LIST",
    group: "what",
    help: "Storage types: float32, float16, bfloat16",
    standard: "float32",
  },
  {
    name: "precision",
    value: "LIST",
    group: "what",
    help:
      "How products are computed: highest, default, tf32, fastest, float16-sums, strassen; of those that " +
      "compute a type alike (16 bits: default, tf32, fastest) one is measured",
    standard: '"default"',
  },
  {
    name: "activation",
    value: "NAME",
    group: "what",
    help: "Of the gate; --list names all",
    standard: "silu",
  },
  {
    name: "adapter",
    value: "NAME",
    group: "where",
    help: "high-performance, low-power or software",
    standard: "high-performance",
  },
  {
    name: "webgpu",
    value: "LIST",
    group: "where",
    help: "Of native, Deno's own, and dawn, which reaches tensor cores; downloads npm:webgpu",
    standard: "native",
  },
  {
    name: "memory-budget",
    value: "BYTES",
    group: "where",
    help: "Most beyond inputs and weights, such as 2GiB: rows that need more are skipped, or computed in " +
      "chunks of tokens where the variant can",
    standard: "what the adapter has",
  },
  {
    name: "samples",
    value: "N",
    group: "how",
    help: "Samples for each row at least, unless each takes seconds",
    standard: "20; software 6",
  },
  {
    name: "min-time",
    value: "MS",
    group: "how",
    help: "Milliseconds of samples for each row, unless its median is known sooner",
    standard: "250; software 100",
  },
  {
    name: "seed",
    value: "N",
    group: "how",
    help: "Seed of inputs, of the order of samples, and of what the oracle checks",
    standard: "0; checks differ from run to run",
  },
  {
    name: "flush",
    group: "how",
    help: "Empties the last-level cache before each sample; --no-flush does not",
    standard: "on",
  },
  {
    name: "timeout",
    value: "SECONDS",
    group: "how",
    help: "Ends a row that takes longer, as failed",
    standard: "600",
  },
  {
    name: "output-dir",
    value: "DIR",
    group: "output",
    help: "Where swiglu.json and swiglu.csv go. An earlier report there is kept as swiglu-TIME.json",
    standard: "results",
  },
  {
    name: "resume",
    group: "output",
    help:
      "Goes on with the report in the output folder: keeps its finished rows and measures the rest, by the " +
      "arguments of that run; those given now take their place",
  },
  { name: "json", value: "-", group: "output", help: "Prints the report to stdout in place of the tables" },
  {
    name: "dry-run",
    group: "instead",
    help:
      "Prints what would run, its predicted memory and how long it takes by the ceilings, which it measures; " +
      "runs no row and writes nothing",
  },
  { name: "list", group: "instead", help: "Prints variants, peers, presets and activations" },
  { name: "help", group: "instead", help: "Prints this" },
  {
    name: "threshold",
    value: "PERCENT",
    group: null,
    help: "Differences up to that are noise, however significant",
    standard: "2",
  },
  {
    name: "fail-on-regression",
    value: "PERCENT",
    group: null,
    help:
      "Exit status 1 if a row is slower by more than that, or could be without being seen. Less than 1 % of " +
      "pairs of runs of one program show such a row",
  },
] as const satisfies readonly Flag[];

/** Name of an argument, without the dashes. */
export type FlagName = typeof TABLE[number]["name"];

/** Every argument, in the order of the help. */
export const FLAGS: readonly (Flag & { readonly name: FlagName })[] = TABLE;

/** Flags that may come with `compare`. */
export const COMPARE_FLAGS: readonly FlagName[] = ["threshold", "fail-on-regression", "help"];

/** Flags that may come with `tune`: those that say which products there are, where, and where the table goes. */
export const TUNE_FLAGS: readonly FlagName[] = [
  ...[
    "sizes",
    "tokens",
    "variants",
    "variant",
    "dtype",
    "precision",
    "adapter",
    "webgpu",
    "output-dir",
    "help",
  ] as const,
];

/** What differs in the help of `tune`. */
const OF_TUNE: { readonly [name in FlagName]?: Partial<HelpFlag> } = {
  sizes: { standard: "4096" },
  webgpu: { help: "native, Deno's own, or dawn, which reaches tensor cores: their tiles are searched too" },
  "output-dir": { help: "Where tuning.json goes; what it has of other products stays" },
};

const ALWAYS: readonly (readonly [number, string])[] = [[2, "bad arguments"], [3, "no adapter"]];

const PAGES: Readonly<Record<Topic, HelpPage>> = {
  bench: {
    intro:
      "Measures every known way to compute a SwiGLU block on this machine's GPU, checks each against a float64 " +
      "oracle before it times it, and writes a report.",
    usage: [
      "deno task bench [ARGUMENTS]",
      "deno task bench compare A.json B.json   two reports (compare --help)",
      "deno task tune                          tiles for this GPU (tune --help)",
      "deno task plot                          charts and a page (plot --help)",
    ],
    examples: [
      ["deno task bench", "all variants, at sizes that take about a minute"],
      ["deno task bench --sizes 4096 --variants tuned,pytorch", "two variants, at Llama's 4096 x 11008"],
      [
        "deno task bench --sizes llama-3-8b --modes full --dtype float16",
        "forward and backward of a block of a model",
      ],
      ["deno task bench --variant ./mine.ts", "a variant of your own beside the others"],
      ["deno task bench --resume", "the rest of a run that was interrupted"],
    ],
    groups: Object.entries(GROUPS).map(([key, title]) => ({
      title,
      flags: FLAGS.filter(({ group }) => group === key).map(dashed),
    })),
    statuses: [
      [0, "every row was measured, or skipped for a stated reason"],
      [1, "a row failed its check or crashed, or the run was interrupted"],
      ...ALWAYS,
    ],
    more: "How it measures, and all files that it writes: bench/README.md.",
  },
  tune: {
    intro:
      "Searches the fastest tiles for every matrix product that the variants launch, on this GPU, and keeps " +
      "them in tuning.json of the output folder. Later runs with that folder use them.",
    usage: ["deno task tune [ARGUMENTS]"],
    examples: [
      ["deno task tune", "the products of all variants at 4096 x 11008"],
      ["deno task tune --sizes llama-3-8b --variants tuned --dtype float16", "those of one variant"],
    ],
    groups: [{
      title: "Arguments",
      flags: TUNE_FLAGS.map((name) => dashed({ ...flagOf(name), ...OF_TUNE[name] })),
    }],
    statuses: [[0, "every product was searched"], ...ALWAYS],
  },
  compare: {
    intro:
      "Tells which rows of two reports differ, and whether by more than noise, drift and the load of the " +
      "machine explain. It needs no GPU.",
    usage: ["deno task bench compare BEFORE.json AFTER.json [ARGUMENTS]"],
    examples: [
      ["deno task bench compare before.json results/swiglu.json", "what became faster and what slower"],
      [
        "deno task bench compare before.json after.json --fail-on-regression 5",
        "a gate: fails if a row is slower by more than 5 %",
      ],
    ],
    groups: [{ title: "Arguments", flags: COMPARE_FLAGS.map(flagOf).map(dashed) }],
    statuses: [
      [0, "no regression was found, or none was looked for"],
      [1, "with --fail-on-regression: a row is slower, or could be without being seen"],
      [2, "bad arguments, or a file that is no report"],
    ],
  },
};

function flagOf(name: FlagName): Flag {
  return FLAGS.find((flag) => flag.name === name)!;
}

function dashed(flag: Flag): HelpFlag {
  return { ...flag, name: `--${flag.name}` };
}

/** The pages of help, by command. */
export function helpPage(topic: Topic): HelpPage {
  return PAGES[topic];
}

/** The text of `--help`. */
export function helpText(topic: Topic, layout: Layout): string {
  return renderHelp(PAGES[topic], layout);
}
