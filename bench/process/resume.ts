/**
 * Going on with a report.
 *
 * @module
 */

import { UsageError } from "./argument_values.ts";
import type { Report } from "../report/schema.ts";

/** Between the commands of runs that made one report. */
const THEN = "; then ";

/** Settings that say which rows there are, not how they are measured. */
const FREE = ["sizes"];

/** What a setting is called on the command line. */
const NAMES: Readonly<Record<string, string>> = {
  adapter: "--adapter",
  seed: "--seed",
  flush: "--flush",
  minTimeMs: "--min-time",
  samples: "--samples",
  memoryBudget: "--memory-budget in bytes",
  tuned: "the number of tuned products in tuning.json",
};

const valueOf = (value: string | number | boolean | null) => value ?? "what it is where none is given";

/**
 * The report to go on with, without its failed rows, which get another chance; null where there is none. What it then
 * tells of how it was made is of both runs.
 *
 * @throws {UsageError} If it was measured with other settings: its rows and new ones would not compare.
 */
export function resumed(
  previous: Report | null,
  { command, settings }: Pick<Report, "command"> & { settings: NonNullable<Report["settings"]> },
): Report | null {
  if (previous === null) return null;
  for (const [name, value] of Object.entries(settings)) {
    const before = previous.settings?.[name] ?? null;
    if (FREE.includes(name) || before === value) continue;
    throw new UsageError(
      `Cannot use --resume as ${NAMES[name] ?? name} must be ${valueOf(before)}, as in the report: ` +
        `current value is ${valueOf(value)}`,
    );
  }
  const told = previous.command.split(THEN).includes(command);
  return {
    ...previous,
    command: told ? previous.command : `${previous.command}${THEN}${command}`,
    rows: previous.rows.filter(({ status }) => status !== "failed"),
  };
}
