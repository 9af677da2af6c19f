/**
 * Rows put beside each other: one block for each problem, in it one section for each mode, in it the variants.
 *
 * @module
 */

import {
  type Bound,
  MODES,
  type Report,
  type ReportDType,
  type ReportMode,
  type ReportPrecision,
  type Row,
  type Statistics,
} from "./schema.ts";

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

/** A time and the clock that took it. */
export interface Measured {
  clock: "gpu" | "wall";
  statistics: Statistics;
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

/**
 * The row's time on the GPU, on the wall clock where the GPU has none, null where it has no time. A median of 0 is none:
 * it says that the clock is too coarse.
 */
export function timeOf({ timing }: Row): Measured | null {
  if (timing?.gpuNs && timing.gpuNs.median > 0) return { clock: "gpu", statistics: timing.gpuNs };
  return timing?.wallNs && timing.wallNs.median > 0 ? { clock: "wall", statistics: timing.wallNs } : null;
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
  return leastBy(rows.filter(({ narrow }) => !narrow), medianOf) ?? leastBy(rows, medianOf);
}

/** How the ceiling is called that binds a row or a kernel. */
export function boundName(bound: Bound | null | undefined): string {
  return bound === "flops" ? "FMA" : bound === "bytes" ? "copy" : "";
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
