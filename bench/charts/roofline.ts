/**
 * Rates against what the hardware can do at the same intensity.
 *
 * The roof over an intensity of i FLOP/byte is min(multiply-add ceiling, i x copy bandwidth).
 *
 * @module
 */

import { formatRate, greatest, least, rateUnit, significant } from "../report/format.ts";
import { medianOf, wallNotes } from "../report/groups.ts";
import type { Report, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { quantity } from "./axes.ts";
import { type Drawn, legendColumns, modePanels, modesOf, modeWords, type Spec, type View } from "./chart.ts";
import { SYMBOL } from "./scatter.ts";
import { ALL_KERNELS, stageColor, stageOf } from "./stages.ts";
import { FAINT } from "./theme.ts";

/** A kernel, or a row whose kernels are not known. */
interface Point {
  stage: string;
  /** FLOP per byte. */
  x: number;
  /** TFLOP/s. */
  y: number;
  /** All that is known of it, for tooltips and screen readers. */
  tip: string;
}

/** The two ceilings that make a roof. */
interface Roof {
  tflops: number;
  gbps: number;
}

/** The roof over these rows: the highest arithmetic ceiling that one of them can reach, and the bandwidth. */
function roofOf({ ceilings }: Report, rows: readonly Row[]): Roof | null {
  const { float32, float16 } = ceilings.fmaTflops;
  const half = rows.some((row) => row.dtype === "float16") ? float16 : null;
  const tensor = rows.some((row) => row.units === "subgroup matrices") ? ceilings.matrixTflops ?? null : null;
  const tflops = greatest([float32, half, tensor]);
  return tflops === 0 || ceilings.copyGBps === null ? null : { tflops, gbps: ceilings.copyGBps };
}

function pointsOf(row: Row): Point[] {
  const whole = { label: ALL_KERNELS.name, flops: row.flops, bytes: row.bytes, gpuNs: medianOf(row) };
  const known = row.kernels.some((kernel) => kernel.gpuNs !== null);
  return (known ? row.kernels : [whole]).flatMap((kernel) => {
    const { label, flops, bytes, gpuNs } = kernel;
    if (!flops || !bytes || !gpuNs) return [];
    const tflops = flops / gpuNs / 1e3;
    const tip = `${plain(row.variant, 60)}, ${row.mode}, ${plain(label, 60)}: ${formatRate(tflops)} at ` +
      `${significant(flops / bytes, 3)} FLOP per byte`;
    const stage = known ? stageOf(kernel) : ALL_KERNELS;
    return [{ stage: stage.name, x: flops / bytes, y: tflops, tip }];
  });
}

/** The points of the roof: at the lowest intensity, at the ridge, at the highest. Rates are in the unit of the axis. */
function roofLine({ tflops, gbps }: Roof, { xs, unit }: { xs: [number, number]; unit: number }): Spec[] {
  const ridge = (tflops * 1e3) / gbps;
  const at = (x: number) => ({ x, y: Math.min(tflops, (x * gbps) / 1e3) / unit });
  const inner = ridge > xs[0] && ridge < xs[1] ? [at(ridge)] : [];
  return [at(xs[0]), ...inner, at(xs[1])];
}

/** Draws each kernel under both ceilings. A row whose kernels are not known is one point. */
export function drawRoofline(view: View): Drawn {
  const roof = roofOf(view.report, view.rows);
  if (roof === null) return { reason: "the report has no ceilings" };
  const all = view.rows.flatMap(pointsOf);
  if (all.length === 0) return { reason: "no row has work, traffic and time" };
  const ridge = (roof.tflops * 1e3) / roof.gbps;
  const xs: [number, number] = [
    Math.min(least(all.map((point) => point.x)), ridge) / 2,
    Math.max(greatest(all.map((point) => point.x)), ridge) * 2,
  ];
  const unit = rateUnit(greatest(all.map((point) => point.y)));
  const rates = all.map((point) => point.y / unit.size);
  const ys: [number, number] = [least(rates) / 2, Math.max(greatest(rates), roof.tflops / unit.size) * 2];
  const color = stageColor(all.map(({ stage }) => stage), {
    columns: legendColumns(view, modesOf(view.rows).length),
  });
  const panels = modePanels(view, (rows) => {
    const points = rows.flatMap(pointsOf).map((point) => ({ ...point, y: point.y / unit.size }));
    if (points.length === 0) return null;
    const x = quantity("x", points.map(({ x }) => x), {
      title: "intensity, FLOP per byte",
      log: true,
      domain: xs,
    });
    const y = quantity("y", points.map(({ y }) => y), { title: `rate, ${unit.name}`, log: true, domain: ys });
    return {
      width: view.panelWidth,
      height: Math.round(view.panelWidth * 0.95),
      layer: [
        {
          data: { values: roofLine(roof, { xs, unit: unit.size }) },
          mark: { type: "line", clip: true, aria: false, color: FAINT, strokeWidth: 2, strokeDash: [6, 3] },
          encoding: { x, y },
        },
        {
          data: { values: points },
          mark: { ...SYMBOL, shape: "circle", size: 70 },
          encoding: { x, y, color, description: { field: "tip" } },
        },
      ],
    };
  });
  return {
    title: `Roofline: ${modeWords(view.rows)}`,
    panels,
    notes: [
      "A point for each kernel with arithmetic, of all variants; one for a whole row whose kernels are not known. " +
      `Dashed: ${formatRate(roof.tflops)} of multiply-adds, ${significant(roof.gbps)} GB/s of copy.`,
      ...wallNotes(view.rows),
    ],
  };
}
