/**
 * Lists for people: what can be asked for, and what would run.
 *
 * @module
 */

import { formatBytes, formatShape } from "../report/format.ts";
import { blocksOf, type ReportProblem } from "../report/groups.ts";
import { formatDuration } from "../report/estimate.ts";
import { type Layout, paint, proseWidth, UNBOUNDED } from "../report/layout.ts";
import type { ReportMode, Row } from "../report/schema.ts";
import { type Column, fitted, line, wrap } from "../report/text.ts";

/** A name and what it stands for. */
export interface Entry {
  name: string;
  note: string;
}

/** Sections of names with notes. */
export function renderEntries(
  sections: Readonly<Record<string, readonly Entry[]>>,
  layout: Layout = UNBOUNDED,
): string {
  const width = Math.max(...Object.values(sections).flat().map(({ name }) => name.length)) + 4;
  const lines = Object.entries(sections).flatMap(([title, entries]) => [
    paint("bold", title, layout),
    ...entries.flatMap(({ name, note }) =>
      wrap(note, { width: proseWidth(layout), lead: `  ${name}`.padEnd(width) })
    ),
    "",
  ]);
  return lines.join("\n");
}

/** A row that would run. */
export interface ListedRow extends ReportProblem {
  variant: string;
  mode: ReportMode;
  /** Why it would not; null where it would. */
  refusal: string | null;
  predictedPeakBytes: number | null;
}

const COLUMNS: readonly Column[] = [
  { heading: "variant", width: 16, align: "left" },
  { heading: "mode", width: 10, align: "left" },
  { heading: "predicted peak", width: 16, align: "right" },
];

/** What `--dry-run` prints: each row with its predicted memory, and about how long all of them take. */
export function renderPlan(
  rows: readonly ListedRow[],
  { seconds, layout = UNBOUNDED }: { seconds: number; layout?: Layout },
): string {
  const headings = COLUMNS.map(({ heading }) => heading);
  const cellsOf = ({ variant, mode, predictedPeakBytes }: ListedRow) => [
    variant,
    mode,
    formatBytes(predictedPeakBytes),
  ];
  const columns = fitted(COLUMNS, { lines: [headings, ...rows.map(cellsOf)], width: layout.columns });
  const lines = blocksOf(rows as unknown as Row[]).flatMap(({ problem, sections }) => [
    ...titleLines(problem, layout),
    paint("dim", line(headings, columns), layout),
    ...(sections.flatMap((section) => section.rows) as unknown as ListedRow[]).flatMap((row) => [
      line(cellsOf(row), columns),
      ...row.refusal === null ? [] : wrap(row.refusal, { width: proseWidth(layout), lead: "    skipped: " }),
    ]),
    "",
  ]);
  const skipped = rows.filter(({ refusal }) => refusal !== null).length;
  const run = rows.length - skipped;
  const count = `${run} ${run === 1 ? "row" : "rows"}${skipped === 0 ? "" : `, ${skipped} skipped`}`;
  return [...lines, `${count}, about ${formatDuration(1000 * seconds)}`].join("\n");
}

function titleLines(problem: ReportProblem, layout: Layout): string[] {
  const title = `${
    formatShape(problem)
  } | ${problem.dtype} | precision ${problem.precision} | ${problem.activation}`;
  return wrap(title, { width: proseWidth(layout) }).map((text) => paint("bold", text, layout));
}
