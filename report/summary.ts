/**
 * What a section of rows says: which variant to use, and how sure that is.
 *
 * @module
 */

import { errorOf, fastestOf, leastBy, medianOf, type Section, timeOf } from "./groups.ts";
import type { ReportMode, Row } from "./schema.ts";

/** The 95 % interval of median(a) / median(b) from raw samples, as a bootstrap gives it. */
export type RatioInterval = (a: readonly number[], b: readonly number[]) => readonly [number, number];

/** A row against the fastest of its section. */
export interface Standing {
  row: Row;
  /** Fastest median over this row's median, at most 1. */
  speed: number;
  /** Interval of `speed`; null where none was computed. */
  interval: readonly [number, number] | null;
  /** True where the interval holds 1, so that the rows cannot be told apart; the fastest itself is none. */
  tied: boolean;
}

/** One section in short. */
export interface SectionSummary {
  mode: ReportMode;
  /** Null where no row has a time. */
  fastest: Row | null;
  /** Every timed row, in the order of the report. */
  standings: Standing[];
  /** Rows of the least peak memory; several where they are equal. */
  smallest: Row[];
  /** Rows of the least error; several where they are equal. */
  mostAccurate: Row[];
}

function standing(row: Row, { fastest, interval }: { fastest: Row; interval?: RatioInterval }): Standing {
  const best = timeOf(fastest)!.statistics;
  const own = timeOf(row)!.statistics;
  const speed = best.median / own.median;
  if (row === fastest) return { row, speed, interval: null, tied: false };
  const ends = interval?.(best.samples, own.samples) ?? null;
  return { row, speed, interval: ends, tied: ends !== null && ends[0] <= 1 && ends[1] >= 1 };
}

function allLeast(rows: readonly Row[], measure: (row: Row) => number | null): Row[] {
  const least = leastBy(rows, measure);
  if (least === null) return [];
  return rows.filter((row) => row.status === "ok" && measure(row) === measure(least));
}

/** Peak bytes of a row, null where they are not known. */
export function peakOf(row: Row): number | null {
  return row.memory?.peakBytes ?? null;
}

/** Summarises a section; without `interval` no row counts as tied. */
export function summarise(section: Section, { interval }: { interval?: RatioInterval } = {}): SectionSummary {
  const fastest = fastestOf(section.rows);
  const timed = section.rows.filter((row) => row.status === "ok" && medianOf(row) !== null);
  return {
    mode: section.mode,
    fastest,
    standings: fastest === null ? [] : timed.map((row) => standing(row, { fastest, interval })),
    smallest: allLeast(section.rows, peakOf),
    mostAccurate: allLeast(section.rows, errorOf),
  };
}

/** Whether the row is another project's. */
export function isPeer(row: Row): boolean {
  return row.variant.startsWith("peer:");
}
