/**
 * The command line of plot.ts.
 *
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { quote, UsageError } from "./argument_values.ts";

/** What plot.ts is told to do. */
export type PlotCommand =
  | { kind: "help" }
  /** Charts and a page; without a folder they go beside the first report. */
  | { kind: "draw"; reports: string[]; outputDir: string | null }
  /** The parts of a README that are made from reports; `check` only compares. */
  | { kind: "readme"; readme: string; report: string | null; check: boolean };

const DEFAULT_REPORT = "results/swiglu.json";

/** The text of `--help`, at most 100 columns wide. */
export const PLOT_HELP = `Draws charts and a page from reports that bench.ts wrote. It needs no GPU.

Usage
  deno task plot [swiglu.json ...] [--output-dir DIR]
  deno task plot --readme [README.md] [--report FILE] [--check]

Arguments
  swiglu.json ...   Reports (${DEFAULT_REPORT}). Of several, each is drawn, and each later one is
                    compared with the first
  --output-dir DIR  Where charts/*.svg and report.html go (the folder of the first report)
  --readme FILE     Rewrites the parts between <!-- plot:NAME FILE --> and <!-- /plot:NAME --> from
                    the reports that they name (README.md)
  --report FILE     With --readme: the report for parts that name none (${DEFAULT_REPORT})
  --check           With --readme: changes nothing, exit 1 where a part would change
  --help            Prints this

Exit status
  0  everything was drawn
  1  with --check: a part differs from its report
  2  bad arguments, a file that is no report, a folder that cannot be written
`;

const NAMES = ["--output-dir", "--readme", "--report", "--check", "--help"];

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
      throw new UsageError(`Cannot use ${quote(argument)} as it is none of ${NAMES.join(", ")}`);
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
  return { kind: "readme", readme: readme === "" ? "README.md" : readme, report, check: parsed.check };
}
