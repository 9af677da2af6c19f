/**
 * How times scatter: every sample, the middle of them, and the median.
 *
 * Each time is drawn as its deviation from the row's own median. On an axis of times, a variant that is ten times slower
 * would leave no room for the scatter of the others.
 *
 * @module
 */

import { formatTime, greatest, least } from "../report/format.ts";
import { timeOf } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { STEP } from "./bars.ts";
import {
  type ChartView,
  type Drawn,
  leftOut,
  modesOf,
  modeWords,
  nameOf,
  orderOf,
  type Spec,
  variantAxis,
  variantColor,
} from "./chart.ts";
import { modePanels } from "./layout.ts";
import { FAINT, FONT_SIZE, INK } from "./theme.ts";

/** Most samples that are drawn for a row. More would only make the file larger. */
const MOST_SAMPLES = 150;

/** Most that the axis goes from the median, in times the longest side of a box. Late samples must not squeeze the rest. */
const REACH = 6;

/** Evenly chosen elements of the sorted list, ends included. */
export function thin(sorted: readonly number[], most: number): number[] {
  if (sorted.length <= most) return [...sorted];
  return Array.from({ length: most }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (most - 1))]);
}

/** How far the row's times lie from its median, in percent of the median. */
function deviations(row: Row) {
  const { samples, p20, p80, median } = timeOf(row)!.statistics;
  const percent = (ns: number) => (100 * (ns - median)) / median;
  return { samples: samples.map(percent).toSorted((a, b) => a - b), p20: percent(p20), p80: percent(p80) };
}

/** The ends of the axis, in percent. It shows all samples, but goes no further than {@link REACH}. */
export function reachOf(rows: readonly Row[]): [number, number] {
  const all = rows.map(deviations);
  const box = greatest(all.flatMap(({ p20, p80 }) => [-p20, p80]));
  const reach = REACH * Math.max(box, 0.5);
  const low = least(all.map(({ samples }) => samples[0]));
  const high = greatest(all.map(({ samples }) => samples[samples.length - 1]));
  return [Math.max(low, -reach) - 0.1 * box, Math.min(high, reach) + 0.1 * box || 1];
}

/** The samples of a row that lie on the axis, as deviations. */
function strip(row: Row, [low, high]: [number, number]): Spec[] {
  const shown = deviations(row).samples.filter((value) => value >= low && value <= high);
  return thin(shown, MOST_SAMPLES).map((value) => ({ variant: nameOf(row.variant), value }));
}

/** How many samples of a row lie beyond the end of the axis, as text. Empty where none does. */
function beyond(row: Row, [low, high]: [number, number]): Spec[] {
  const { samples } = deviations(row);
  const sides = [
    { count: samples.filter((value) => value < low).length, value: low, text: "< " },
    { count: samples.filter((value) => value > high).length, value: high, text: "> " },
  ];
  return sides.filter(({ count }) => count > 0)
    .map(({ count, value, text }) => ({ variant: nameOf(row.variant), value, text: text + count }));
}

function box(row: Row, [low, high]: [number, number]): Spec {
  const { p20, median, p80, n, cv } = timeOf(row)!.statistics;
  const deviation = deviations(row);
  const noise = cv === null ? "" : `, cv ${(100 * cv).toFixed(1)} %`;
  return {
    variant: nameOf(row.variant),
    p20: Math.max(deviation.p20, low),
    median: 0,
    p80: Math.min(deviation.p80, high),
    tip: `${plain(row.variant, 60)}, ${row.mode}: median ${formatTime(median)}, p20 ${formatTime(p20)}, ` +
      `p80 ${formatTime(p80)}, ${n} samples${noise}`,
  };
}

function panel(
  rows: readonly Row[],
  { order, width, showNames }: { order: string[]; width: number; showNames: boolean },
) {
  const reach = reachOf(rows);
  const x = (field: string) => ({
    field,
    type: "quantitative",
    scale: { domain: reach, nice: false },
    axis: { title: "beyond the median, %", tickCount: 4 },
  });
  const y = variantAxis(order, showNames);
  const late = (side: string, align: string, dx: number) => ({
    data: {
      values: rows.flatMap((row) => beyond(row, reach)).filter(({ text }) => String(text)[0] === side),
    },
    mark: { type: "text", align, dx, fontSize: FONT_SIZE, color: FAINT, aria: false },
    encoding: { y, x: x("value"), text: { field: "text" } },
  });
  const boxes = { values: rows.map((row) => box(row, reach)) };
  const description = { field: "tip" };
  return {
    width,
    height: { step: STEP },
    layer: [
      {
        data: boxes,
        mark: { type: "bar", height: { band: 0.72 }, opacity: 0.35, stroke: INK, strokeWidth: 0.5 },
        encoding: { y, x: x("p20"), x2: { field: "p80" }, color: variantColor(order), description },
      },
      {
        data: { values: rows.flatMap((row) => strip(row, reach)) },
        mark: { type: "tick", thickness: 1.2, opacity: 0.6, height: 9, aria: false },
        encoding: { y, x: x("value"), color: variantColor(order) },
      },
      {
        data: boxes,
        mark: { type: "tick", thickness: 2, color: INK, height: 16 },
        encoding: { y, x: x("median"), description },
      },
      late("<", "left", 2),
      late(">", "right", -2),
    ],
  };
}

/** Draws strips of samples over boxes from p20 to p80, in a panel for each mode. */
export function drawLatency(view: ChartView): Drawn {
  const timed = view.rows.filter((row) => timeOf(row) !== null);
  if (timed.length === 0) return { reason: "no row was timed" };
  const order = orderOf({ rows: timed });
  const thinned = timed.some((row) => timeOf(row)!.statistics.samples.length > MOST_SAMPLES);
  const late = modesOf(timed).some((mode) => {
    const rows = timed.filter((row) => row.mode === mode);
    return rows.some((row) => beyond(row, reachOf(rows)).length > 0);
  });
  return {
    title: `Spread of all samples: ${modeWords(timed)}`,
    panels: [
      modePanels(
        { ...view, rows: timed },
        order,
        (rows, { first, width }) => panel(rows, { order, width, showNames: first }),
      ),
    ],
    notes: [
      "One thin line for each sample, in percent of the variant's own median. Box: p20 to p80." +
      (late ? " > 3: three samples are later than the panel shows; < 3: earlier." : "") +
      (thinned ? ` Of a row with more samples, ${MOST_SAMPLES} are drawn, evenly chosen.` : ""),
      ...leftOut(view.rows, timed, "a time"),
    ],
  };
}
