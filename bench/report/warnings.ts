/**
 * The warnings of a report, as sentences.
 *
 * @module
 */

import { formatShape } from "./format.ts";
import type { Report } from "./schema.ts";
import { plain } from "./shape.ts";
import { enumerate } from "./text.ts";

/** Warnings of the run, then those of rows. Equal warnings are told once, with the rows that have them. */
export function warningSentences(report: Report, withShape: boolean): string[] {
  const about = new Map<string, string[]>();
  for (const warning of report.warnings ?? []) about.set(plain(warning, Infinity), []);
  for (const row of report.rows) {
    for (const warning of row.warnings ?? []) {
      const shape = withShape ? ` at ${formatShape(row)}` : "";
      const key = plain(warning, Infinity);
      about.set(key, [...about.get(key) ?? [], `${row.variant} ${row.mode}${shape}`]);
    }
  }
  return [...about].map(([warning, rows]) =>
    rows.length === 0 ? warning : `${warning} (${enumerate(rows, 4)})`
  );
}
