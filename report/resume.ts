/**
 * Going on with a report.
 *
 * @module
 */

import { UsageError } from "./argument_values.ts";
import type { Report } from "./schema.ts";

/** Settings that say which rows there are, not how they are measured. */
const FREE = ["sizes"];

/**
 * The report to go on with, without its failed rows, which get another chance; null where there is none.
 *
 * @throws {UsageError} If it was measured with other settings: its rows and new ones would not compare.
 */
export function resumed(previous: Report | null, settings: NonNullable<Report["settings"]>): Report | null {
  if (previous === null) return null;
  for (const [name, value] of Object.entries(settings)) {
    const before = previous.settings?.[name] ?? null;
    if (FREE.includes(name) || before === value) continue;
    throw new UsageError(
      `Cannot use --resume as ${name} must be ${before}, as in the report: current value is ${value}`,
    );
  }
  return { ...previous, rows: previous.rows.filter(({ status }) => status !== "failed") };
}
