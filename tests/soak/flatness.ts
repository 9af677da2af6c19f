/** Tells whether memory stays flat. It fits a line through what was seen after warm-up. */

/** What was seen at one moment. */
export interface Sample {
  /** Cases that were done by then. */
  readonly cases: number;
  /** Resident bytes of the process. */
  readonly rssBytes: number;
}

/** A line through samples. */
export interface Trend {
  /** Bytes that a case adds, by least squares. */
  readonly bytesPerCase: number;
  /** Standard error of `bytesPerCase`. */
  readonly errorBytesPerCase: number;
  /** Cases from the first sample to the last. */
  readonly cases: number;
}

/** The part of a run that is left out: caches fill, kernels are compiled, the heap finds its size. */
export const WARM_UP = 1 / 2;

/** Fewer samples than this say nothing about a trend. */
const FEWEST_SAMPLES = 10;

/**
 * Bytes that a case may add.
 *
 * A case makes a dozen buffers and twice as many bind groups. The smallest of them costs wgpu and the driver kilobytes
 * where it is not given back: one buffer of 256 bytes kept in each case showed as 2,450 bytes. A clean run of 30 minutes
 * showed 49 +- 14, so the limit lies between the two, and lets the heap rise by 7 MB over the last 28,000 cases.
 */
export const LIMIT_BYTES_PER_CASE = 256;

/**
 * The trend of the samples after warm-up.
 *
 * @throws {RangeError} If they are too few.
 */
export function trendOf(samples: readonly Sample[]): Trend {
  const last = samples.at(-1)?.cases ?? 0;
  const kept = samples.filter(({ cases }) => cases >= last * WARM_UP);
  if (kept.length < FEWEST_SAMPLES) {
    throw new RangeError(
      `Cannot fit a trend as there must be ${FEWEST_SAMPLES} samples after warm-up: current value is ${kept.length}`,
    );
  }
  const middle = mean(kept.map(({ cases }) => cases));
  const level = mean(kept.map(({ rssBytes }) => rssBytes));
  const spread = sum(kept.map(({ cases }) => (cases - middle) ** 2));
  const bytesPerCase = sum(kept.map(({ cases, rssBytes }) => (cases - middle) * (rssBytes - level))) / spread;
  const rest = kept.map(({ cases, rssBytes }) => rssBytes - level - bytesPerCase * (cases - middle));
  const variance = sum(rest.map((off) => off ** 2)) / (kept.length - 2);
  return {
    bytesPerCase,
    errorBytesPerCase: Math.sqrt(variance / spread),
    cases: last - kept[0].cases,
  };
}

/** Whether memory keeps growing: by more than the limit allows. */
export function keepsGrowing({ bytesPerCase }: Trend): boolean {
  return !(bytesPerCase <= LIMIT_BYTES_PER_CASE);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
