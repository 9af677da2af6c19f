/**
 * Rates against what the hardware can do at the same intensity, in one large panel.
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
import { type ChartView, type Drawn, leftOut, modesOf, type Spec } from "./chart.ts";
import { heightOf, legendColumns, namesWidth, panelWidth } from "./layout.ts";
import { AXIS_WIDTH, nameLayers, type Point as Named, SYMBOL, TO_NAMES } from "./scatter.ts";
import { ALL_KERNELS, stageColor, stageOf } from "./stages.ts";
import { FAINT } from "./theme.ts";

/** A kernel, or a row whose kernels are not known. `x` is FLOP per byte, `y` TFLOP/s. */
interface RooflinePoint extends Named {
  stage: string;
}

/** The two ceilings that make a roof. */
interface DrawnRoof {
  tflops: number;
  gbps: number;
}

/** The roof over these rows: the highest arithmetic ceiling that one of them can reach, and the bandwidth. */
function roofOf({ ceilings }: Report, rows: readonly Row[]): DrawnRoof | null {
  const { float32, float16 } = ceilings.fmaTflops;
  const half = rows.some((row) => row.dtype === "float16") ? float16 : null;
  const tensor = rows.some((row) => row.units === "subgroup matrices") ? ceilings.matrixTflops ?? null : null;
  const tflops = greatest([float32, half, tensor]);
  return tflops === 0 || ceilings.copyGBps === null ? null : { tflops, gbps: ceilings.copyGBps };
}

function pointsOf(row: Row): RooflinePoint[] {
  const whole = { label: ALL_KERNELS.name, flops: row.flops, bytes: row.bytes, gpuNs: medianOf(row) };
  const known = row.kernels.some((kernel) => kernel.gpuNs !== null);
  return (known ? row.kernels : [whole]).flatMap((kernel) => {
    const { label, flops, bytes, gpuNs } = kernel;
    if (!flops || !bytes || !gpuNs) return [];
    const tflops = flops / gpuNs / 1e3;
    const tip = `${plain(row.variant, 60)}, ${row.mode}, ${plain(label, 60)}: ${formatRate(tflops)} at ` +
      `${significant(flops / bytes, 3)} FLOP per byte`;
    const stage = known ? stageOf(kernel) : ALL_KERNELS;
    return [{ variant: row.variant, stage: stage.name, x: flops / bytes, y: tflops, tip }];
  });
}

/** The points of the roof: at the lowest intensity, at the ridge, at the highest. Rates are in the unit of the axis. */
function roofLine({ tflops, gbps }: DrawnRoof, { xs, unit }: { xs: [number, number]; unit: number }): Spec[] {
  const ridge = (tflops * 1e3) / gbps;
  const at = (x: number) => ({ x, y: Math.min(tflops, (x * gbps) / 1e3) / unit });
  const inner = ridge > xs[0] && ridge < xs[1] ? [at(ridge)] : [];
  return [at(xs[0]), ...inner, at(xs[1])];
}

/** Draws each kernel of the last mode, full where there is one, under both ceilings. */
export function drawRoofline(view: ChartView): Drawn {
  const modes = modesOf(view.rows);
  const mode = modes[modes.length - 1];
  const rows = view.rows.filter((row) => row.mode === mode);
  const roof = roofOf(view.report, rows);
  if (roof === null) return { reason: "the report has no ceilings" };
  const all = rows.flatMap(pointsOf);
  if (all.length === 0) return { reason: "no row has work, traffic and time" };
  const shown = rows.filter((row) => pointsOf(row).length > 0);
  const above = all.some(({ x, y }) => y > 1.02 * Math.min(roof.tflops, (x * roof.gbps) / 1e3));
  return {
    title: `Rate of each kernel under the ceilings: ${mode}`,
    panels: [[panelOf(all, { roof, view })]],
    notes: [
      "A point for each kernel with arithmetic, of all variants; one with a name for a row whose kernels are not known. " +
      `Dashed: ${formatRate(roof.tflops)} of multiply-adds, ${significant(roof.gbps)} GB/s of copy.`,
      ...above ? ["Points above the ceiling use units, or caches, that it does not hold for."] : [],
      ...wallNotes(rows),
      ...modes.length > 1
        ? [`Left out: ${modes.slice(0, -1).join(" and ")}, and kernels without arithmetic.`]
        : [],
      ...leftOut(rows, shown, "work, traffic and time"),
    ],
  };
}

function panelOf(all: readonly RooflinePoint[], { roof, view }: { roof: DrawnRoof; view: ChartView }): Spec {
  const unit = rateUnit(greatest(all.map((point) => point.y))).size;
  const points = all.map((point) => ({ ...point, y: point.y / unit }));
  const [rates, intensities] = [points.map(({ y }) => y), points.map(({ x }) => x)];
  const ridge = (roof.tflops * 1e3) / roof.gbps;
  const xs: [number, number] = [
    Math.min(least(intensities), ridge) / 2,
    Math.max(greatest(intensities), ridge) * 2,
  ];
  const ys: [number, number] = [least(rates) / 1.6, Math.max(greatest(rates), roof.tflops / unit) * 1.6];
  const x = quantity("x", intensities, { title: "intensity, FLOP per byte", log: true, domain: xs });
  const y = quantity("y", rates, { title: `rate, ${rateUnit(unit).name}`, log: true, domain: ys });
  const stages = points.map(({ stage }) => stage);
  const color = stageColor(stages, { columns: legendColumns(view, stages) });
  const whole = points.filter(({ stage }) => stage === ALL_KERNELS.name);
  const width = panelWidth(view, {
    once: AXIS_WIDTH + TO_NAMES + namesWidth(whole.map(({ variant }) => variant)),
  });
  const height = heightOf(width, { ratio: 0.5, most: 440 });
  return {
    width,
    height,
    layer: [
      {
        data: { values: roofLine(roof, { xs, unit }) },
        mark: { type: "line", clip: true, aria: false, color: FAINT, strokeWidth: 2, strokeDash: [6, 3] },
        encoding: { x, y },
      },
      ...nameLayers(whole, { width, height, x, y, color }),
      {
        data: { values: points },
        mark: { ...SYMBOL, shape: "circle", size: 70 },
        encoding: {
          x,
          y,
          color,
          description: { field: "tip" },
        },
      },
    ],
  };
}
