/**
 * Where the time goes: the kernels of each variant, stacked.
 *
 * @module
 */

import { formatPercent, formatTime, greatest, least, timeUnit } from "../report/format.ts";
import { PARTS_NOTE } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { STEP } from "./bars.ts";
import {
  type ChartView,
  type Drawn,
  leftOut,
  modeWords,
  nameOf,
  orderOf,
  type Spec,
  variantAxis,
} from "./chart.ts";
import { legendColumns, stackedPanels } from "./layout.ts";
import { stageColor, stageOf } from "./stages.ts";
import { FONT_SIZE, inkOn, widthOf } from "./theme.ts";

/** What all segments of a panel share. */
interface Scale {
  /** ns of one unit of the axis. */
  unit: number;
  /** Pixels of one unit of the axis. */
  pixels: number;
}

/** Segments of one bar, end to end. A label is written only where it fits. */
function segments(row: Row, { unit, pixels }: Scale): Spec[] {
  const timed = row.kernels.filter((kernel) => kernel.gpuNs !== null);
  const total = timed.reduce((sum, kernel) => sum + kernel.gpuNs!, 0);
  let from = 0;
  return timed.map((kernel) => {
    const label = plain(kernel.label, 28);
    const stage = stageOf(kernel);
    const [start, end] = [from, from += kernel.gpuNs! / unit];
    return {
      variant: nameOf(row.variant),
      stage: stage.name,
      from: start,
      to: end,
      middle: (start + end) / 2,
      text: (end - start) * pixels > widthOf(label) + 4 ? label : "",
      ink: inkOn(stage.color),
      tip:
        `${plain(row.variant, 60)}, ${row.mode}, ${plain(kernel.label, 60)}: ${formatTime(kernel.gpuNs)}, ` +
        `${formatPercent(total === 0 ? null : kernel.gpuNs! / total)} of its kernels`,
    };
  });
}

const totalOf = (row: Row) => row.kernels.reduce((sum, kernel) => sum + (kernel.gpuNs ?? 0), 0);

/** Says what the bars are made of, and how many dispatches are missing because they were too short for a coarse clock. */
function partsNote(rows: readonly Row[]): string {
  const untimed = rows.flatMap(({ kernels }) => kernels).filter(({ gpuNs }) => gpuNs === null).length;
  const parts = "Median time of each dispatch, in the order in which they run";
  if (untimed === 0) return `${parts}: together a little more than the row's time. ${PARTS_NOTE}`;
  const missing = untimed === 1 ? "1 that was" : `${untimed} that were`;
  return `${parts}, without ${missing} too short for the device's clock.`;
}

/** Draws the times of kernels in the order in which they run, in a panel for each mode. */
export function drawKernels(view: ChartView): Drawn {
  const rows = view.rows.filter((row) => row.kernels.some((kernel) => kernel.gpuNs !== null));
  if (rows.length === 0) return { reason: "no row has times of single kernels" };
  const unit = timeUnit(least(rows.map((row) => totalOf(row) || null)));
  const used = rows.flatMap((row) => row.kernels.map((kernel) => stageOf(kernel).name));
  const color = stageColor(used, { columns: legendColumns(view, used), symbolType: "square" });
  const order = orderOf({ rows });
  const panels = stackedPanels({ ...view, rows }, { order }, (rows, width) => {
    const most = greatest(rows.map(totalOf)) / unit.size || 1;
    const x = (field: string) => ({
      field,
      type: "quantitative",
      scale: { domain: [0, most], nice: false },
      axis: { title: `time of kernels, ${unit.name}`, tickCount: 5 },
    });
    return {
      width,
      height: { step: STEP },
      data: {
        values: rows.flatMap((row) => segments(row, { unit: unit.size, pixels: width / most })),
      },
      encoding: { y: variantAxis(order, true), description: { field: "tip" } },
      layer: [
        {
          mark: { type: "bar", height: { band: 0.76 }, stroke: "white", strokeWidth: 0.8 },
          encoding: { x: x("from"), x2: { field: "to" }, color },
        },
        {
          transform: [{ filter: "datum.text !== ''" }],
          mark: { type: "text", fontSize: FONT_SIZE, aria: false },
          encoding: {
            x: x("middle"),
            text: { field: "text" },
            color: { field: "ink", type: "nominal", scale: null },
          },
        },
      ],
    };
  });
  return {
    title: `Time of each kernel: ${modeWords(rows)}`,
    panels,
    notes: [
      partsNote(rows),
      ...leftOut(view.rows, rows, "times of kernels"),
    ],
  };
}
