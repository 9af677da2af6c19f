/**
 * Two reports against each other: what became faster, what slower.
 *
 * @module
 */

import type { Comparison, Pair } from "../report/compare.ts";
import { formatTime, greatest, least } from "../report/format.ts";
import { machineOf, statisticsOf } from "../report/groups.ts";
import type { Report, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { STEP } from "./bars.ts";
import { type ChartView, type Drawn, leftOut, nameOf, orderOf, type Spec, variantAxis } from "./chart.ts";
import { modePanels } from "./layout.ts";
import { FAINT, FONT_SIZE, INK } from "./theme.ts";

/** Verdicts and their colours: blue, orange and yellow are told apart by everyone. */
const VERDICTS: Record<string, string> = {
  faster: "#0072b2",
  slower: "#d5390e",
  "in doubt": "#e0ac1c",
  "no clear difference": "#8b949e",
};

function datum({ before, after, clock, ratio, interval, verdict: judged }: Pair): Spec {
  const base = { variant: nameOf(after.variant), name: `${plain(after.variant, 60)}, ${after.mode}` };
  if (ratio === null || clock === null) {
    const became = before.status === after.status ? after.status : `${before.status}, then ${after.status}`;
    return { ...base, ratio: null, at: 1, text: became, tip: `${base.name}: ${became}` };
  }
  const verdict = Object.hasOwn(VERDICTS, judged) ? judged : "no clear difference";
  const time = (row: Row) => `${formatTime(statisticsOf(row, clock)!.median)} ${clock} time`;
  return {
    ...base,
    ratio,
    at: interval?.[1] ?? ratio,
    low: interval?.[0] ?? ratio,
    high: interval?.[1] ?? ratio,
    verdict,
    text: `${ratio.toFixed(3)}x${clock === "wall" ? "*" : ""}`,
    tip: `${base.name}: ${time(before)} before, ${time(after)} after, ${judged}`,
  };
}

/** The ends of the axis of ratios. They include all ratios and 1, and leave room for the text beside the last. */
function ratioDomain(data: readonly Spec[]): [number, number] {
  const low = Math.min(1, least(data.map((row) => row.low as number | undefined)));
  const high = Math.max(1, greatest(data.map((row) => row.high as number | undefined)));
  const room = Math.max(high - low, 0.04);
  return [low - 0.1 * room, high + 0.6 * room];
}

function panel(
  data: Spec[],
  { order, width, showNames }: { order: string[]; width: number; showNames: boolean },
): Spec {
  const x = (field: string) => ({
    field,
    type: "quantitative",
    scale: { domain: ratioDomain(data), nice: false, zero: false },
    axis: { title: "time after / time before", tickCount: 4, format: ".2f" },
  });
  const color = {
    field: "verdict",
    type: "nominal",
    scale: { domain: Object.keys(VERDICTS), range: Object.values(VERDICTS) },
    legend: { columns: 2 },
  };
  const y = variantAxis(order, showNames);
  const timed = [{ filter: "datum.ratio !== null" }];
  const text = { type: "text", align: "left", dx: 8, fontSize: FONT_SIZE };
  return {
    width,
    height: { step: STEP },
    data: { values: data },
    layer: [
      {
        data: { values: [{ one: 1 }] },
        mark: { type: "rule", color: FAINT, strokeDash: [4, 3], aria: false },
        encoding: { x: x("one") },
      },
      {
        transform: timed,
        mark: { type: "rule", strokeWidth: 2, aria: false },
        encoding: { y, x: x("low"), x2: { field: "high" }, color },
      },
      {
        transform: timed,
        mark: { type: "point", filled: true, size: 70, opacity: 1 },
        encoding: { y, x: x("ratio"), color, description: { field: "tip" } },
      },
      {
        transform: timed,
        mark: { ...text, color: INK, aria: false },
        encoding: { y, x: x("at"), text: { field: "text" } },
      },
      {
        transform: [{ filter: "datum.ratio === null" }],
        mark: { ...text, color: FAINT, fontStyle: "italic" },
        encoding: { y, x: x("at"), text: { field: "text" }, description: { field: "tip" } },
      },
    ],
  };
}

function runWords(report: Report): string {
  return `${plain(machineOf(report), 60)}, ${plain(report.createdAt.slice(0, 16), 16).replace("T", " ")}`;
}

/** Ratios of the rows that both reports have; the view is of the later report, and shows some of the comparison. */
export function drawComparison(
  view: ChartView,
  { before, comparison: { pairs, obstacles } }: { before: Report; comparison: Comparison },
): Drawn {
  const byRow = new Map(pairs.map((pair) => [pair.after, pair]));
  const rows = view.rows.filter((row) => byRow.has(row));
  if (rows.length === 0) return { reason: "the two reports have no row in common" };
  const order = orderOf({ rows });
  return {
    title: `Time after against time before: ${verdictWords(rows.map((row) => byRow.get(row)!))}`,
    panels: [
      modePanels(
        { ...view, rows },
        order,
        (rows, { first, width }) =>
          panel(rows.map((row) => datum(byRow.get(row)!)), { order, width, showNames: first }),
      ),
    ],
    notes: [
      `Before: ${runWords(before)}. After: ${runWords(view.report)}.`,
      ...obstacles.map((obstacle) => `Not alike: ${plain(obstacle, 160)}`),
      "Left of the dashed line is faster. Lines: the ratios that drift within the runs can explain. " +
      "Blue and orange differ by more than that, and by more than the others of their problem.",
      ...rows.some((row) => byRow.get(row)!.clock === "wall") ? ["* wall time against wall time."] : [],
      ...leftOut(view.rows, rows, "a row in the earlier report"),
    ],
  };
}

/** How many rows have each verdict, such as `1 faster, 7 no clear difference`. */
function verdictWords(pairs: readonly Pair[]): string {
  const counts = Map.groupBy(pairs.map(datum), ({ verdict }) => verdict as string | undefined);
  return [...Object.keys(VERDICTS), undefined].flatMap((verdict) => {
    const count = counts.get(verdict)?.length ?? 0;
    return count === 0 ? [] : [`${count} ${verdict ?? "without a time"}`];
  }).join(", ");
}
