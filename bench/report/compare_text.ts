/**
 * A comparison for the terminal.
 *
 * @module
 */

import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import { blindSpots, type Comparison, type Pair, regressions } from "./compare.ts";
import { formatRatio, formatShape, formatTime, greatest } from "./format.ts";
import { blocksOf, CLOCK_RULE, type RowClock, statisticsOf, timeOf } from "./groups.ts";
import { type Layout, type LineStyle, paint, proseWidth, UNBOUNDED } from "./layout.ts";
import type { Row } from "./schema.ts";
import { type Column, enumerate, fitted, type FittedColumn, line, wrap } from "./text.ts";
import { kindLines } from "./warnings.ts";

const DRIFT = "by drift";

const COLUMNS: readonly Column[] = [
  { heading: "variant", width: 16, align: "left" },
  { heading: "mode", width: 10, align: "left" },
  { heading: "before", width: 11, align: "right" },
  { heading: "after", width: 11, align: "right" },
  { heading: "ratio", width: 8, align: "right" },
  { heading: DRIFT, width: 13, align: "right", leaves: 2 },
  { heading: "p", width: 8, align: "right", leaves: 1 },
  { heading: "verdict", width: 12, align: "left" },
];

/** The colours of verdicts. */
const STYLES: { readonly [verdict in Pair["verdict"]]?: LineStyle } = {
  faster: "good",
  mended: "good",
  slower: "bad",
  broken: "bad",
  "in doubt": "doubt",
  machine: "doubt",
};

/** A comparison as text: doubts, rows, notes, and what they add up to. */
export function renderComparison(comparison: Comparison, { failOnRegression = null, layout = UNBOUNDED }: {
  /** Percent by which a row may be slower. Null where no limit was given. */
  failOnRegression?: number | null;
  layout?: Layout;
} = {}): string {
  const { pairs, onlyBefore, onlyAfter } = comparison;
  const width = proseWidth(layout);
  const doubts = doubtLines(comparison, layout);
  const cells = new Map(pairs.map((pair) => [pair.after, pairCells(pair)]));
  const verdicts = new Map(pairs.map(({ after, verdict }) => [after, verdict]));
  const headings = COLUMNS.map(({ heading }) => heading);
  const columns = fitted(COLUMNS, { lines: [headings, ...cells.values()], width: layout.columns });
  const rowLine = (row: Row) => {
    const style = STYLES[verdicts.get(row)!];
    const text = line(cells.get(row)!, columns);
    return style === undefined ? text : paint(style, text, layout);
  };
  const lines = [
    ...doubts,
    ...doubts.length > 0 ? [""] : [],
    ...blocksOf(pairs.map(({ after }) => after)).flatMap(({ problem, sections }) => [
      ...wrap(
        `${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ${problem.activation}`,
        { width },
      ).map((title) => paint("bold", title, layout)),
      paint("dim", line(headings, columns), layout),
      ...sections.flatMap(({ rows }) => rows.map(rowLine)),
      "",
    ]),
    ...notes(comparison, { width, columns }),
    ...onlyLines("before", onlyBefore, width),
    ...onlyLines("after", onlyAfter, width),
    ...wrap(sumLine(pairs), { width }),
  ];
  if (failOnRegression !== null) {
    lines.push(...verdictLines(comparison, { percent: failOnRegression, width }));
  }
  return lines.join("\n");
}

/** What differs between the runs, and the warnings of each, one line a kind. */
function doubtLines({ obstacles, differences, doubted }: Comparison, layout: Layout): string[] {
  const told = [...obstacles.map((obstacle) => `${obstacle} The times cannot be compared.`), ...differences];
  return [
    ...told.flatMap((doubt) => wrap(doubt, { width: proseWidth(layout), lead: "! " }))
      .map((text) => paint("doubt", text, layout)),
    ...kindLines(doubted.before, { lead: "! before: ", layout }),
    ...kindLines(doubted.after, { lead: "! after: ", layout }),
  ];
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
    verdict,
  ];
}

/** The time by the clock that is compared, or by whichever there is. Wall time gets its mark. */
function timeCell(row: Row, compared: RowClock | null): string {
  const clock = compared ?? timeOf(row)?.clock ?? null;
  if (clock === null) return "-";
  return formatTime(statisticsOf(row, clock)!.median) + (clock === "wall" ? "*" : "");
}

