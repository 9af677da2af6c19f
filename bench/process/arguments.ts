/**
 * The command line of bench.ts. What its lists may hold (ids of variants, names of activations) is given by the
 * caller; sizes are passed on as text.
 *
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import {
  bytesOf,
  formOf,
  type Limits,
  listOf,
  numberOf,
  oneOf,
  quote,
  UsageError,
} from "./argument_values.ts";
import { COMPARE_FLAGS, type FlagName, FLAGS, type Topic, TUNE_FLAGS } from "./flags.ts";
import { didYouMean } from "../report/nearest.ts";
import {
  DTYPES,
  MODES,
  PRECISIONS,
  type ReportDType,
  type ReportMode,
  type ReportPrecision,
  WEBGPUS,
} from "../report/schema.ts";

export { UsageError };

/** Adapters that can be asked for. */
export const ADAPTERS = ["high-performance", "low-power", "software"] as const;

/** What the lists may hold. */
export interface Choices {
  variants: readonly string[];
  /** Ids of the user's own variants, which are measured whichever others are chosen. */
  own?: readonly string[];
  activations: readonly string[];
  peers: readonly string[];
}

/** What to measure, and how. */
export interface BenchOptions {
  /** The list of sizes as written; null to pick sizes by what the adapter can do. */
  sizes: string | null;
  /** T as written, for sizes that leave it open. */
  tokens: string | null;
  variants: string[];
  /** Modules with variants of the user's own, as written. */
  variantModules: string[];
  modes: ReportMode[];
  dtypes: ReportDType[];
  precisions: ReportPrecision[];
  activation: string;
  /** Milliseconds of samples for each row at least; null for what suits the adapter. */
  minTimeMs: number | null;
  /** Samples for each row at least; null for what suits the adapter. */
  samples: number | null;
  seed: number;
  /** Seed of what is checked; null for a random one. */
  checkSeed: number | null;
  adapter: typeof ADAPTERS[number];
  /** Whose WebGPUs measure, one after the other. */
  webgpus: (typeof WEBGPUS[number])[];
  /** Most bytes a row may need beyond its inputs; null for no limit. */
  memoryBudget: number | null;
  outputDir: string;
  /** Whether the last-level cache is emptied before each sample. */
  flush: boolean;
  /** Whether rows that the output folder's report already has are kept. */
  resume: boolean;
  /** Whether the plan is printed and nothing runs. */
  dryRun: boolean;
  /** Whether the report itself goes to stdout in place of the table. */
  json: boolean;
  /** Other projects to measure beside ours. */
  peers: string[];
  /** Seconds that a row may take before its process is ended. */
  timeoutSeconds: number;
}

/** What the command line asks for. */
export type Command =
  | { kind: "help"; topic: Topic }
  | { kind: "list" }
  /** `given` has the arguments that a report records, each as `--name=value`. */
  | { kind: "bench"; options: BenchOptions; given: string[] }
  | { kind: "tune"; options: BenchOptions }
  | { kind: "compare"; before: string; after: string; threshold: number; failOnRegression: number | null };

type Parsed = { readonly [name in FlagName]?: string[] | boolean } & { readonly _: string[] };

/** Percent that are noise where --threshold says nothing. */
const DEFAULT_THRESHOLD = 2;

/** Commands beside a run. */
const COMMANDS = ["compare", "tune"] as const satisfies readonly Topic[];

/** Flags that may come several times. */
const REPEATED: readonly FlagName[] = ["variant"];

/** Arguments that say what is measured and how; the others say what this run does with it. */
const RECORDED: readonly FlagName[] = othersThan([
  ...["output-dir", "json", "resume", "dry-run", "list", "help"] as const,
  ...COMPARE_FLAGS,
]);

/**
 * Reads the arguments that follow `bench.ts`.
 *
 * @throws {UsageError} If an argument is unknown, comes twice, lacks a value or has a bad one.
 */
