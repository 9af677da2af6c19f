import { longEnough } from "../timing/sampler.ts";
import { FEWEST_TO_COMPARE, median } from "../timing/statistics.ts";
import type { Engine } from "./engine.ts";

/** How long to time. */
export interface TimingRule {
  /** Least number of samples, unless each takes very long. */
  readonly samples: number;
  /** Least sum of the samples in nanoseconds. */
  readonly timeNs: number;
  /** Milliseconds of work before the first sample. */
  readonly warmUpMs: number;
  /** Most runs that may be queued behind each other. All their results use memory until they are done. */
  readonly mostRepeats: number;
}

/**
 * A sample lasts at least so many waits. A wait in Deno takes 11 ms, and is known to about 0.3 ms. So a sample is good to
 * 0.2 %.
 */
const SAMPLE_WAITS = 20;

const MOST_SAMPLES = 1000;

/** If samples take so long together, there may be fewer than a comparison needs. The row then says so. */
const VERY_SLOW_NS = 60e9;

/** Waits that are timed. Their median is the cost of one. */
const WAITS = 5;

/** Whether these samples, in nanoseconds, are enough. `repeats` is how often each repeats the work. */
export function enoughSamples(
  samples: readonly number[],
  rule: Pick<TimingRule, "samples" | "timeNs">,
  repeats: number,
): boolean {
  const spentNs = repeats * samples.reduce((sum, ns) => sum + ns, 0);
  if (samples.length < FEWEST_TO_COMPARE && spentNs < VERY_SLOW_NS) return false;
  return samples.length >= MOST_SAMPLES || longEnough(samples.length, spentNs, rule);
}

/**
 * Times runs on the wall clock. For a sample, several runs are queued one behind the other, with one wait for all. The time
 * of a wait by itself is subtracted. Nothing is read back in between.
 *
 * @returns Nanoseconds of one run, for each sample.
 */
export async function timeRuns<Result>(
  engine: Engine<Result>,
  rule: TimingRule,
  now: () => number = () => performance.now(),
): Promise<{ wallNs: number[]; repeats: number }> {
  const { runMs, waitMs } = await warmUp(engine, rule, now);
  const wanted = Math.ceil(SAMPLE_WAITS * waitMs / Math.max(runMs - waitMs, 0.01));
  const repeats = Math.max(1, Math.min(wanted, rule.mostRepeats));
  const wallNs: number[] = [];
  while (!enoughSamples(wallNs, rule, repeats)) {
    const tookMs = await batchMs(engine, repeats, now);
    wallNs.push(Math.max(tookMs - waitMs, 0) / repeats * 1e6);
  }
  return { wallNs, repeats };
}

/** Runs until the device's clocks are up. @returns Times of the last run with its wait, and of a wait alone. */
async function warmUp<Result>(
  engine: Engine<Result>,
  { warmUpMs }: TimingRule,
  now: () => number,
): Promise<{ runMs: number; waitMs: number }> {
  const end = now() + warmUpMs;
  for (;;) {
    const start = now();
    const result = await engine.run();
    await engine.finish([result]);
    const runMs = now() - start;
    const waitMs = now() < end ? null : await waitCostMs(engine, result, now);
    engine.discard(result);
    if (waitMs !== null) return { runMs, waitMs };
  }
}

/** The time of a wait alone: for a result that is done already, `finish` does nothing else. */
async function waitCostMs<Result>(engine: Engine<Result>, done: Result, now: () => number): Promise<number> {
  const costs: number[] = [];
  for (let i = 0; i < WAITS; i++) {
    const start = now();
    await engine.finish([done]);
    costs.push(now() - start);
  }
  return median(costs);
}

/** The time of several runs. Results are kept to the end: a lazy library could skip work whose result is discarded. */
async function batchMs<Result>(engine: Engine<Result>, repeats: number, now: () => number): Promise<number> {
  const results: Result[] = [];
  const start = now();
  while (results.length < repeats) results.push(await engine.run());
  await engine.finish(results);
  const tookMs = now() - start;
  results.forEach((result) => engine.discard(result));
  return tookMs;
}
