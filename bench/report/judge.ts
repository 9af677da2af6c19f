/**
 * Which rows of two runs differ, and whether the machine may be the reason.
 *
 * Two runs of the same program differ too, because other programs, clocks and heat change between and during runs. A test
 * of samples alone takes that for a change of the program. So a row is called slower or faster only if three things hold:
 * its samples differ by more than they drift within either run, the difference exceeds the noise, and the row stands
 * out from the others of its problem. A disturbance of the machine affects all of these alike.
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
 * What became of a row. `machine`: its times differ, but the machine's ceilings differ as much. `in doubt`: its times
 * differ, but the machine may be the reason.
 */
export type Judgement = "faster" | "slower" | "same" | "machine" | "in doubt";

/** A row and its ratio: time after over time before. */
export interface Judged {
  ratio: number;
  /** The ratios that drift within the runs can explain. */
  interval: [number, number];
  /** Chance of samples at least this different if both came from one distribution, corrected for the number of rows. */
  p: number;
  judgement: Judgement;
}

/**
 * The chance that some unchanged row of a report passes the test of samples. It holds if samples are independent. Tests
 * simulate runs in which they are not.
 */
export const FALSE_ALARMS = 0.01;

/**
 * Smaller differences are not reported unless another threshold is asked for. The alignment of buffers and the order of
 * compilation make as much.
 */
export const NOISE = 0.02;

/** Fewer other figures than this do not show what the machine did. */
const FEWEST_OTHERS = 2;

/** Fewer figures than this do not show how far they spread, as a few may be close together by chance. */
const FEWEST_TO_SPREAD = 10;

/** A row stands out if it is this many standard deviations of the others away from their median. */
const APART = 4;

/** A run is cut into this many parts. Their medians show its drift. */
const PARTS = 3;

/**
 * Judges rows of one pair of runs.
 *
 * @param groups Rows that were sampled in turns, so that disturbances of the machine affect them alike.
 * @param ceilings Time after over time before of each ceiling. They show how the machine itself changed.
 * @param noise The part by which times may differ without meaning anything.
 */
export function judge(
  groups: readonly (readonly Samples[])[],
  ceilings: readonly number[],
  noise = NOISE,
): Judged[][] {
  const rows = groups.map((group) => group.map(measured));
  const all = rows.flat();
  const corrected = holm(all.map(({ p }) => p));
  all.forEach((row, i) => row.p = corrected[i]);
  for (const group of rows) {
    for (const row of group) row.judgement = judgementOf(row, { group, ceilings, noise });
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

/** The least and the greatest ratio of a part of one run to a part of the other. */
function driftInterval(before: readonly number[], after: readonly number[]): [number, number] {
  const [a, b] = [partMedians(before), partMedians(after)];
  return [Math.min(...b) / Math.max(...a), Math.max(...b) / Math.min(...a)];
}

/** Medians of consecutive parts of a run, whose lengths differ by one sample at most. */
function partMedians(samples: readonly number[]): number[] {
  const count = Math.min(PARTS, samples.length);
  const at = (part: number) => Math.round(part * samples.length / count);
  return Array.from({ length: count }, (_, part) => median(samples.slice(at(part), at(part + 1))));
}

/**
 * Chances corrected for how many there are.
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
  { group, ceilings, noise }: { group: readonly Judged[]; ceilings: readonly number[]; noise: number },
): Judgement {
  const { ratio, interval, p } = row;
  const slower = ratio > 1;
  const clear = slower ? interval[0] > 1 + noise : interval[1] < 1 / (1 + noise);
  if (p > FALSE_ALARMS || !clear) return "same";
  if (explained(ratio, ceilings, noise)) return "machine";
  // All ceilings are measured at one moment, so they count as one figure.
  const others = group.filter((other) => other !== row).map(({ ratio }) => ratio);
  if (ceilings.length > 0) others.push(median(ceilings));
  if (!standsOut(ratio, others, noise)) return "in doubt";
  return slower ? "slower" : "faster";
}

/** True if every ceiling of the machine changed in the same direction and at least as much, but for the noise. */
function explained(ratio: number, ceilings: readonly number[], noise: number): boolean {
  if (ceilings.length === 0) return false;
  const sign = Math.sign(Math.log(ratio));
  const least = Math.min(...ceilings.map((ceiling) => sign * Math.log(ceiling)));
  return least > 0 && sign * Math.log(ratio) <= least + Math.log1p(noise);
}

/** True if a ratio is further from 1 than the median of the others, by more than the noise and their spread. */
function standsOut(ratio: number, others: readonly number[], noise: number): boolean {
  if (others.length < FEWEST_OTHERS) return false;
  const logs = others.map(Math.log);
  const centre = median(logs);
  const beyond = Math.sign(Math.log(ratio)) * (Math.log(ratio) - centre);
  return beyond >
    Math.log1p(noise) + (logs.length < FEWEST_TO_SPREAD ? reach(logs) : APART * deviation(logs, centre));
}

/** The distance between the extremes of figures, no change included. A load on the machine slows rows unequally. */
function reach(logs: readonly number[]): number {
  return Math.max(0, ...logs) - Math.min(0, ...logs);
}

/** The standard deviation, from the median distance to the centre. In a normal distribution that is 0.6745 of it. */
function deviation(logs: readonly number[], centre: number): number {
  return median(logs.map((log) => Math.abs(log - centre))) / 0.6745;
}
