/**
 * A section of rows in short: which variant is fastest, and how sure that is.
 *
 * @module
 */

import { bootstrapRatioInterval } from "../timing/bootstrap.ts";
import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import { commonTimes, errorOf, fastestOf, leastBy, medianOf, type Section } from "./groups.ts";
import type { ReportMode, Row } from "./schema.ts";

/** The chance that any of a section's intervals is wrong where no row differs from another. */
const ERROR_RATE = 0.05;

/**
 * How a row compares with the fastest of its section. `tied`: there is no significant difference. `unsure`: there are too
 * few samples. `apart`: it computes with less precision than the fastest, and so is not ranked. `other clock`: no clock
 * timed both.
 */
export type Place = "fastest" | "tied" | "unsure" | "slower" | "apart" | "other clock";

/** The mark of each place. It stands beside a speed, in the terminal and on the page. */
export const MARKS: Readonly<Record<Place, string>> = {
  fastest: "",
  tied: "=",
  unsure: "?",
  slower: "",
  apart: "~",
  "other clock": "",
};

/** Tells readers what the mark of `unsure` means. */
export const UNSURE_NOTE =
  `too few samples to rank it: it, or the fastest, has fewer than ${FEWEST_TO_COMPARE}`;

/** A row against the fastest of its section. */
export interface Standing {
  row: Row;
  /**
   * Median time of the fastest over this row's, by the clock that timed both. It is at most 1, with two exceptions: the row
   * computes with less precision, or is ahead by another clock than the one that chose the fastest. Null where no clock
   * timed both.
   */
  speed: number | null;
  /** Interval of `speed`. Null for the fastest itself, and where there are too few samples. */
  interval: readonly [number, number] | null;
  place: Place;
}

/** One section in short. */
export interface SectionSummary {
  mode: ReportMode;
  /** Null where no row has a time. */
  fastest: Row | null;
  /** Every timed row, in the order of the report. */
  standings: Standing[];
  /** The rows with the least peak memory: several where they are equal. */
  smallest: Row[];
  /** The rows with the least error: several where they are equal. */
  mostAccurate: Row[];
}

/** The row to compare with, and how many timed rows there are. */
interface Against {
  fastest: Row;
  count: number;
}

function standing(row: Row, against: Against): Standing {
  const { fastest } = against;
  if (row === fastest) return { row, speed: 1, interval: null, place: "fastest" };
  const times = commonTimes(row, fastest);
  if (times === null) return { row, speed: null, interval: null, place: "other clock" };
  const speed = times.others.median / times.own.median;
  const interval = intervalOf(times.others.samples, times.own.samples, against);
  return { row, speed, interval, place: placeOf(row, interval, fastest) };
}

function placeOf(row: Row, interval: Standing["interval"], fastest: Row): Place {
  if (row.narrow === true && !fastest.narrow) return "apart";
  if (interval === null) return "unsure";
  return interval[1] >= 1 ? "tied" : "slower";
}

/**
 * The interval of the ratio of two medians. Null where there are too few samples. The samples that are compared also choose
 * the fastest, and any row could have been it. So the error rate is divided by the number of all pairs; then all intervals
 * hold together.
 */
function intervalOf(
  fastest: readonly number[],
  own: readonly number[],
  { count }: Against,
): Standing["interval"] {
  if (Math.min(fastest.length, own.length) < FEWEST_TO_COMPARE) return null;
  return bootstrapRatioInterval(fastest, own, { confidence: 1 - ERROR_RATE / (count * (count - 1) / 2) });
}

function allLeast(rows: readonly Row[], measure: (row: Row) => number | null): Row[] {
  const least = leastBy(rows, measure);
  if (least === null) return [];
  return rows.filter((row) => row.status === "ok" && measure(row) === measure(least));
}

/** Peak bytes of a row. Null where they are not known. */
export function peakOf(row: Row): number | null {
  return row.memory?.peakBytes ?? null;
}

/** Summarises a section. Ranks and ties are decided only here. */
export function summarise({ mode, rows }: Section): SectionSummary {
  const fastest = fastestOf(rows);
  const timed = rows.filter((row) => row.status === "ok" && medianOf(row) !== null);
  return {
    mode,
    fastest,
    standings: fastest === null ? [] : timed.map((row) => standing(row, { fastest, count: timed.length })),
    smallest: allLeast(rows, peakOf),
    mostAccurate: allLeast(rows, errorOf),
  };
}

/** True for the fastest row of a section, and for rows that cannot be told from it. Tables print them in bold. */
export function leads({ place }: Standing): boolean {
  return place === "fastest" || place === "tied";
}

/**
 * The variant to use. Of several that are as fast, it is the one with the least memory; of equal ones the last, as later
 * variants build on earlier ones. Where a peer is ahead of all, it is the fastest variant. Null where there is no choice, or
 * too few samples for one.
 */
export function choiceOf(standings: readonly Standing[]): Standing | null {
  const own = standings.filter(({ row }) => !isPeer(row));
  if (standings.length === 1 || own.some(({ place }) => place === "unsure")) return null;
  const first = own.filter(leads);
  if (first.length > 0) {
    const peak = ({ row }: Standing) => peakOf(row) ?? Infinity;
    const least = Math.min(...first.map(peak));
    return first.findLast((standing) => peak(standing) === least)!;
  }
  return own.filter(({ speed }) => speed !== null).toSorted((a, b) => b.speed! - a.speed!).at(0) ?? null;
}

/** The standings of a section by row. */
export function standingsOf(section: Section): Map<Row, Standing> {
  return new Map(summarise(section).standings.map((standing) => [standing.row, standing]));
}

/** Whether the row belongs to another project. */
export function isPeer(row: Row): boolean {
  return row.variant.startsWith("peer:");
}
