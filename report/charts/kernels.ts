/**
 * Where the time goes: the kernels of each variant, stacked.
 *
 * @module
 */

import { formatPercent, formatTime, least, timeUnit } from "../format.ts";
import type { KernelReport, Row } from "../schema.ts";
import { plain } from "../shape.ts";
import { STEP } from "./bars.ts";
import {
  type Drawn,
  legendColumns,
  modePanels,
  modesOf,
  modeWords,
  nameOf,
  orderOf,
  variantAxis,
  type View,
} from "./chart.ts";
import { PART_COLORS } from "./theme.ts";

const REST = "other kernels";

const labelOf = (kernel: KernelReport) => plain(kernel.label, 28);

/** The labels with a colour of their own: those that take most time, in the order of their first use. */
export function mainLabels(rows: readonly Row[]): string[] {
  const times = new Map<string, number>();
  for (const kernel of rows.flatMap((row) => row.kernels)) {
    times.set(labelOf(kernel), (times.get(labelOf(kernel)) ?? 0) + (kernel.gpuNs ?? 0));
  }
  const room = times.size <= PART_COLORS.length ? PART_COLORS.length : PART_COLORS.length - 1;
  const main = new Set([...times].toSorted((a, b) => b[1] - a[1]).slice(0, room).map(([label]) => label));
  return [...times.keys()].filter((label) => main.has(label));
}

function parts(row: Row, labels: readonly string[]): Record<string, unknown>[] {
  const total = row.kernels.reduce((sum, kernel) => sum + (kernel.gpuNs ?? 0), 0);
  return row.kernels.filter((kernel) => kernel.gpuNs !== null).map((kernel, order) => {
    const label = labelOf(kernel);
    return {
      variant: nameOf(row.variant),
      label: labels.includes(label) ? label : REST,
      order,
      ns: kernel.gpuNs,
      tip: `${plain(row.variant, 60)}, ${row.mode}, ${label}: ${formatTime(kernel.gpuNs)}, ` +
        `${formatPercent(total === 0 ? null : kernel.gpuNs! / total)} of its kernels`,
    };
  });
}

/** Times of kernels in the order in which they run, a panel for each mode. */
export function drawKernels(view: View): Drawn {
  const rows = view.rows.filter((row) => row.kernels.some((kernel) => kernel.gpuNs !== null));
  if (rows.length === 0) return { reason: "no row has times of single kernels" };
  const labels = mainLabels(rows);
  const sums = rows.map((row) => row.kernels.reduce((sum, kernel) => sum + (kernel.gpuNs ?? 0), 0));
  const unit = timeUnit(least(sums.map((sum) => sum || null)));
  const order = orderOf({ rows });
  const domain = rows.some((row) => row.kernels.some((kernel) => !labels.includes(labelOf(kernel))))
    ? [...labels, REST]
    : labels;
  const columns = legendColumns(view, modesOf(rows).length);
  const panels = modePanels({ ...view, rows }, (rows, { first }) => ({
    width: view.panelWidth,
    height: { step: STEP },
    data: { values: rows.flatMap((row) => parts(row, labels)) },
    transform: [{ calculate: `datum.ns / ${unit.size}`, as: "time" }],
    mark: { type: "bar", height: { band: 0.72 }, stroke: "white", strokeWidth: 0.8 },
    encoding: {
      y: variantAxis(order, first),
      x: {
        field: "time",
        type: "quantitative",
        stack: "zero",
        axis: { title: `time of kernels, ${unit.name}`, tickCount: 4 },
      },
      color: {
        field: "label",
        type: "nominal",
        scale: {
          domain,
          range: [...PART_COLORS.slice(0, labels.length), PART_COLORS[PART_COLORS.length - 1]],
        },
        legend: { columns },
      },
      order: { field: "order", type: "quantitative" },
      description: { field: "tip" },
    },
  }));
  return {
    title: `Kernels: ${modeWords(rows)}`,
    panels,
    notes: ["Median time of each dispatch, stacked in the order in which they run."],
  };
}
