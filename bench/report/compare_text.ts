/**
 * A comparison for the terminal, at most 100 columns wide.
 *
 * @module
 */

import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import { blindSpots, type Comparison, type Pair, regressions } from "./compare.ts";
import { formatRatio, formatShape, formatTime, greatest } from "./format.ts";
import { blocksOf, type Clock, CLOCK_RULE, statisticsOf, timeOf } from "./groups.ts";
import { NOISE } from "./judge.ts";
import type { Row } from "./schema.ts";
import { type Column, fitted, line, wrap } from "./text.ts";

const WIDTH = 100;

const COLUMNS: readonly Column[] = [
  { heading: "variant", width: 24, align: "left" },
  { heading: "mode", width: 9, align: "left" },
  { heading: "before", width: 12, align: "right" },
  { heading: "after", width: 12, align: "right" },
  { heading: "ratio", width: 8, align: "right" },
  { heading: "by drift", width: 15, align: "right" },
  { heading: "p", width: 8, align: "right" },
  { heading: "  verdict", width: 12, align: "left" },
];

/** A comparison as text: doubts, rows, notes, and what they add up to. */
export function renderComparison(comparison: Comparison, { failOnRegression = null }: {
  /** Percent by which a row may be slower. Null where no limit was given. */
  failOnRegression?: number | null;
} = {}): string {
  const { obstacles, differences, warnings, pairs, onlyBefore, onlyAfter } = comparison;
  const doubts = [
    ...obstacles.map((obstacle) => `${obstacle} The times cannot be compared.`),
    ...differences,
    ...warnings.before.map((warning) => `before: ${warning}`),
    ...warnings.after.map((warning) => `after: ${warning}`),
  ];
  const cells = new Map(pairs.map((pair) => [pair.after, pairCells(pair)]));
  const headings = COLUMNS.map(({ heading }) => heading);
  const columns = fitted(COLUMNS, { lines: [headings, ...cells.values()], width: WIDTH });
  const lines = [
    ...doubts.flatMap((doubt) => wrap(doubt, { width: WIDTH, lead: "! " })),
    ...doubts.length > 0 ? [""] : [],
    ...blocksOf(pairs.map(({ after }) => after)).flatMap(({ problem, sections }) => [
      ...wrap(
        `${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ${problem.activation}`,
        { width: WIDTH },
      ),
      line(headings, columns),
      ...sections.flatMap(({ rows }) => rows.map((row) => line(cells.get(row)!, columns))),
      "",
    ]),
    ...notes(pairs),
    ...namesLine("only before", onlyBefore),
    ...namesLine("only after", onlyAfter),
    sumLine(pairs),
  ];
  if (failOnRegression !== null) {
    lines.push(...verdictLines(comparison, failOnRegression));
  }
  return lines.join("\n");
}

function pairCells({ before, after, clock, ratio, interval, p, verdict }: Pair): string[] {
  return [
    after.variant,
    after.mode,
    timeCell(before, clock),
    timeCell(after, clock),
    ratio === null ? "-" : formatRatio(ratio),
    interval === null ? "-" : `${interval[0].toFixed(3)}-${interval[1].toFixed(3)}`,
    p === null ? "-" : p < 0.0001 ? "<0.0001" : p.toFixed(4),
    `  ${verdict}`,
  ];
}

/** The time by the clock that is compared, or by whichever there is. Wall time gets its mark. */
function timeCell(row: Row, compared: Clock | null): string {
  const clock = compared ?? timeOf(row)?.clock ?? null;
  if (clock === null) return "-";
  return formatTime(statisticsOf(row, clock)!.median) + (clock === "wall" ? "*" : "");
}

/** What marks, columns and verdicts mean. */
function notes(pairs: readonly Pair[]): string[] {
  const wall = pairs.flatMap(({ before, after }) => [before, after]).some((row) =>
    timeOf(row)?.clock === "wall"
  );
  const judged = pairs.some(({ interval }) => interval !== null);
  const verdicts = new Set(pairs.map(({ verdict }) => verdict));
  const lines = [
    wall || pairs.some(({ clock }) => clock === "wall") ? `* wall time. ${CLOCK_RULE}` : "",
    judged
      ? `by drift: the ratios that drift within the runs can explain. Slower and faster rows differ by more than ` +
        `that, by more than ${100 * NOISE} %, and by more than the others of their problem.`
      : "",
    verdicts.has("in doubt")
      ? "in doubt: it differs, but does not stand out from the others, so that load or clocks may be why."
      : "",
    verdicts.has("machine")
      ? "machine: it differs as much as the ceilings, which the machine set in both runs."
      : "",
    verdicts.has("too few") ? `too few: it has fewer than ${FEWEST_TO_COMPARE} samples.` : "",
  ].filter((note) => note !== "");
  return lines.length === 0 ? [] : [...lines.flatMap((note) => wrap(note, { width: WIDTH })), ""];
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
  const blind = blindSpots(comparison, percent);
  if (worse.length === 0 && blind.length === 0) {
    return [`no regression of more than ${percent} %`, ...hiddenLine(comparison, percent)];
  }
  const inconclusive = blind.flatMap((spot) => wrap(spot, { width: WIDTH, lead: "inconclusive: " }));
  return [...inconclusive, ...worse.flatMap(regressionLines)];
}

/** How much drift within the runs could hide. Empty where that is no more than `percent`. */
function hiddenLine({ pairs }: Comparison, percent: number): string[] {
  const hidden = 100 * (greatest(pairs.map(({ interval }) => interval?.[1])) - 1);
  return hidden > percent ? [`drift within the runs can hide up to ${hidden.toFixed(0)} %`] : [];
}

function regressionLines({ after, ratio, verdict }: Pair): string[] {
  const how = ratio === null ? verdict : `slower by ${(100 * (ratio - 1)).toFixed(1)} %`;
  return wrap(`${after.variant} ${after.mode} (${formatShape(after)}, ${after.dtype}): ${how}`, {
    width: WIDTH,
    lead: "regression: ",
  });
}