export function parseArguments(args: readonly string[], choices: Choices): Command {
  const parsed = parse(args);
  const [first, ...others] = parsed._;
  const named = COMMANDS.find((command) => command === first);
  if (parsed.help === true) return { kind: "help", topic: named ?? "bench" };
  if (named === "compare") return compareCommand(parsed, others);
  refuseFlags(parsed, COMPARE_FLAGS.filter((name) => name !== "help"), "it belongs to `bench.ts compare`");
  if (first !== undefined && named === undefined || others.length > 0) {
    const stray = named === undefined ? first : others[0];
    const otherwise = " (or are `compare A.json B.json`, or `tune`): see --help";
    throw new UsageError(
      `Cannot use ${quote(stray)} as arguments start with --${didYouMean(stray, COMMANDS, otherwise)}`,
    );
  }
  if (named === "tune") {
    refuseFlags(parsed, othersThan(TUNE_FLAGS), "it changes nothing in what `bench.ts tune` searches");
    return { kind: "tune", options: benchOptions(parsed, choices) };
  }
  if (parsed.list === true) return { kind: "list" };
  return { kind: "bench", options: benchOptions(parsed, choices), given: givenOf(parsed, args) };
}

/**
 * The modules that `--variant` names: what they export decides which ids the other arguments may name.
 *
 * @throws {UsageError} If an argument is unknown, or a name is empty.
 */
export function variantModulesIn(args: readonly string[]): string[] {
  const { help, variant } = parse(args);
  if (help === true) return [];
  const names = variant as string[];
  if (names.some((name) => name.trim() === "")) {
    throw new UsageError(`Cannot use --variant as it needs a value: ${formOf("variant")}`);
  }
  return [...new Set(names)];
}

/** The arguments of a resumed run: those that its report recorded, unless they are given anew. */
export function restored(recorded: readonly string[], given: readonly string[]): string[] {
  const replaced = new Set(given.map(nameOf));
  // The recorded tokens belong to the recorded sizes.
  if (replaced.has("sizes")) replaced.add("tokens");
  const isKept = (name: string) => RECORDED.some((flag) => flag === name) && !replaced.has(name);
  return [...recorded.filter((argument) => isKept(nameOf(argument))), ...given];
}

function givenOf(parsed: Parsed, args: readonly string[]): string[] {
  return RECORDED.flatMap((name) => {
    const values = parsed[name];
    if (Array.isArray(values)) return values.map((text) => `--${name}=${text.trim()}`);
    return [`--${name}`, `--no-${name}`].filter((argument) => args.includes(argument));
  });
}

/** `sizes` of `--sizes=4096`, `flush` of `--no-flush`. */
function nameOf(argument: string): string {
  return /^--(?:no-)?([a-z-]+)/.exec(argument)?.[1] ?? "";
}

function parse(args: readonly string[]): Parsed {
  const flags = FLAGS.filter(({ value }) => value !== undefined).map(({ name }) => name);
  const switches = FLAGS.filter(({ value }) => value === undefined).map(({ name }) => name);
  refuseOddSwitches(args, switches);
  const parsed = parseArgs(joinValues(args, flags), {
    string: [...flags, "_"],
    boolean: switches,
    negatable: ["flush"],
    collect: flags,
    default: { flush: true },
    alias: { h: "help" },
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) refuseUnknown(arg);
    },
  }) as Parsed;
  for (const name of flags) {
    const values = parsed[name] as string[];
    if (values.length > 1 && !REPEATED.includes(name)) {
      throw new UsageError(`Cannot use --${name} as it must come once: it comes ${values.length} times`);
    }
  }
  return parsed;
}

/** Joins `--tokens -5` to `--tokens=-5` and `--json -` to `--json=-`, because the parser takes what begins with - for a flag. */
function joinValues(args: readonly string[], flags: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--") return [...joined, ...args.slice(i)];
    const next = args[i + 1];
    const takesNext = flags.some((name) => args[i] === `--${name}`) && next !== undefined &&
      !next.startsWith("--");
    if (takesNext) joined.push(`${args[i]}=${args[++i]}`);
    else joined.push(args[i]);
  }
  return joined;
}

/** Checks switches. The parser would read `--dry-run=maybe` as true, and take a word that follows a switch for its value. */
function refuseOddSwitches(args: readonly string[], switches: readonly string[]): void {
  const end = args.indexOf("--");
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    const name = /^--(?:no-)?([^=]+)=/s.exec(arg)?.[1];
    if (name !== undefined && switches.includes(name)) {
      throw new UsageError(`Cannot use --${name} as it takes no value: current value is ${quote(arg)}`);
    }
  }
}

