/**
 * Rows in groups that can be compared: a block for each problem, in it a section for each mode, in that the variants.
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

/** What all rows of a block have in common. Rows that differ in any of it do different work. */
export interface ReportProblem {
  tokens: number;
  dim: number;
  hiddenDim: number;
  dtype: ReportDType;
  precision: ReportPrecision;
  activation: string;
}

/** All rows of one problem. */
export interface ReportBlock {
  problem: ReportProblem;
  sections: Section[];
}

/** All rows of one problem in one mode, variants in the order of the report. */
export interface Section {
  mode: ReportMode;
  rows: Row[];
}

/** The clocks by which rows are timed. The first is preferred. */
const CLOCKS = ["gpu", "wall"] as const;

/** The device's own clock, or the computer's. */
export type RowClock = typeof CLOCKS[number];

/** A time and the clock that took it. */
export interface ClockTime {
  clock: RowClock;
  statistics: Statistics;
}

/** Tells readers how rows are compared. */
export const CLOCK_RULE =
  "Speeds compare GPU time with GPU time where both have it, else wall time with wall time.";

/** Times of two rows by the same clock. */
export interface Compared {
  clock: RowClock;
  own: Statistics;
  others: Statistics;
}

/** The problem as a string. Two are equal if and only if all parts are. */
export function problemKey(problem: ReportProblem): string {
  const { tokens, dim, hiddenDim, dtype, precision, activation } = problem;
  return JSON.stringify([tokens, dim, hiddenDim, dtype, precision, activation]);
}

/** The problem of a row. */
export function problemOf({ tokens, dim, hiddenDim, dtype, precision, activation }: Row): ReportProblem {
  return { tokens, dim, hiddenDim, dtype, precision, activation };
}

/** The rows as blocks. Problems come in the order of their first row, modes in the order forward, backward, full. */
export function blocksOf(rows: readonly Row[]): ReportBlock[] {
  const groups = Map.groupBy(rows, (row) => problemKey(problemOf(row)));
  return [...groups.values()].map((group) => ({
    problem: problemOf(group[0]),
    sections: MODES
      .map((mode) => ({ mode, rows: group.filter((row) => row.mode === mode) }))
      .filter((section) => section.rows.length > 0),
  }));
}

/** What one clock measured; null where it measured nothing. A median of 0 counts as nothing: the clock was too coarse. */
export function statisticsOf({ timing }: Row, clock: RowClock): Statistics | null {
  const statistics = clock === "gpu" ? timing?.gpuNs : timing?.wallNs;
  return statistics && statistics.median > 0 ? statistics : null;
}

/** The row's GPU time, or else its wall time. Null where it has neither. */
export function timeOf(row: Row): ClockTime | null {
  for (const clock of CLOCKS) {
    const statistics = statisticsOf(row, clock);
    if (statistics !== null) return { clock, statistics };
  }
  return null;
}

/**
 * The times by which two rows are compared: GPU times where both have one, else wall times. Null where no clock timed both.
 * A wall time is never compared with a GPU time, because it includes launches and a wait.
 */
export function commonTimes(row: Row, other: Row): Compared | null {
  for (const clock of CLOCKS) {
    const [own, others] = [statisticsOf(row, clock), statisticsOf(other, clock)];
    if (own !== null && others !== null) return { clock, own, others };
  }
  return null;
}

/** A sentence that names the variants with wall times. Empty where no row has one. */
export function wallNotes(rows: readonly Row[]): string[] {
  const clocks = Map.groupBy(rows, (row) => timeOf(row)?.clock);
  const onWall = clocks.get("wall") ?? [];
  if (onWall.length === 0) return [];
  if (!clocks.has("gpu")) return ["All times are of the wall clock, as there is none from the GPU."];
  const names = [...new Set(onWall.map(({ variant }) => plain(variant, 40)))];
  return [`Wall time, which holds launches and waits too, stands in for GPU time of ${enumerate(names)}.`];
}

/** The row's median time in ns. Null where it has no time. */
export function medianOf(row: Row): number | null {
  return timeOf(row)?.statistics.median ?? null;
}

/** The worst relative error of the row's outputs. Null where none was checked. */
export function errorOf(row: Row): number | null {
  if (row.accuracy === null) return null;
  const { y, dx, dGate, dUp, dDown } = row.accuracy;
  const errors = [y, dx, dGate, dUp, dDown].filter((error) => error !== null);
  return errors.length === 0 ? null : Math.max(...errors);
}

/** The row that is ok and whose `measure` is least; of equal ones the first. Null where `measure` is null for all. */
export function leastBy(rows: readonly Row[], measure: (row: Row) => number | null): Row | null {
  let best: { row: Row; value: number } | null = null;
  for (const row of rows) {
    const value = row.status === "ok" ? measure(row) : null;
    if (value !== null && (best === null || value < best.value)) best = { row, value };
  }
  return best?.row ?? null;
}

/**
 * The fastest row of those that compute as precisely as was asked. If none of these has a time, it is the fastest of all.
 * Null where no row has a time.
 */
export function fastestOf(rows: readonly Row[]): Row | null {
  return fastestOfAll(rows.filter(({ narrow }) => !narrow)) ?? fastestOfAll(rows);
}

/**
 * The faster of two: the fastest by GPU time, and the fastest of the rows without GPU time. The wall clock compares the two;
 * if it did not time both, the first one wins.
 */
function fastestOfAll(rows: readonly Row[]): Row | null {
  const onGpu = leastBy(rows, (row) => statisticsOf(row, "gpu")?.median ?? null);
  const others = rows.filter((row) => statisticsOf(row, "gpu") === null);
  const onWall = leastBy(others, (row) => statisticsOf(row, "wall")?.median ?? null);
  if (onGpu === null || onWall === null) return onGpu ?? onWall;
  const times = commonTimes(onWall, onGpu);
  return times !== null && times.own.median < times.others.median ? onWall : onGpu;
}

/** Tells readers why the kernels of a row add up to more than the row. */
export const PARTS_NOTE =
  "Each kernel was timed alone, in a pass that begins when the one before has ended. " +
  "In the row kernels that share nothing overlap, such as the last rows of a product with the others.";

/** How the ceiling is called that binds a row or a kernel. */
export function boundName({ bound, units }: Pick<Row, "bound" | "units">): string {
  if (bound === "bytes") return "copy";
  return bound === "flops" ? units === "subgroup matrices" ? "tensor" : "FMA" : "";
}

/** The name of the machine: its device, else its description, else its maker. */
export function machineOf({ adapter }: Pick<Report, "adapter">): string {
  const named = [adapter.device, adapter.description, adapter.vendor].find((name) => name.trim() !== "");
  return named ?? "unnamed adapter";
}

/** A name of the row. Two are equal if and only if variant, mode and problem are. */
export function rowName(row: Pick<Row, "variant" | "mode"> & ReportProblem): string {
  return JSON.stringify([row.variant, row.mode, problemKey(row)]);
}
