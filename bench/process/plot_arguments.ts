/**
 * The command line of plot.ts.
 *
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { quote, UsageError } from "./argument_values.ts";
import type { HelpFlag, HelpPage } from "./help.ts";
import { didYouMean } from "../report/nearest.ts";

/** What plot.ts is told to do. */
export type PlotCommand =
  | { kind: "help" }
  /** Charts and a page; without a folder they go beside the first report. */
  | { kind: "draw"; reports: string[]; outputDir: string | null }
  /** The parts of a README that are made from reports; `check` only compares. */
  | { kind: "readme"; readme: string; report: string | null; check: boolean };

const DEFAULT_REPORT = "results/swiglu.json";
const DEFAULT_README = "README.md";

const FLAGS: readonly HelpFlag[] = [
  {
    name: "swiglu.json ...",
    help: "Reports. Of several, each is drawn, and each later one is compared with the first",
    standard: DEFAULT_REPORT,
  },
  {
    name: "--output-dir",
    value: "DIR",
    help: "Where charts/*.svg and report.html go",
    standard: "the folder of the first report",
  },
  { name: "--help", help: "Prints this" },
];

const README_FLAGS: readonly HelpFlag[] = [
  {
    name: "--readme",
    value: "FILE",
    help:
      "Rewrites the parts between <!-- plot:NAME FILE --> and <!-- /plot:NAME --> from the reports that they name",
    standard: DEFAULT_README,
  },
  { name: "--report", value: "FILE", help: "The report of parts that name none", standard: DEFAULT_REPORT },
  { name: "--check", help: "Changes nothing; exit status 1 where a part would change" },
];

/** What `--help` says. */
export const PLOT_PAGE: HelpPage = {
  intro: "Draws charts and a page from reports that bench.ts wrote. It needs no GPU.",
  usage: [
    "deno task plot [swiglu.json ...] [--output-dir DIR]",
    "deno task plot --readme [README.md] [--report FILE] [--check]",
  ],
  examples: [
    ["deno task plot", `charts and a page from ${DEFAULT_REPORT}`],
    ["deno task plot before.json after.json", "both, and the second against the first"],
    ["deno task plot --readme README.md --check", "whether the figures of a README are those of its reports"],
  ],
  groups: [{ title: "Arguments", flags: FLAGS }, { title: "Figures of a README", flags: README_FLAGS }],
  statuses: [
    [0, "everything was drawn"],
    [1, "with --check: a part differs from its report"],
    [2, "bad arguments, a file that is no report, a folder that cannot be written"],
  ],
};

const NAMES = [...FLAGS, ...README_FLAGS].map(({ name }) => name).filter((name) => name.startsWith("--"));

/** What the parser returns; its package ships no types. */
interface Parsed {
  _: (string | number)[];
  "output-dir": string[];
  readme: string[];
  report: string[];
  check: boolean;
  help: boolean;
}

function parse(args: readonly string[]): Parsed {
  return parseArgs([...args], {
    boolean: ["check", "help"],
    string: ["_", "output-dir", "readme", "report"],
    collect: ["output-dir", "readme", "report"],
    alias: { help: "h" },
    unknown: (argument: string, key: string | undefined) => {
      if (key === undefined) return true;
      const meant = didYouMean(argument.replace(/=.*/s, ""), NAMES, `: accepted are ${NAMES.join(", ")}`);
      throw new UsageError(`Cannot use ${quote(argument)} as there is no such argument${meant}`);
    },
  });
}

/** The value of an argument that may be given once; null where it is not given. */
function once(name: string, values: readonly string[]): string | null {
  if (values.length > 1) {
    throw new UsageError(`Cannot use ${name} as it may be given once: it is given ${values.length} times`);
  }
  return values.at(0) ?? null;
}

/** The same for a value that must not be empty. */
function filled(name: string, values: readonly string[]): string | null {
  const value = once(name, values);
  if (value === "") throw new UsageError(`Cannot use ${name} as it needs a value: current value is ""`);
  return value;
}

/**
 * Reads the command line.
 *
 * @throws {UsageError} If an argument is unknown, empty, given twice, or does not go with the others; it names it
 */
export function parsePlotArguments(args: readonly string[]): PlotCommand {
  const parsed = parse(args);
  if (parsed.help) return { kind: "help" };
  const outputDir = filled("--output-dir", parsed["output-dir"]);
  const report = filled("--report", parsed.report);
  const readme = once("--readme", parsed.readme);
  const reports = parsed._.map(String);
  if (reports.includes("")) {
    throw new UsageError('Cannot use a report as its name must not be empty: current value is ""');
  }
  if (readme === null) {
    for (const [name, given] of [["--report", report !== null], ["--check", parsed.check]] as const) {
      if (given) throw new UsageError(`Cannot use ${name} as it needs --readme`);
    }
    return { kind: "draw", reports: reports.length === 0 ? [DEFAULT_REPORT] : reports, outputDir };
  }
  if (outputDir !== null) {
    throw new UsageError("Cannot use --output-dir as --readme writes no charts into a folder");
  }
  if (reports.length > 0) {
    throw new UsageError(
      `Cannot use ${quote(reports[0])} as --readme takes reports by --report or by name in its parts`,
    );
  }
  return { kind: "readme", readme: readme === "" ? DEFAULT_README : readme, report, check: parsed.check };
}
