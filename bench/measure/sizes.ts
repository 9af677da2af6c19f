import type { Ceilings } from "../timing/ceilings.ts";
import type { Sizes } from "../../variants/variant.ts";
import { flopsOf, type Mode } from "./shapes.ts";
import type { RowSpec } from "./job.ts";

/**
 * Sizes to pick from. A CPU does the first in no time, and a large GPU takes seconds for the last. Each is about 8 times the
 * work of the one before. T is as large as D: with fewer tokens the gradients of the weights would be the peak of every
 * variant, so that all had the same.
 */
export const LADDER: readonly Sizes[] = [
  { tokens: 16, dim: 16, hiddenDim: 48 },
  { tokens: 32, dim: 32, hiddenDim: 96 },
  { tokens: 64, dim: 64, hiddenDim: 192 },
  { tokens: 128, dim: 128, hiddenDim: 352 },
  { tokens: 256, dim: 256, hiddenDim: 704 },
  { tokens: 512, dim: 512, hiddenDim: 1536 },
  { tokens: 1024, dim: 1024, hiddenDim: 2816 },
  { tokens: 2048, dim: 2048, hiddenDim: 5632 },
  { tokens: 4096, dim: 4096, hiddenDim: 11008 },
  { tokens: 8192, dim: 8192, hiddenDim: 22016 },
];

/** How many sizes are picked. Three make a line in a chart. */
const COUNT = 3;

/** What a run whose sizes are picked may take. */
const BUDGET_SECONDS = 55;

/** Part of the arithmetic ceiling that an average variant reaches, as seen on an H200 and on llvmpipe. */
const EFFICIENCY = { hardware: 0.7, software: 0.08 };

/** How many runs of each row take as long as measuring it: checks, profile, wall clock and samples. A GPU also rests half as long. */
const RUNS = { hardware: 52, software: 15 };

/** What each row takes however small it is, for compilation, waits and the least time of samples. */
const ROW_SECONDS = { hardware: 0.6, software: 0.35 };

/** What estimates depend on. */
export interface Speed {
  readonly ceilings: Ceilings;
  readonly software: boolean;
}

/** Seconds that rows at a size will take, roughly. */
export function estimateSeconds(
  rows: readonly RowSpec[],
  sizes: Sizes,
  { ceilings, software }: Speed,
): number {
  const kind = software ? "software" : "hardware";
  const flopsPerSecond = ceilings.fmaTflops.float32 * 1e12 * EFFICIENCY[kind];
  const flops = rows.reduce((sum, { mode }) => sum + flopsOf(sizes, timedWith(mode)), 0);
  return rows.length * ROW_SECONDS[kind] + RUNS[kind] * flops / flopsPerSecond;
}

/**
 * The sizes that an adapter of this speed finishes in about a minute: the largest that it can, and the two before it.
 *
 * @param options.tokens T of all sizes; null for that of each.
 */
export function pickSizes(
  rows: readonly RowSpec[],
  { types, tokens = null, ...speed }: Speed & { types: number; tokens?: number | null },
): Sizes[] {
  const ladder = tokens === null ? LADDER : LADDER.map((size) => ({ ...size, tokens }));
  for (let count = ladder.length; count > 1; count--) {
    const sizes = ladder.slice(0, count).slice(-COUNT);
    const seconds = sizes.reduce((sum, size) => sum + estimateSeconds(rows, size, speed), 0);
    if (seconds * types <= BUDGET_SECONDS) return sizes;
  }
  return [ladder[0]];
}

/** The mode whose work is done when a mode is timed: a timed backward has a forward before it. */
function timedWith(mode: Mode): Mode {
  return mode === "backward" ? "full" : mode;
}
