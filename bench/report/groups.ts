/**
 * Rows put beside each other: one block for each problem, in it one section for each mode, in it the variants.
 *
 * @module
 */

import {
  MODES,
  type Report,
  type ReportDType,
  type ReportMode,
  type ReportPrecision,
  type Row,
  type Statistics,
} from "./schema.ts";
import { plain } from "./shape.ts";
import { enumerate } from "./text.ts";

/** What rows of a block have in common: comparing across any of these would compare different work. */
export interface Problem {
  tokens: number;
  dim: number;
  hiddenDim: number;
  dtype: ReportDType;
  precision: ReportPrecision;
  activation: string;
}

/** All rows of one problem. */
export interface Block {
  problem: Problem;
  sections: Section[];
}

/** All rows of one problem in one mode, variants in the order of the report. */
export interface Section {
  mode: ReportMode;
  rows: Row[];
}

/** The clocks by which rows are timed, the one that is preferred first. */
const CLOCKS = ["gpu", "wall"] as const;

/** The device's own clock, or the computer's. */
export type Clock = typeof CLOCKS[number];

/** A time and the clock that took it. */
export interface Measured {
  clock: Clock;
  statistics: Statistics;
}

/** How rows are compared, for readers. */
export const CLOCK_RULE =
  "Speeds compare GPU time with GPU time where both have it, else wall time with wall time.";

/** Times of two rows by the same clock. */
export interface Compared {
  clock: Clock;
  own: Statistics;
  others: Statistics;
}

/** The problem as a string that is equal if and only if all its parts are. */
export function problemKey(problem: Problem): string {
  const { tokens, dim, hiddenDim, dtype, precision, activation } = problem;
  return JSON.stringify([tokens, dim, hiddenDim, dtype, precision, activation]);
}

/** The parts of a row that make its problem. */
export function problemOf({ tokens, dim, hiddenDim, dtype, precision, activation }: Row): Problem {
  return { tokens, dim, hiddenDim, dtype, precision, activation };
}

/** The rows as blocks, problems in the order of their first row, modes in the order forward, backward, full. */
export function blocksOf(rows: readonly Row[]): Block[] {
  const groups = Map.groupBy(rows, (row) => problemKey(problemOf(row)));
  return [...groups.values()].map((group) => ({
    problem: problemOf(group[0]),
    sections: MODES
      .map((mode) => ({ mode, rows: group.filter((row) => row.mode === mode) }))
      .filter((section) => section.rows.length > 0),
  }));
}

/** What one clock measured; null where it did not. A median of 0 is none: the clock was too coarse. */
export function statisticsOf({ timing }: Row, clock: Clock): Statistics | null {
  const statistics = clock === "gpu" ? timing?.gpuNs : timing?.wallNs;
  return statistics && statistics.median > 0 ? statistics : null;
}

/** The row's time on the GPU; on the wall clock where the GPU has none; null where it has no time. */
export function timeOf(row: Row): Measured | null {
  for (const clock of CLOCKS) {
    const statistics = statisticsOf(row, clock);
    if (statistics !== null) return { clock, statistics };
  }
  return null;
}

/**
 * The times by which two rows are compared, wherever they are: GPU time with GPU time where both have it, else wall time
 * with wall time. Null where no clock timed both. A wall time holds launches and a wait, so that it is never compared
 * with a GPU time.
 */
export function commonTimes(row: Row, other: Row): Compared | null {
  for (const clock of CLOCKS) {
    const [own, others] = [statisticsOf(row, clock), statisticsOf(other, clock)];
    if (own !== null && others !== null) return { clock, own, others };
  }
  return null;
}

/** A sentence that names the variants whose times are of the wall clock; none where all rows are of the same clock. */
export function wallNotes(rows: readonly Row[]): string[] {
  const clocks = Map.groupBy(rows, (row) => timeOf(row)?.clock);
  const onWall = clocks.get("wall") ?? [];
  if (onWall.length === 0) return [];
  if (!clocks.has("gpu")) return ["All times are of the wall clock, as there is none from the GPU."];
  const names = [...new Set(onWall.map(({ variant }) => plain(variant, 40)))];
  return [`Wall time, which holds launches and waits too, stands in for GPU time of ${enumerate(names)}.`];
}

/** Median time in ns, null where the row has no time. */
export function medianOf(row: Row): number | null {
  return timeOf(row)?.statistics.median ?? null;
}

/** The worst relative error over the row's outputs, null where none was checked. */
export function errorOf(row: Row): number | null {
  if (row.accuracy === null) return null;
  const { y, dx, dGate, dUp, dDown } = row.accuracy;
  const errors = [y, dx, dGate, dUp, dDown].filter((error) => error !== null);
  return errors.length === 0 ? null : Math.max(...errors);
}

/** The row for which `measure` is least, null where it is null for all; the first of equals. */
export function leastBy(rows: readonly Row[], measure: (row: Row) => number | null): Row | null {
  let best: { row: Row; value: number } | null = null;
  for (const row of rows) {
    const value = row.status === "ok" ? measure(row) : null;
    if (value !== null && (best === null || value < best.value)) best = { row, value };
  }
  return best?.row ?? null;
}

/**
 * The fastest row of those that compute as precisely as they are asked to; where none of them has a time, of all. Null
 * where none has one.
 */
export function fastestOf(rows: readonly Row[]): Row | null {
  return fastestOfAll(rows.filter(({ narrow }) => !narrow)) ?? fastestOfAll(rows);
}

/** The fastest by GPU time against the fastest of those without: both by the wall clock, if that timed both. */
function fastestOfAll(rows: readonly Row[]): Row | null {
  const onGpu = leastBy(rows, (row) => statisticsOf(row, "gpu")?.median ?? null);
  const others = rows.filter((row) => statisticsOf(row, "gpu") === null);
  const onWall = leastBy(others, (row) => statisticsOf(row, "wall")?.median ?? null);
  if (onGpu === null || onWall === null) return onGpu ?? onWall;
  const times = commonTimes(onWall, onGpu);
  return times !== null && times.own.median < times.others.median ? onWall : onGpu;
}

/** Why the parts of a row add up to more than the row, for readers. */
export const PARTS_NOTE =
  "Each kernel was timed alone, in a pass that begins when the one before has ended. " +
  "In the row kernels that share nothing overlap, such as the last rows of a product with the others.";

/** How the ceiling is called that binds a row or a kernel. */
export function boundName({ bound, units }: Pick<Row, "bound" | "units">): string {
  if (bound === "bytes") return "copy";
  return bound === "flops" ? units === "subgroup matrices" ? "tensor" : "FMA" : "";
}

/** What to call the machine: its device, else its description, else its maker. */
export function machineOf({ adapter }: Pick<Report, "adapter">): string {
  const named = [adapter.device, adapter.description, adapter.vendor].find((name) => name.trim() !== "");
  return named ?? "unnamed adapter";
}

/** Names a row: equal for the same variant, mode and problem, and for nothing else. */
export function rowName(row: Pick<Row, "variant" | "mode"> & Problem): string {
  return JSON.stringify([row.variant, row.mode, problemKey(row)]);
}
