/**
 * The arguments of bench.ts as a table, from which the parser and the help are made.
 *
 * @module
 */

import { wrap } from "../report/text.ts";

/** One argument. */
export interface Flag {
  readonly name: string;
  /** What stands for its value; absent where it takes none. */
  readonly value?: string;
  /** One sentence without its full stop. */
  readonly help: string;
}

const TABLE = [
  {
    name: "sizes",
    value: "LIST",
    help: "Comma list of D, DxH, TxDxH or presets; a bare D has H = 8D/3 rounded up to a multiple of 256. " +
      "Without it: sizes that this adapter finishes in about a minute",
  },
  {
    name: "tokens",
    value: "T",
    help: "Tokens of sizes that give none, picked ones included (4096, or the preset's)",
  },
  { name: "variants", value: "LIST", help: "Comma list of ids, or all (all)" },
  {
    name: "variant",
    value: "FILE",
    help: "Measures the variants that a module of your own exports beside the others; may come several times",
  },
  { name: "modes", value: "LIST", help: "Of forward, backward and full, which is both (all)" },
  { name: "dtype", value: "LIST", help: "Storage types: float32, float16, bfloat16 (float32)" },
  {
    name: "precision",
    value: "NAME",
    help: "How products are computed: highest, default, tf32, fastest, float16-sums or strassen (default)",
  },
  {
    name: "activation",
    value: "NAME",
    help: "silu, gelu, gelu_tanh, relu, sigmoid, tanh, identity or clamped_swiglu (silu)",
  },
  {
    name: "min-time",
    value: "MS",
    help: "Milliseconds of samples for each row, unless its median is known sooner (250; software 100)",
  },
  {
    name: "samples",
    value: "N",
    help: "Samples for each row at least, unless each takes seconds (20; software 6)",
  },
  {
    name: "seed",
    value: "N",
    help: "Seed of inputs, of the order of samples, and of what the oracle checks (0; checks differ)",
  },
  {
    name: "webgpu",
    value: "LIST",
    help: "Of native, Deno's own, and dawn, which reaches tensor cores; downloads npm:webgpu (native)",
  },
  { name: "adapter", value: "NAME", help: "high-performance, low-power or software (high-performance)" },
  {
    name: "memory-budget",
    value: "BYTES",
    help: "Most beyond inputs and weights, such as 2GiB: rows that need more are skipped, or computed in " +
      "chunks of tokens where the variant can",
  },
  { name: "peers", value: "LIST", help: "Measures other projects too: a comma list, or all" },
  {
    name: "flush",
    help: "Empties the last-level cache before each sample; on by default, off with --no-flush",
  },
  { name: "timeout", value: "SECONDS", help: "Ends a row that takes longer, as failed (600)" },
  {
    name: "resume",
    help:
      "Goes on with the report in the output folder: keeps its finished rows and measures the rest, by the " +
      "arguments of that run; those given now take their place",
  },
  { name: "output-dir", value: "DIR", help: "Where swiglu.json and swiglu.csv go (results)" },
  { name: "json", value: "-", help: "Prints the report to stdout in place of the table" },
  {
    name: "dry-run",
    help:
      "Prints what would run, its predicted memory and how long it takes by the ceilings, which it measures; " +
      "runs no row and writes nothing",
  },
  { name: "list", help: "Prints variants, presets and activations" },
  {
    name: "fail-on-regression",
    value: "PERCENT",
    help:
      "With compare: exit 1 if a row is slower by more than that, or could be without being seen. Less than " +
      "1 % of pairs of runs of one program show such a row",
  },
  { name: "help", help: "Prints this" },
] as const satisfies readonly Flag[];

/** Name of an argument, without the dashes. */
export type FlagName = typeof TABLE[number]["name"];

/** Every argument, in the order of the help. */
export const FLAGS: readonly (Flag & { readonly name: FlagName })[] = TABLE;

const WIDTH = 100;
const LEAD = 32;

const HEAD = `Measures every known way to compute a SwiGLU block on this machine's GPU, checks each against a
float64 oracle before it times it, and writes a report.

Usage
  deno task bench [ARGUMENTS]
  deno task bench compare A.json B.json [--fail-on-regression PERCENT]
  deno task tune [--sizes, --tokens, --variants, --dtype, --precision, --adapter, --output-dir]

Arguments
`;

const TAIL = `
Exit status
  0  every row was measured, or skipped for a stated reason
  1  a row failed its check or crashed; compare found a regression, or could not have seen one
  2  bad arguments
  3  no adapter
`;

/** The text of `--help`, at most 100 columns wide. */
export function helpText(): string {
  const lines = FLAGS.flatMap(({ name, value, help }) => {
    const lead = `  --${name}${value === undefined ? "" : ` ${value}`}`.padEnd(LEAD);
    return wrap(help, { width: WIDTH, lead });
  });
  return `${HEAD}${lines.join("\n")}\n${TAIL}`;
}
