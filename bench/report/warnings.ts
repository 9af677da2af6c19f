/**
 * The warnings of a report, as sentences.
 *
 * @module
 */

import { formatShape } from "./format.ts";
import { type Layout, paint } from "./layout.ts";
import type { Report } from "./schema.ts";
import { plain } from "./shape.ts";
import { enumerate, wrap } from "./text.ts";

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

/** What can be doubted: a run, or some of its rows. */
export type Doubted = Pick<Report, "warnings" | "rows">;

/** A kind of doubt: the sentences that begin with the same fact. They differ in figures and remedies at most. */
interface DoubtKind {
  readonly fact: string;
  readonly sentences: ReadonlySet<string>;
  /** How many rows have it; 0 where it is about the whole run. */
  readonly rows: number;
}

/** The fact of a warning stands before its remedy. */
function factOf(warning: string): string {
  return warning.split(/: |\. /)[0].replace(/\.$/, "");
}

/** The kinds of warnings of a report: those of the run first. */
function kindsOf({ warnings = [], rows }: Doubted): DoubtKind[] {
  const ofRun = warnings.map((warning) => [plain(warning, Infinity)]);
  const ofRows = rows.map(({ warnings = [] }) => [...new Set(warnings)].map((text) => plain(text, Infinity)));
  const kind = (lists: readonly string[][], counts: boolean) =>
    [...Map.groupBy(lists.flat(), factOf)].map(([fact, sentences]): DoubtKind => ({
      ...{ fact, sentences: new Set(sentences) },
      rows: counts ? sentences.length : 0,
    }));
  return [...kind(ofRun, false), ...kind(ofRows, true)];
}

/** A kind of warning in one line. Where its sentence is longer than that, its remedy is left to the report. */
function lineOf(
  { fact, sentences, rows }: DoubtKind,
  { of, width, lead }: { of: number; width: number; lead: string },
): string[] {
  const count = rows === 0 ? "" : ` (${rows} of ${of} ${of === 1 ? "row" : "rows"})`;
  const [first] = sentences;
  const whole = `${first.replace(/\.$/, "")}${count}`;
  const isShort = sentences.size === 1 && lead.length + whole.length <= width;
  return wrap(isShort ? whole : fact + count, { width, lead });
}

/** One line for each kind of warning. */
export function kindLines(doubted: Doubted, { lead, layout }: { lead: string; layout: Layout }): string[] {
  const options = { of: doubted.rows.length, width: layout.columns, lead };
  return kindsOf(doubted).flatMap((kind) => lineOf(kind, options)).map((line) =>
    paint("doubt", line, layout)
  );
}

/** The warnings of a report for the terminal, one line a kind. Empty where there are none. */
export function warningSection(report: Report, layout: Layout): string[] {
  const lines = kindLines(report, { lead: "! ", layout });
  if (lines.length === 0) return [];
  return [
    paint("bold", "Warnings (the report has all of them, with remedies, at their rows)", layout),
    ...lines,
  ];
}
