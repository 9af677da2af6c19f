import { type RandomSource, shuffled } from "./random.ts";
import { FEWEST_TO_COMPARE, medianUncertainty } from "./statistics.ts";

/** When a row has samples enough. */
export interface StopRule {
  /** Samples at least, unless the median is known sooner or each takes very long. */
  readonly samples: number;
  /** Nanoseconds that the samples add up to at least. */
  readonly timeNs: number;
  /** Half the width of the median's 95 % interval, relative, that counts as known. */
  readonly uncertainty: number;
  /** Samples at least before a median counts as known. */
  readonly knownFrom: number;
  /** Samples at most. */
  readonly mostSamples: number;
}

/** Samples that together take this long, and ten times what was asked, are enough from three on. */
const PATIENCE_NS = 10e9;
const FEWEST_SLOW = 3;

/** Whether `n` samples have taken as long as was asked, or so long that no more are waited for. */
export function longEnough(
  n: number,
  spentNs: number,
  { samples, timeNs }: Pick<StopRule, "samples" | "timeNs">,
): boolean {
  return n >= samples && spentNs >= timeNs ||
    n >= FEWEST_SLOW && spentNs >= Math.max(PATIENCE_NS, 10 * timeNs);
}

/** Whether these samples, in nanoseconds, are enough. */
export function enough(samples: readonly number[], rule: StopRule): boolean {
  const n = samples.length;
  if (n >= rule.mostSamples) return true;
  const spentNs = samples.reduce((sum, ns) => sum + ns, 0);
  if (longEnough(n, spentNs, rule)) return true;
  return n >= Math.max(FEWEST_TO_COMPARE, rule.knownFrom) && medianUncertainty(samples) <= rule.uncertainty;
}

/** How far a row is, from 0 to 1: for a progress line, so time and count weigh as they bind. */
export function progressOf(samples: readonly number[], rule: StopRule): number {
  if (enough(samples, rule)) return 1;
  const spentNs = samples.reduce((sum, ns) => sum + ns, 0);
  const byCount = samples.length / rule.samples;
  const byTime = spentNs / rule.timeNs;
  return Math.min(Math.max(Math.min(byCount, byTime), samples.length / rule.mostSamples), 0.99);
}

/** What {@linkcode sampleInterleaved} is given. */
export interface Sampling<Item> {
  readonly rule: StopRule;
  readonly random: RandomSource;
  /** Times items one after the other: nanoseconds for each. */
  measure(order: readonly Item[]): Promise<number[]>;
  /** After each batch, with the items that have just become complete. */
  report?(finished: readonly Item[], samplesOf: (item: Item) => readonly number[]): void;
  /** Milliseconds, as `performance.now()`. */
  now?(): number;
}

/** A batch shorter than this wastes its time on the wait at its end (about 11 ms). */
const BATCH_MS = 100;

/**
 * Samples items in turns, each round in another random order, until each has enough: what disturbs the machine for a
 * while then hits all of them alike, and no item always follows the same other one.
 *
 * @returns Samples of each item, in the order of measurement.
 */
export async function sampleInterleaved<Item>(
  items: readonly Item[],
  { rule, random, measure, report, now = () => performance.now() }: Sampling<Item>,
): Promise<Map<Item, number[]>> {
  const samples = new Map<Item, number[]>(items.map((item) => [item, []]));
  const samplesOf = (item: Item) => samples.get(item)!;
  let rounds = 1;
  for (let active = [...items]; active.length > 0;) {
    const order = Array.from({ length: rounds }, () => shuffled(active, random)).flat();
    const start = now();
    const times = await measure(order);
    const roundMs = (now() - start) / rounds;
    order.forEach((item, i) => samplesOf(item).push(times[i]));
    const finished = active.filter((item) => enough(samplesOf(item), rule));
    active = active.filter((item) => !finished.includes(item));
    report?.(finished, samplesOf);
    rounds = roundsOf(roundMs, { most: roundsLeft(active.map(samplesOf), rule) });
  }
  return samples;
}

/** As many rounds as fill a batch, but no more than some row still needs. */
function roundsOf(roundMs: number, { most }: { most: number }): number {
  return Math.max(1, Math.min(Math.ceil(BATCH_MS / Math.max(roundMs, 0.1)), most));
}

function roundsLeft(active: readonly (readonly number[])[], rule: StopRule): number {
  const left = active.map((samples) =>
    Math.max(rule.samples - samples.length, Math.ceil(samples.length / 4))
  );
  return Math.min(...left);
}
