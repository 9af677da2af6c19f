/**
 * Going on with a report, if its rows and those that are measured now would compare.
 *
 * @module
 */

import { UsageError } from "./argument_values.ts";
import { askNvidia } from "./nvidia.ts";
import { digestOf, existingReport } from "./output.ts";
import type { Layout } from "../report/layout.ts";
import type { Report } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { wrap } from "../report/text.ts";

/** Between the commands of runs that made one report. */
const THEN = "; then ";

/** Settings that only say which rows there are, not how they are measured. */
const FREE = ["sizes"];

/** What a setting is called on the command line. */
const NAMES: Readonly<Record<string, string>> = {
  adapter: "--adapter",
  seed: "--seed",
  flush: "--flush",
  minTimeMs: "--min-time",
  samples: "--samples",
  memoryBudget: "--memory-budget in bytes",
  variantModules: "the text of the modules of --variant",
  tuned: "the number of tuned products in tuning.json",
};

/** Programs that must be the same version, by their name in a report. */
const PROGRAMS: Readonly<Record<string, string>> = { suite: "the suite", deno: "Deno" };

const valueOf = (value: string | number | boolean | null) => value ?? "what it is where none is given";

/**
 * The report that a folder holds.
 *
 * @throws {UsageError} If there is none.
 * @throws {ReportError} If it is not one of ours.
 */
export function reportToResume(folder: string): Report {
  const report = existingReport(folder);
  if (report !== null) return report;
  throw new UsageError(
    `Cannot use --resume as --output-dir must hold a report: there is no swiglu.json in ${
      plain(folder, 200)
    }`,
  );
}

/**
 * Makes sure that what this program measures now on this machine compares with what a report has.
 *
 * @throws {UsageError} If another version made it, it was edited, or the driver has changed since.
 */
export async function ensureResumable(report: Report, versions: Report["versions"]): Promise<void> {
  for (const [key, name] of Object.entries(PROGRAMS)) {
    const before = report.versions[key] ?? "unknown";
    if (before !== versions[key]) refuse(`${name} must be ${before}`, versions[key]);
  }
  if (report.digest !== digestOf(report)) {
    throw new UsageError("Cannot use --resume as swiglu.json must be as bench.ts wrote it: it was changed");
  }
  const before = report.driver?.version;
  const driver = before === undefined ? null : await askNvidia(report.adapter.device);
  if (driver !== null && driver.version !== before) refuse(`the driver must be ${before}`, driver.version);
}

/**
 * The report to go on with. Its failed rows are left out, so that they are measured again. What it tells of how it was made
 * is of both runs.
 *
 * @throws {UsageError} If it was measured with other settings: its rows and new ones would not compare.
 */
export function resumed(
  previous: Report,
  { command, settings }: Pick<Report, "command"> & { settings: NonNullable<Report["settings"]> },
): Report {
  for (const [name, value] of Object.entries(settings)) {
    const before = previous.settings?.[name] ?? null;
    if (FREE.includes(name) || before === value) continue;
    refuse(`${NAMES[name] ?? name} must be ${valueOf(before)}`, valueOf(value));
  }
  const told = previous.command.split(THEN).includes(command);
  return {
    ...previous,
    command: told ? previous.command : `${previous.command}${THEN}${command}`,
    rows: previous.rows.filter(({ status }) => status !== "failed"),
  };
}

/** Says with which run this one goes on: its first command, as those that resumed it say no more. */
export function resumedLines({ createdAt, command, rows }: Report, { columns }: Layout): string[] {
  const finished = rows.filter(({ status }) => status !== "failed").length;
  const [first, ...others] = plain(command, 2000).split(THEN);
  const again = others.length === 0 ? "" : ", resumed before,";
  const done = `${finished} finished ${finished === 1 ? "row" : "rows"}`;
  const run = `the run of ${plain(createdAt, 40)}${again} with ${done}`;
  return wrap(`${run}: ${plain(first, 400)}`, { width: columns, lead: "resumes   " });
}

function refuse(rule: string, value: unknown): never {
  throw new UsageError(`Cannot use --resume as ${rule}, as in the report: current value is ${value}`);
}
