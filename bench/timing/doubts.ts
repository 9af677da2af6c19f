import { mannWhitney } from "./mann_whitney.ts";
import { FEWEST_TO_COMPARE, median, outliers, type Summary } from "./statistics.ts";
import { FEW_STEPS } from "./step.ts";

/** What is known of a row once its samples are complete. */
export interface Evidence {
  /** Times in nanoseconds, by the device's clock where it has one, else by the wall clock. Null where there are none. */
  readonly time: Summary | null;
  /** Sum in nanoseconds of all launches, each timed by itself. Null where it is not known. */
  readonly launchesNs: number | null;
  /** Least difference in nanoseconds that the device's clock tells. Null without timestamps. */
  readonly resolutionNs: number | null;
  /** How often each sample repeats the work. */
  readonly repeats: number;
  /** Wall time of the first use, compilation included. */
  readonly coldMs: number;
  /** Rate over the ceiling that binds it. */
  readonly fraction: number | null;
  /** Whether a person can ask for more samples. The page in a browser has no control for that. */
  readonly adjustable: boolean;
}

/** Coefficient of variation that samples stay below on a quiet machine. */
const NOISY = 0.05;

/** A larger part of outliers than this is no accident. */
const MANY_OUTLIERS = 0.05;

/** Launches that are timed alone take a little longer, as each waits for the one before. More than this part is a fault. */
const LAUNCHES_APART = 0.2;

/** A first use that takes longer keeps a user waiting. */
const SLOW_START_MS = 2000;

/** A larger change between the first and the last third of the samples is more than noise. */
const DRIFT = 0.03;

/** Doubts about a row, each a sentence with its remedy. */
export function doubtsOf(evidence: Evidence): string[] {
  const { time, launchesNs, resolutionNs, coldMs, fraction, repeats } = evidence;
  const doubts: string[] = [];
  if (time !== null) doubts.push(...doubtsOfSamples(time, evidence));
  if (time !== null && launchesNs !== null && !isNoisy(time) && differ(launchesNs, time.median)) {
    doubts.push(
      `The kernels timed alone differ from the row by more than ${
        100 * LAUNCHES_APART
      } % in sum: trust the row, and run again for its kernels.`,
    );
  }
  if (time !== null && resolutionNs !== null && time.median * repeats < FEW_STEPS * resolutionNs) {
    doubts.push("The timer is too coarse for a row so short: take a larger size.");
  }
  if (coldMs > SLOW_START_MS) {
    doubts.push(`The first use takes over ${SLOW_START_MS / 1000} s: compile once when the program starts.`);
  }
  if (fraction !== null && fraction > 1) {
    doubts.push(
      "The rate is above the ceiling: no hardware can do that without Strassen's method. Close other programs, so that the ceiling is measured right, and run again.",
    );
  }
  return doubts;
}

const isNoisy = ({ cv }: Summary) => (cv ?? 0) > NOISY;
const differ = (launchesNs: number, ns: number) => Math.abs(launchesNs / ns - 1) > LAUNCHES_APART;

function doubtsOfSamples(summary: Summary, { repeats, adjustable }: Evidence): string[] {
  const { samples, n } = summary;
  const doubts: string[] = [];
  if (n < FEWEST_TO_COMPARE) {
    doubts.push(
      `Fewer than ${FEWEST_TO_COMPARE} samples cannot rank a row: ${
        adjustable ? "raise --samples, or --min-time where each takes seconds" : "take a smaller size"
      }.`,
    );
  }
  if (isNoisy(summary)) {
    doubts.push(
      `The samples spread by more than ${100 * NOISY} %: close other programs, ${
        adjustable ? "fix the GPU's clocks, or raise --min-time" : "keep this tab in front, and measure again"
      }.`,
    );
  }
  if (n >= 20 && outliers(samples).length > MANY_OUTLIERS * n) {
    doubts.push(
      `More than ${
        100 * MANY_OUTLIERS
      } % of the samples are outliers: trust the median, not the mean, and look for background work.`,
    );
  }
  if (drifts(samples)) {
    doubts.push(
      "The samples drift while the row is measured: let the GPU cool down or fix its clocks, and run again.",
    );
  }
  if (repeats > 1) {
    doubts.push(
      "One run is too short to time: each sample is the mean of several with warm caches. Take a larger size.",
    );
  }
  return doubts;
}

/** True if the last third of the samples differs from the first by more than chance and noise explain. */
function drifts(samples: readonly number[]): boolean {
  const third = Math.floor(samples.length / 3);
  if (third < 6) return false;
  const first = samples.slice(0, third);
  const last = samples.slice(-third);
  return Math.abs(median(last) / median(first) - 1) > DRIFT && mannWhitney(first, last).p < 0.01;
}
