/**
 * Lists for people: what can be asked for, and what would run.
 *
 * @module
 */

import { formatBytes, formatShape } from "../report/format.ts";
import { blocksOf, type Problem } from "../report/groups.ts";
import { formatDuration } from "./progress.ts";
import type { ReportMode, Row } from "../report/schema.ts";
import { line, wrap } from "../report/text.ts";

/** A name and what it stands for. */
export interface Entry {
  name: string;
  note: string;
}

const WIDTH = 100;

/** Sections of names with notes. */
export function renderEntries(sections: Readonly<Record<string, readonly Entry[]>>): string {
  const width = Math.max(...Object.values(sections).flat().map(({ name }) => name.length)) + 4;
  const lines = Object.entries(sections).flatMap(([title, entries]) => [
    title,
    ...entries.flatMap(({ name, note }) => wrap(note, { width: WIDTH, lead: `  ${name}`.padEnd(width) })),
    "",
  ]);
  return lines.join("\n");
}

/** A row that would run. */
export interface PlannedRow extends Problem {
  variant: string;
  mode: ReportMode;
  /** Why it would not; null where it would. */
  refusal: string | null;
  predictedPeakBytes: number | null;
}

/** What `--dry-run` prints: each row with its predicted memory, and about how long all of them take. */
export function renderPlan(rows: readonly PlannedRow[], seconds: number): string {
  const columns = [
    { heading: "variant", width: 28, align: "left" as const },
    { heading: "mode", width: 10, align: "left" as const },
    { heading: "predicted peak", width: 16, align: "right" as const },
  ];
  const lines = blocksOf(rows as unknown as Row[]).flatMap(({ problem, sections }) => [
    `${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ${problem.activation}`,
    line(columns.map(({ heading }) => heading), columns),
    ...(sections.flatMap((section) => section.rows) as unknown as PlannedRow[]).flatMap((row) => {
      const cells = line([row.variant, row.mode, formatBytes(row.predictedPeakBytes)], columns);
      return row.refusal === null
        ? [cells]
        : wrap(`skipped: ${row.refusal}`, { width: WIDTH, lead: `${cells}  ` });
    }),
    "",
  ]);
  const skipped = rows.filter(({ refusal }) => refusal !== null).length;
  const run = rows.length - skipped;
  const count = `${run} ${run === 1 ? "row" : "rows"}${skipped === 0 ? "" : `, ${skipped} skipped`}`;
  return [...lines, `${count}, about ${formatDuration(1000 * seconds)}`].join("\n");
}
