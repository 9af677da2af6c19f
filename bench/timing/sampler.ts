import { type RandomSource, shuffled } from "./random.ts";
import { FEWEST_TO_COMPARE, medianUncertainty } from "./statistics.ts";

/** When a row has enough samples. */
export interface StopRule {
  /** Least number of samples, unless the median is known sooner or each sample takes very long. */
  readonly samples: number;
  /** Least sum of the samples in nanoseconds, with the same exceptions. */
  readonly timeNs: number;
  /** The median counts as known if half its 95 % interval is no wider than this part of it. */
  readonly uncertainty: number;
  /** Least number of samples before a median counts as known. */
  readonly knownFrom: number;
  /** Most samples. */
  readonly mostSamples: number;
}

/** Three samples are enough if they take this long together, and ten times as long as was asked. */
const PATIENCE_NS = 10e9;
const FEWEST_SLOW = 3;

/** True if `n` samples took as long as was asked, or so long that it is not worth waiting for more. */
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

/** How far a row is, from 0 to 1, for a progress line. Of time and count, the one that lags behind decides. */
export function progressOf(samples: readonly number[], rule: StopRule): number {
  if (enough(samples, rule)) return 1;
  const spentNs = samples.reduce((sum, ns) => sum + ns, 0);
  const byCount = samples.length / rule.samples;
  const byTime = spentNs / rule.timeNs;
  return Math.min(Math.max(Math.min(byCount, byTime), samples.length / rule.mostSamples), 0.99);
}

/** How {@linkcode sampleInterleaved} samples. */
export interface Sampling<Item> {
  readonly rule: StopRule;
  readonly random: RandomSource;
  /** Times items one after the other. @returns Nanoseconds of each. */
  measure(order: readonly Item[]): Promise<number[]>;
  /** Called after each batch, with the items that it completed. */
  report?(finished: readonly Item[], samplesOf: (item: Item) => readonly number[]): void;
  /** Milliseconds, as `performance.now()`. */
  now?(): number;
}

/** Least length of a batch. A shorter one would spend its time on the wait at its end (about 11 ms). */
const BATCH_MS = 100;

/**
 * Samples items in turns until each has enough, every round in a new random order. So a disturbance of the machine affects
 * all items alike, and no item always follows the same other one.
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

/** How many rounds fill a batch. It is no more than `most`. */
function roundsOf(roundMs: number, { most }: { most: number }): number {
  return Math.max(1, Math.min(Math.ceil(BATCH_MS / Math.max(roundMs, 0.1)), most));
}

function roundsLeft(active: readonly (readonly number[])[], rule: StopRule): number {
  const left = active.map((samples) =>
    Math.max(rule.samples - samples.length, Math.ceil(samples.length / 4))
  );
  return Math.min(...left);
}