function refuseUnknown(arg: string): never {
  const name = /^--?(?:no-)?([^=]*)/s.exec(arg)?.[1] ?? arg;
  const end = didYouMean(name, FLAGS.map(({ name }) => name), ": --help lists all").replace(
    "mean ",
    "mean --",
  );
  throw new UsageError(`Cannot use ${quote(arg)} as there is no such argument${end}`);
}

function refuseFlags(parsed: Parsed, names: readonly FlagName[], why: string): void {
  for (const name of names) {
    const value = parsed[name];
    // The cache flush is on unless it is switched off.
    if (Array.isArray(value) ? value.length > 0 : value === (name !== "flush")) {
      throw new UsageError(`Cannot use --${name === "flush" ? "no-flush" : name} here as ${why}`);
    }
  }
}

function othersThan(accepted: readonly FlagName[]): FlagName[] {
  return FLAGS.map(({ name }) => name).filter((name) => !accepted.includes(name));
}

function compareCommand(parsed: Parsed, files: string[]): Command {
  refuseFlags(parsed, othersThan(COMPARE_FLAGS), "`bench.ts compare` measures nothing");
  if (files.length !== 2) {
    throw new UsageError(
      `Cannot compare as two report files must be named: current number is ${files.length}, see --help`,
    );
  }
  const percent = (name: "threshold" | "fail-on-regression"): number | null => {
    const text = textOf(parsed, name);
    return text === null ? null : numberOf(name, text, { least: 0, most: 1000 });
  };
  return {
    kind: "compare",
    before: files[0],
    after: files[1],
    threshold: percent("threshold") ?? DEFAULT_THRESHOLD,
    failOnRegression: percent("fail-on-regression"),
  };
}

function benchOptions(parsed: Parsed, choices: Choices): BenchOptions {
  const list = <T extends string>(name: FlagName, accepted: readonly T[], fallback: readonly T[]): T[] => {
    const text = textOf(parsed, name);
    return text === null ? [...fallback] : listOf(name, text, accepted);
  };
  const one = <T extends string>(name: FlagName, accepted: readonly T[], fallback: T): T => {
    const text = textOf(parsed, name);
    return text === null ? fallback : oneOf(name, text, accepted);
  };
  const whole = (name: FlagName, limits: Limits): number | null => {
    const text = textOf(parsed, name);
    return text === null ? null : numberOf(name, text, { ...limits, whole: true });
  };
  const seed = whole("seed", { least: 0, most: 2 ** 32 - 1 });
  const budget = textOf(parsed, "memory-budget");
  if (textOf(parsed, "json") !== null) oneOf("json", textOf(parsed, "json")!, ["-"]);
  return {
    sizes: textOf(parsed, "sizes"),
    tokens: textOf(parsed, "tokens"),
    variants: withOwn(list("variants", choices.variants, choices.variants), choices),
    variantModules: [...new Set(parsed.variant as string[])],
    modes: list("modes", MODES, MODES),
    dtypes: list("dtype", DTYPES, ["float32"]),
    precisions: list("precision", PRECISIONS, ["default"]),
    activation: one("activation", choices.activations, "silu"),
    minTimeMs: whole("min-time", { least: 1, most: 3_600_000 }),
    samples: whole("samples", { least: 1, most: 10_000 }),
    seed: seed ?? 0,
    checkSeed: seed,
    adapter: one("adapter", ADAPTERS, "high-performance"),
    webgpus: list("webgpu", WEBGPUS, ["native"]),
    memoryBudget: budget === null ? null : bytesOf("memory-budget", budget),
    outputDir: textOf(parsed, "output-dir") ?? "results",
    flush: parsed.flush === true,
    resume: parsed.resume === true,
    dryRun: parsed["dry-run"] === true,
    json: textOf(parsed, "json") !== null,
    peers: list("peers", choices.peers, []),
    timeoutSeconds: whole("timeout", { least: 1, most: 86_400 }) ?? 600,
  };
}

/** The chosen variants and the user's own, in the order of those there are. */
function withOwn(chosen: readonly string[], { variants, own = [] }: Choices): string[] {
  return variants.filter((id) => chosen.includes(id) || own.includes(id));
}

/** The value of a flag as written; null if the flag is not given. */
function textOf(parsed: Parsed, name: FlagName): string | null {
  const [text] = parsed[name] as string[];
  if (text === undefined) return null;
  if (text.trim() === "") throw new UsageError(`Cannot use --${name} as it needs a value: ${formOf(name)}`);
  return text;
}
