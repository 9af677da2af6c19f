/**
 * The warnings of a report, by kind: a line for each in the terminal, and their sentences in full on the page.
 *
 * @module
 */

import { formatShape } from "./format.ts";
import { type Layout, paint } from "./layout.ts";
import type { Report, Row } from "./schema.ts";
import { plain } from "./shape.ts";
import { enumerate, wrap } from "./text.ts";

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

/** `(3 of 18 rows)`, behind what so many rows have; empty where it is about the whole run. */
function countOf(rows: number, of: number): string {
  return rows === 0 ? "" : ` (${rows} of ${of} ${of === 1 ? "row" : "rows"})`;
}

/** A kind of warning in one line. Where its sentence is longer than that, its remedy is left to the report. */
function lineOf(
  { fact, sentences, rows }: DoubtKind,
  { of, width, lead }: { of: number; width: number; lead: string },
): string[] {
  const count = countOf(rows, of);
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

/** A kind of warning, and its sentences in full. */
export interface WarningKind {
  /** What is doubted, and of how many rows. */
  readonly title: string;
  /** The sentences with their remedies. Equal ones are told once, with the rows that have them. */
  readonly sentences: readonly string[];
}

/** The warnings of a report by kind, those of the run first. */
export function warningKinds(report: Report, { withShape }: { withShape: boolean }): WarningKind[] {
  const nameOf = (row: Row) => `${row.variant} ${row.mode}${withShape ? ` at ${formatShape(row)}` : ""}`;
  const withRows = (sentence: string) => {
    const rows = report.rows.filter(({ warnings = [] }) =>
      warnings.some((warning) => plain(warning, Infinity) === sentence)
    );
    return `${sentence} (${enumerate(rows.map(nameOf))})`;
  };
  return kindsOf(report).map(({ fact, sentences, rows }) => ({
    title: fact + countOf(rows, report.rows.length),
    sentences: rows === 0 ? [...sentences] : [...sentences].map(withRows),
  }));
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