/** What marks, columns and verdicts mean. */
function notes(
  { pairs, noise }: Comparison,
  { width, columns }: { width: number; columns: readonly FittedColumn[] },
): string[] {
  const missing = COLUMNS.filter((_, i) => columns.every(({ index }) => index !== i));
  const names = enumerate(missing.map(({ heading }) => heading));
  const wall = pairs.flatMap(({ before, after }) => [before, after]).some((row) =>
    timeOf(row)?.clock === "wall"
  );
  const judged = pairs.some(({ interval }) => interval !== null);
  const verdicts = new Set(pairs.map(({ verdict }) => verdict));
  const lines = [
    wall || pairs.some(({ clock }) => clock === "wall") ? `* wall time. ${CLOCK_RULE}` : "",
    judged && !names.includes(DRIFT) ? `${DRIFT}: the ratios that drift within the runs can explain.` : "",
    judged
      ? "slower, faster: it differs by more than drift within the runs can explain, by more than " +
        `${percentText(noise)} %, and by more than the others of its problem.`
      : "",
    verdicts.has("same")
      ? "same: what differs, drift within the runs or noise can explain, however much it is."
      : "",
    verdicts.has("in doubt")
      ? "in doubt: it differs, but does not stand out from the others, so that load or clocks may be why."
      : "",
    verdicts.has("machine")
      ? "machine: it differs as much as the ceilings, which the machine set in both runs."
      : "",
    verdicts.has("too few") ? `too few: it has fewer than ${FEWEST_TO_COMPARE} samples.` : "",
    names === "" ? "" : `In a wider terminal: ${names}.`,
  ].filter((note) => note !== "");
  return lines.length === 0 ? [] : [...lines.flatMap((note) => wrap(note, { width })), ""];
}

/** A part as percent, without digits that rounding made. */
function percentText(part: number): string {
  return String(Number((100 * part).toFixed(6)));
}

/** Most variants, and most shapes, that are named of rows that only one report has. */
const MOST_VARIANTS = 4;
const MOST_SHAPES = 2;

/** The rows that only one report has: how many, and what they are of. */
function onlyLines(when: "before" | "after", rows: readonly Row[], width: number): string[] {
  if (rows.length === 0) return [];
  const distinct = (of: (row: Row) => string) => [...new Set(rows.map(of))];
  const parts = [
    enumerate(distinct(({ variant }) => variant), MOST_VARIANTS),
    enumerate(distinct(({ mode }) => mode)),
    distinct(formatShape).length > MOST_SHAPES
      ? `${distinct(formatShape).length} shapes`
      : enumerate(distinct(formatShape)),
    enumerate(distinct(({ dtype }) => dtype)),
    `precision ${enumerate(distinct(({ precision }) => precision))}`,
  ];
  return wrap(`${rows.length} ${rows.length === 1 ? "row" : "rows"} only ${when}: ${parts.join("; ")}`, {
    width,
  });
}

function sumLine(pairs: readonly Pair[]): string {
  const counts = [...Map.groupBy(pairs, ({ verdict }) => verdict)].map(([verdict, of]) =>
    `${of.length} ${verdict}`
  );
  return `${pairs.length} ${pairs.length === 1 ? "row" : "rows"} compared: ${counts.join(", ")}`;
}

function verdictLines(
  comparison: Comparison,
  { percent, width }: { percent: number; width: number },
): string[] {
  const worse = regressions(comparison, percent);
  const blind = blindSpots(comparison, percent);
  if (worse.length === 0 && blind.length === 0) {
    return [`no regression of more than ${percent} %`, ...hiddenLine(comparison, percent)];
  }
  const inconclusive = blind.flatMap((spot) => wrap(spot, { width, lead: "inconclusive: " }));
  return [...inconclusive, ...worse.flatMap((pair) => regressionLines(pair, width))];
}

/** How much drift within the runs could hide. Empty where that is no more than `percent`. */
function hiddenLine({ pairs }: Comparison, percent: number): string[] {
  const hidden = 100 * (greatest(pairs.map(({ interval }) => interval?.[1])) - 1);
  return hidden > percent ? [`drift within the runs can hide up to ${hidden.toFixed(0)} %`] : [];
}

function regressionLines({ after, ratio, verdict }: Pair, width: number): string[] {
  const how = ratio === null ? verdict : `slower by ${(100 * (ratio - 1)).toFixed(1)} %`;
  return wrap(`${after.variant} ${after.mode} (${formatShape(after)}, ${after.dtype}): ${how}`, {
    width,
    lead: "regression: ",
  });
}
