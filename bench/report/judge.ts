/**
 * Which rows of two runs differ, and whether the machine may be why.
 *
 * Two runs of one program differ as well: other programs, clocks and heat change between them and while they last. A
 * test of samples alone takes that for a change of the program. So a row is called slower or faster only if three things
 * hold. Its samples differ by more than they drift within either run. The difference is more than {@link NOISE}. And
 * the row stands out from the others of its problem, which the machine hits alike.
 *
 * @module
 */

import { mannWhitney } from "../timing/mann_whitney.ts";
import { median } from "../timing/statistics.ts";

/** Times of one row in two runs, in the order in which they were taken. */
export interface Samples {
  before: readonly number[];
  after: readonly number[];
}

/**
 * What became of a row. `machine`: its times differ, and the machine's ceilings differ as much. `in doubt`: they differ,
 * and the machine may be why.
 */
export type Judgement = "faster" | "slower" | "same" | "machine" | "in doubt";

/** A row with what is known of its ratio, time after over time before. */
export interface Judged {
  ratio: number;
  /** The ratios that drift within the runs can explain. */
  interval: [number, number];
  /** Chance of samples at least as different, if both came from one distribution; corrected for the number of rows. */
  p: number;
  judgement: Judgement;
}

/**
 * The chance that any row of a report is taken for changed, if samples were independent. Tests simulate runs in which
 * they are not.
 */
export const FALSE_ALARMS = 0.01;

/** Differences below this are never called: alignment of buffers and order of compilation make as much. */
export const NOISE = 0.02;

/** Fewer other figures do not tell what the machine did. */
const FEWEST_OTHERS = 2;

/** Fewer do not tell how far they spread: a few are close together by chance. */
const FEWEST_TO_SPREAD = 10;

/** A row stands out if it is so many standard deviations of the others away from their middle. */
const APART = 4;

/** Parts of a run whose medians show its drift. */
const PARTS = 3;

/**
 * Judges rows of one pair of runs.
 *
 * @param groups Rows that the machine hits alike, as they were sampled in turns.
 * @param ceilings Ratios of the ceilings' times, after over before: what the machine itself became.
 */
export function judge(groups: readonly (readonly Samples[])[], ceilings: readonly number[]): Judged[][] {
  const rows = groups.map((group) => group.map(measured));
  const all = rows.flat();
  const corrected = holm(all.map(({ p }) => p));
  all.forEach((row, i) => row.p = corrected[i]);
  for (const group of rows) {
    for (const row of group) row.judgement = judgementOf(row, { group, ceilings });
  }
  return rows;
}

function measured({ before, after }: Samples): Judged {
  return {
    ratio: median(after) / median(before),
    interval: driftInterval(before, after),
    p: mannWhitney(after, before).p,
    judgement: "same",
  };
}

/** From the ratio of the fastest part of one run and the slowest of the other to the reverse. */
function driftInterval(before: readonly number[], after: readonly number[]): [number, number] {
  const [a, b] = [partMedians(before), partMedians(after)];
  return [Math.min(...b) / Math.max(...a), Math.max(...b) / Math.min(...a)];
}

/** Medians of consecutive parts of a run, of equal length but for one sample. */
function partMedians(samples: readonly number[]): number[] {
  const count = Math.min(PARTS, samples.length);
  const at = (part: number) => Math.round(part * samples.length / count);
  return Array.from({ length: count }, (_, part) => median(samples.slice(at(part), at(part + 1))));
}

/**
 * Chances corrected for their number.
 * Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
 */
function holm(chances: readonly number[]): number[] {
  const order = [...chances.keys()].sort((a, b) => chances[a] - chances[b]);
  const corrected = [...chances];
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, chances[i] * (chances.length - rank)));
    corrected[i] = least;
  }
  return corrected;
}

function judgementOf(
  row: Judged,
  { group, ceilings }: { group: readonly Judged[]; ceilings: readonly number[] },
): Judgement {
  const { ratio, interval, p } = row;
  const slower = ratio > 1;
  const clear = slower ? interval[0] > 1 + NOISE : interval[1] < 1 / (1 + NOISE);
  if (p > FALSE_ALARMS || !clear) return "same";
  if (explained(ratio, ceilings)) return "machine";
  // All ceilings are measured in one moment, and so count as one figure.
  const others = group.filter((other) => other !== row).map(({ ratio }) => ratio);
  if (ceilings.length > 0) others.push(median(ceilings));
  if (!standsOut(ratio, others)) return "in doubt";
  return slower ? "slower" : "faster";
}

/** Whether every ceiling of the machine changed as much, and in the same direction. */
function explained(ratio: number, ceilings: readonly number[]): boolean {
  if (ceilings.length === 0) return false;
  const sign = Math.sign(Math.log(ratio));
  const least = Math.min(...ceilings.map((ceiling) => sign * Math.log(ceiling)));
  return least > 0 && sign * Math.log(ratio) <= least + Math.log1p(NOISE);
}

/** Whether a ratio is further from 1 than what the machine did to the others, by more than they spread. */
function standsOut(ratio: number, others: readonly number[]): boolean {
  if (others.length < FEWEST_OTHERS) return false;
  const logs = others.map(Math.log);
  const centre = median(logs);
  const beyond = Math.sign(Math.log(ratio)) * (Math.log(ratio) - centre);
  return beyond >
    Math.log1p(NOISE) + (logs.length < FEWEST_TO_SPREAD ? reach(logs) : APART * deviation(logs, centre));
}

/** How far figures are from each other, and from no change: rows feel a load that moved all of them unequally. */
function reach(logs: readonly number[]): number {
  return Math.max(0, ...logs) - Math.min(0, ...logs);
}

/** The standard deviation: of a normal distribution the median distance from the middle is 0.6745 of it. */
function deviation(logs: readonly number[], centre: number): number {
  return median(logs.map((log) => Math.abs(log - centre))) / 0.6745;
}
