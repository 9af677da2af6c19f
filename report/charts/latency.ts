/**
 * How times scatter: every sample, the middle of them, and the median.
 *
 * @module
 */

import { formatTime, least, timeUnit } from "../format.ts";
import { medianOf, timeOf } from "../groups.ts";
import type { Row } from "../schema.ts";
import { plain } from "../shape.ts";
import { quantity } from "./axes.ts";
import { STEP } from "./bars.ts";
import {
  type Drawn,
  modePanels,
  modeWords,
  nameOf,
  orderOf,
  type Spec,
  variantAxis,
  variantColor,
  type View,
} from "./chart.ts";
import { INK } from "./theme.ts";

/** Samples drawn for each row: more would only make the picture heavier. */
const MOST_SAMPLES = 150;

/** Evenly chosen elements of the sorted list, ends included. */
export function thin(sorted: readonly number[], most: number): number[] {
  if (sorted.length <= most) return [...sorted];
  return Array.from({ length: most }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (most - 1))]);
}

function strip(row: Row, unit: number): Spec[] {
  const { samples } = timeOf(row)!.statistics;
  const kept = thin(samples.toSorted((a, b) => a - b), MOST_SAMPLES);
  return kept.map((ns) => ({ variant: nameOf(row.variant), time: ns / unit }));
}

function box(row: Row, unit: number): Spec {
  const { p20, median, p80, n, cv } = timeOf(row)!.statistics;
  const noise = cv === null ? "" : `, cv ${(100 * cv).toFixed(1)} %`;
  return {
    variant: nameOf(row.variant),
    p20: p20 / unit,
    median: median / unit,
    p80: p80 / unit,
    tip: `${plain(row.variant, 60)}, ${row.mode}: median ${formatTime(median)}, p20 ${formatTime(p20)}, ` +
      `p80 ${formatTime(p80)}, ${n} samples${noise}`,
  };
}

/** Strips of samples over boxes from p20 to p80, a panel for each mode. */
export function drawLatency(view: View): Drawn {
  const timed = view.rows.filter((row) => medianOf(row) !== null);
  if (timed.length === 0) return { reason: "no row was timed" };
  const unit = timeUnit(least(timed.map(medianOf)));
  const order = orderOf({ rows: timed });
  const panels = modePanels({ ...view, rows: timed }, (rows, { first }) => {
    const samples = rows.flatMap((row) => strip(row, unit.size));
    const times = samples.map((sample) => Number(sample.time));
    const x = (field: string) => quantity(field, times, { title: `time, ${unit.name}` });
    const y = variantAxis(order, first);
    const boxes = { values: rows.map((row) => box(row, unit.size)) };
    const description = { field: "tip" };
    return {
      width: view.panelWidth,
      height: { step: STEP },
      layer: [
        {
          data: boxes,
          mark: { type: "bar", height: { band: 0.72 }, opacity: 0.35, stroke: INK, strokeWidth: 0.5 },
          encoding: { y, x: x("p20"), x2: { field: "p80" }, color: variantColor(order, null), description },
        },
        {
          data: { values: samples },
          mark: { type: "tick", thickness: 1, opacity: 0.55, height: 9, aria: false },
          encoding: { y, x: x("time"), color: variantColor(order, null) },
        },
        {
          data: boxes,
          mark: { type: "tick", thickness: 2, color: INK, height: 16 },
          encoding: { y, x: x("median"), description },
        },
      ],
    };
  });
  return {
    title: `Every sample: ${modeWords(timed)}`,
    panels,
    notes: ["Box: p20 to p80. Black: median. One thin line for each sample."],
  };
}
