/**
 * What a section of rows says: which variant to use, and how sure that is.
 *
 * @module
 */

import { errorOf, fastestOf, leastBy, medianOf, type Section, timeOf } from "./groups.ts";
import type { ReportMode, Row } from "./schema.ts";

/** The interval of median(a) / median(b) from raw samples, as a bootstrap gives it. */
export type RatioInterval = (
  a: readonly number[],
  b: readonly number[],
  options: { confidence: number },
) => readonly [number, number];

/** Fewer samples tell nothing: all six lie on one side of the median once in 32 times. */
const FEWEST = 6;

/** The chance that any of a section's intervals misses, where nothing differs. */
const ERROR_RATE = 0.05;

/** A row against the fastest of its section. */
export interface Standing {
  row: Row;
  /** Fastest median over this row's median: at most 1, unless the row computes with less precision. */
  speed: number;
  /** Interval of `speed`; null where there are too few samples for one. */
  interval: readonly [number, number] | null;
  /** True where the interval holds 1 or there is none, so that the rows cannot be told apart; the fastest is none. */
  tied: boolean;
  /** True where it computes with less precision than the fastest: it is beside the order, not in it. */
  apart: boolean;
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

/**
 * An interval of the ratio of two medians, after over before, from their own intervals: its ends are the most extreme
 * ratios of their ends, so it is wider than a bootstrap of the ratio and claims less.
 */
export function wideInterval(before: Row, after: Row): [number, number] | null {
  const [a, b] = [timeOf(before)?.statistics.ci, timeOf(after)?.statistics.ci];
  return !a || !b || a[0] <= 0 ? null : [b[0] / a[1], b[1] / a[0]];
}

/** What a row is compared with, and how. */
interface Against {
  fastest: Row;
  interval: RatioInterval | undefined;
  /** Rows that are compared. */
  count: number;
}

function standing(row: Row, against: Against): Standing {
  const speed = medianOf(against.fastest)! / medianOf(row)!;
  if (row === against.fastest) return { row, speed, interval: null, tied: false, apart: false };
  const interval = intervalOf(row, against);
  const apart = row.narrow === true && !against.fastest.narrow;
  const equal = interval === null || interval[0] <= 1 && interval[1] >= 1;
  return { row, speed, interval, tied: equal && !apart, apart };
}

/**
 * The fastest is picked by what is compared, and every row could have been it: intervals hold together if each holds as
 * one of all pairs must.
 */
function intervalOf(row: Row, { fastest, interval, count }: Against): Standing["interval"] {
  const [best, own] = [fastest, row].map((row) => timeOf(row)!.statistics.samples);
  if (Math.min(best.length, own.length) < FEWEST) return null;
  if (interval === undefined) return wideInterval(row, fastest);
  return interval(best, own, { confidence: 1 - ERROR_RATE / (count * (count - 1) / 2) });
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

/** Summarises a section; without `interval` by the intervals of the medians, which claim less. */
export function summarise(section: Section, { interval }: { interval?: RatioInterval } = {}): SectionSummary {
  const fastest = fastestOf(section.rows);
  const timed = section.rows.filter((row) => row.status === "ok" && medianOf(row) !== null);
  return {
    mode: section.mode,
    fastest,
    standings: fastest === null
      ? []
      : timed.map((row) => standing(row, { fastest, interval, count: timed.length })),
    smallest: allLeast(section.rows, peakOf),
    mostAccurate: allLeast(section.rows, errorOf),
  };
}

/** The fastest row of a section and those that cannot be told from it. */
export function leaders(section: Section): Set<Row> {
  const { fastest, standings } = summarise(section);
  return new Set(standings.filter(({ row, tied }) => tied || row === fastest).map(({ row }) => row));
}

/** Whether the row is another project's. */
export function isPeer(row: Row): boolean {
  return row.variant.startsWith("peer:");
}
