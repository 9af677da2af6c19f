/**
 * How rates grow with the size of the problem.
 *
 * @module
 */

import { formatRate, formatShape, greatest, least, rateUnit } from "../report/format.ts";
import { wallNotes } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type Drawn, legendColumns, modePanels, modesOf, modeWords, orderOf, type View } from "./chart.ts";
import { type Point, pointData, pointEncoding, SYMBOL } from "./scatter.ts";
import { FAINT } from "./theme.ts";

function pointOf(row: Row, unit: number): Point {
  return {
    variant: row.variant,
    x: row.flops!,
    y: row.tflops! / unit,
    tip: `${plain(row.variant, 60)}, ${row.mode}, ${formatShape(row)}: ${formatRate(row.tflops)}`,
  };
}

/** Draws the rate over the work, a line for each variant. Both axes are logarithmic. It needs two shapes. */
export function drawScaling(view: View): Drawn {
  const rows = view.rows.filter((row) => row.flops && row.tflops);
  const shapes = new Set(rows.map(formatShape)).size;
  if (shapes < 2) return { reason: `it needs rows of two shapes or more: this report has ${shapes}` };
  const unit = rateUnit(greatest(rows.map((row) => row.tflops)));
  const ceiling = view.report.ceilings.fmaTflops.float32;
  const rates = rows.map((row) => row.tflops! / unit.size);
  const ys: [number, number] = [least(rates) / 1.5, 1.5 * greatest([...rates, (ceiling ?? 0) / unit.size])];
  const legend = legendColumns(view, modesOf(rows).length);
  const panels = modePanels({ ...view, rows }, (rows) => {
    const points = rows.map((row) => pointOf(row, unit.size)).toSorted((a, b) => a.x - b.x);
    const encoding = pointEncoding(points, {
      order: orderOf({ rows: view.rows }),
      x: { title: "work, FLOP", log: true },
      y: { title: `rate, ${unit.name}`, log: true, domain: ys },
      width: view.panelWidth,
      size: 60,
      legend,
    });
    const { x, y, color } = encoding;
    return {
      width: view.panelWidth,
      height: Math.round(view.panelWidth * 1.1),
      layer: [
        ...(ceiling === null ? [] : [{
          data: { values: [{ y: ceiling / unit.size }] },
          mark: { type: "rule", color: FAINT, strokeWidth: 2, strokeDash: [6, 3], aria: false },
          encoding: { y },
        }]),
        {
          data: { values: pointData(points) },
          mark: { type: "line", strokeWidth: 1.6, aria: false },
          encoding: { x, y, color },
        },
        {
          data: { values: pointData(points) },
          mark: SYMBOL,
          encoding,
        },
      ],
    };
  });
  return {
    title: `Scaling over ${shapes} shapes: ${modeWords(rows)}`,
    panels,
    notes: [
      ceiling === null
        ? "Both axes are logarithmic."
        : "Both axes are logarithmic. Dashed: multiply-add ceiling of float32.",
      ...wallNotes(rows),
    ],
  };
}
