/**
 * How rates grow with the size of the problem.
 *
 * @module
 */

import { formatRate, formatShape, greatest, least, rateUnit } from "../report/format.ts";
import { wallNotes } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type ChartView, type Drawn, leftOut, modeWords, orderOf, type Spec } from "./chart.ts";
import { familiesOf } from "./families.ts";
import { heightOf, legendColumns, modePanels } from "./layout.ts";
import { AXIS_WIDTH, type Point, pointData, pointEncoding, SYMBOL } from "./scatter.ts";
import { FAINT } from "./theme.ts";

function pointOf(row: Row, unit: number): Point {
  return {
    variant: row.variant,
    x: row.flops!,
    y: row.tflops! / unit,
    tip: `${plain(row.variant, 60)}, ${row.mode}, ${formatShape(row)}: ${formatRate(row.tflops)}`,
  };
}

/** Lines through the points of each variant at shapes of one family. */
function lines(rows: readonly Row[], unit: number): Spec[] {
  return familiesOf(rows).flatMap((family, i) => {
    const points = rows.filter((row) => family.includes(formatShape(row))).map((row) => pointOf(row, unit));
    return pointData(points).map((point) => ({ ...point, line: `${i} ${point.variant}` }));
  });
}

/** Draws the rate over the work. Both axes are logarithmic. It needs two shapes. */
export function drawScaling(view: ChartView): Drawn {
  const rows = view.rows.filter((row) => row.flops && row.tflops);
  const shapes = new Set(rows.map(formatShape)).size;
  if (shapes < 2) return { reason: `it needs rows of two shapes or more: this report has ${shapes}` };
  const unit = rateUnit(greatest(rows.map((row) => row.tflops)));
  const ceiling = view.report.ceilings.fmaTflops.float32;
  const rates = rows.map((row) => row.tflops! / unit.size);
  const ys: [number, number] = [least(rates) / 1.5, 1.5 * greatest([...rates, (ceiling ?? 0) / unit.size])];
  const order = orderOf({ rows });
  const legend = legendColumns(view, order);
  const panels = modePanels({ ...view, rows }, [], (rows, { width: place }) => {
    const width = place - AXIS_WIDTH;
    const points = rows.map((row) => pointOf(row, unit.size));
    const look = {
      order,
      x: { title: "work, FLOP", log: true },
      y: { title: `rate, ${unit.name}`, log: true, domain: ys },
      width,
      size: 60,
    };
    const encoding = pointEncoding(points, look, legend);
    const { x, y, color } = encoding;
    return {
      width,
      height: heightOf(width, { ratio: 0.9, most: 400 }),
      layer: [
        ...(ceiling === null ? [] : [{
          data: { values: [{ y: ceiling / unit.size }] },
          mark: { type: "rule", color: FAINT, strokeWidth: 2, strokeDash: [6, 3], aria: false },
          encoding: { y },
        }]),
        {
          data: { values: lines(rows, unit.size) },
          mark: { type: "line", strokeWidth: 1.6, aria: false },
          encoding: { x, y, color, detail: { field: "line" } },
        },
        { data: { values: pointData(points) }, mark: SYMBOL, encoding },
      ],
    };
  });
  return {
    title: `Rate over ${shapes} shapes: ${modeWords(rows)}`,
    panels: [panels],
    notes: [
      "Both axes are logarithmic. Lines join shapes that scale together: one block at several numbers of tokens, or all " +
      "three sizes in proportion." + (ceiling === null ? "" : " Dashed: multiply-add ceiling of float32."),
      ...wallNotes(rows),
      ...leftOut(view.rows, rows, "a rate"),
    ],
  };
}
