/**
 * A comparison for the terminal, at most 100 columns wide.
 *
 * @module
 */

import { blindSpots, type Comparison, type Pair, regressions } from "./compare.ts";
import { formatRatio, formatShape, formatTime } from "./format.ts";
import { blocksOf, timeOf } from "./groups.ts";
import type { Row } from "./schema.ts";
import { plain } from "./shape.ts";
import { type Column, line, wrap } from "./text.ts";

const WIDTH = 100;

const COLUMNS: readonly Column[] = [
  { heading: "variant", width: 24, align: "left" },
  { heading: "mode", width: 9, align: "left" },
  { heading: "before", width: 12, align: "right" },
  { heading: "after", width: 12, align: "right" },
  { heading: "ratio", width: 8, align: "right" },
  { heading: "95 % range", width: 15, align: "right" },
  { heading: "p", width: 8, align: "right" },
  { heading: "  verdict", width: 12, align: "left" },
];

/** What a comparison says, row by row and in sum. */
export function renderComparison(comparison: Comparison, { failOnRegression = null }: {
  /** Percent that a row may be slower; null where none was given. */
  failOnRegression?: number | null;
} = {}): string {
  const { obstacles, differences, pairs, onlyBefore, onlyAfter } = comparison;
  const doubts = [
    ...obstacles.map((obstacle) => `${obstacle} The times cannot be compared.`),
    ...differences,
  ];
  const lines = [
    ...doubts.flatMap((doubt) => wrap(doubt, { width: WIDTH, lead: "! " })),
    ...doubts.length > 0 ? [""] : [],
    ...blocksOf(pairs.map(({ after }) => after)).flatMap(({ problem, sections }) => [
      `${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ${problem.activation}`,
      line(COLUMNS.map(({ heading }) => heading), COLUMNS),
      ...sections.flatMap(({ rows }) =>
        rows.map((row) => pairLine(pairs.find(({ after }) => after === row)!))
      ),
      "",
    ]),
    ...namesLine("only before", onlyBefore),
    ...namesLine("only after", onlyAfter),
    sumLine(pairs),
  ];
  if (failOnRegression !== null) {
    lines.push(...verdictLines(comparison, failOnRegression));
  }
  return lines.join("\n");
}

function pairLine({ before, after, ratio, interval, p, verdict }: Pair): string {
  const time = (row: Row) => formatTime(timeOf(row)?.statistics.median ?? null);
  return line([
    plain(after.variant, COLUMNS[0].width - 1),
    after.mode,
    time(before),
    time(after),
    ratio === null ? "-" : formatRatio(ratio),
    interval === null ? "-" : `${interval[0].toFixed(3)}-${interval[1].toFixed(3)}`,
    p === null ? "-" : p < 0.0001 ? "<0.0001" : p.toFixed(4),
    `  ${verdict}`,
  ], COLUMNS);
}

function namesLine(title: string, rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const names = rows.map((row) => `${row.variant} ${row.mode} (${formatShape(row)}, ${row.dtype})`).join(
    ", ",
  );
  return wrap(names, { width: WIDTH, lead: `${title}: ` });
}

function sumLine(pairs: readonly Pair[]): string {
  const counts = [...Map.groupBy(pairs, ({ verdict }) => verdict)].map(([verdict, of]) =>
    `${of.length} ${verdict}`
  );
  return `${pairs.length} ${pairs.length === 1 ? "row" : "rows"} compared: ${counts.join(", ")}`;
}

function verdictLines(comparison: Comparison, percent: number): string[] {
  const worse = regressions(comparison, percent);
  const blind = blindSpots(comparison);
  if (worse.length === 0 && blind.length === 0) return [`no regression of more than ${percent} %`];
  const inconclusive = blind.flatMap((spot) => wrap(spot, { width: WIDTH, lead: "inconclusive: " }));
  return [...inconclusive, ...worse.flatMap(regressionLines)];
}

function regressionLines({ after, ratio, verdict }: Pair): string[] {
  const how = ratio === null ? verdict : `slower by ${(100 * (ratio - 1)).toFixed(1)} %`;
  return wrap(`${after.variant} ${after.mode} (${formatShape(after)}, ${after.dtype}): ${how}`, {
    width: WIDTH,
    lead: "regression: ",
  });
}
