/**
 * Time against memory, and accuracy against speed: what a variant costs besides time.
 *
 * @module
 */

import {
  byteUnit,
  formatBytes,
  formatError,
  formatRate,
  formatTime,
  greatest,
  least,
  rateUnit,
  timeUnit,
} from "../report/format.ts";
import { errorOf, medianOf, wallNotes } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type ChartView, type Drawn, leftOut, modeWords, orderOf } from "./chart.ts";
import { stackedPanels } from "./layout.ts";
import { AXIS_WIDTH, type Point, type ScatterPanel, scatterPanel, TO_NAMES } from "./scatter.ts";

const name = (row: Row) => `${plain(row.variant, 60)}, ${row.mode}`;

/** A panel of points for each part of the rows, with the names of variants beside it. */
function scatterPanels(
  view: ChartView,
  point: (row: Row) => Point,
  options: Omit<ScatterPanel, "order" | "width">,
) {
  const order = orderOf(view);
  return stackedPanels(
    view,
    { order, axis: AXIS_WIDTH + TO_NAMES },
    (rows, width) => scatterPanel(rows.map(point), { order, width, ...options }),
  );
}

/** Draws the median time over the peak memory. */
export function drawTimeMemory(view: ChartView): Drawn {
  const rows = view.rows.filter((row) => medianOf(row) !== null && row.memory !== null);
  if (rows.length === 0) return { reason: "no row has both a time and figures of memory" };
  const time = timeUnit(least(rows.map(medianOf)));
  const bytes = byteUnit(least(rows.map((row) => row.memory!.peakBytes || null)));
  const point = (row: Row): Point => ({
    variant: row.variant,
    x: row.memory!.peakBytes / bytes.size,
    y: medianOf(row)! / time.size,
    tip: `${name(row)}: ${formatTime(medianOf(row))} at a peak of ${formatBytes(row.memory!.peakBytes)}`,
  });
  const panels = scatterPanels({ ...view, rows }, point, {
    x: { title: `peak memory, ${bytes.name}` },
    y: { title: `median time, ${time.name}` },
  });
  return {
    title: `Time against peak memory: ${modeWords(rows)}`,
    panels,
    notes: [
      "Lower left is better. Bytes beyond inputs, weights and dy.",
      ...wallNotes(rows),
      ...leftOut(view.rows, rows, "a time and figures of memory"),
    ],
  };
}

/** What accuracy depends on besides the variant. */
const kindOf = (row: Row) => `${row.dtype}, ${row.precision}`;

/** An error of 0 is drawn here, because a logarithmic axis has no 0. */
const ERROR_FLOOR = 1e-9;

/** Draws the error against the oracle over the rate. */
export function drawAccuracy(view: ChartView): Drawn {
  const rows = view.rows.filter((row) => errorOf(row) !== null && row.tflops !== null && row.tflops > 0);
  if (rows.length === 0) return { reason: "no row has both an error and a rate" };
  const rate = rateUnit(greatest(rows.map((row) => row.tflops)));
  const kinds = [...new Set(rows.map(kindOf))];
  const point = (row: Row): Point => ({
    variant: row.variant,
    kind: kindOf(row),
    x: row.tflops! / rate.size,
    y: Math.max(errorOf(row)!, ERROR_FLOOR),
    tip: `${name(row)}, ${row.dtype}, precision ${row.precision}: error ${formatError(errorOf(row))} at ` +
      formatRate(row.tflops),
  });
  const panels = scatterPanels({ ...view, rows }, point, {
    kinds: kinds.length > 1 ? kinds : undefined,
    x: { title: `rate, ${rate.name}` },
    y: { title: "relative error", log: true },
  });
  const exact = rows.some((row) => errorOf(row) === 0);
  return {
    title: `Error against rate: ${modeWords(rows)}`,
    panels,
    notes: [
      "Lower right is better. The worst of the outputs, relative Frobenius error against the float64 oracle." +
      (exact ? ` An error of 0 is drawn at ${ERROR_FLOOR}.` : ""),
      ...wallNotes(rows),
      ...leftOut(view.rows, rows, "an error and a rate"),
    ],
  };
}
