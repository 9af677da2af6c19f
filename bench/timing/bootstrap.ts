import { type RandomSource, seededRandom } from "./random.ts";

/** How an interval is made. */
export interface BootstrapOptions {
  /** Chance that the interval holds the true value; 0.95 if not given. */
  confidence?: number;
  /** How often the samples are drawn again; 2,000 leave the interval's ends a jitter of about 1 % of its width. */
  resamples?: number;
  /** Equal seeds give equal intervals. */
  seed?: number;
}

const RESAMPLES = 2000;

/**
 * The interval of the median that the percentile bootstrap gives.
 *
 * Source: B. Efron, R. Tibshirani, "An introduction to the bootstrap" (1993), chapter 13.
 *
 * @throws {RangeError} If there is no sample.
 */
export function bootstrapMedianInterval(
  samples: readonly number[],
  options: BootstrapOptions = {},
): [number, number] {
  const draw = medianDrawer(samples, seededRandom(options.seed ?? 0));
  return percentileInterval(draw, options);
}

/**
 * The interval of median(a) / median(b), each drawn again by itself.
 *
 * Source: as {@linkcode bootstrapMedianInterval}, for two samples.
 *
 * @throws {RangeError} If either has no sample.
 */
export function bootstrapRatioInterval(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions = {},
): [number, number] {
  const random = seededRandom(options.seed ?? 0);
  const over = medianDrawer(a, random);
  const under = medianDrawer(b, random);
  return percentileInterval(() => over() / under(), options);
}

function percentileInterval(draw: () => number, options: BootstrapOptions): [number, number] {
  const { confidence = 0.95, resamples = RESAMPLES } = options;
  const values = Float64Array.from({ length: resamples }, draw).sort();
  const tail = Math.floor((1 - confidence) / 2 * resamples);
  return [values[tail], values[resamples - 1 - tail]];
}

/**
 * Draws medians of resamples. The samples are sorted once; each resample only counts how often it took each of them,
 * and its median is read off the counts: n additions and no sort.
 */
function medianDrawer(samples: readonly number[], random: RandomSource): () => number {
  if (samples.length === 0) {
    throw new RangeError("Cannot bootstrap as there must be a sample: current value is an empty list");
  }
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  const counts = new Uint32Array(n);
  return () => {
    counts.fill(0);
    for (let i = 0; i < n; i++) counts[Math.floor(random() * n)]++;
    return medianOfCounts(sorted, counts);
  };
}

/** The median of sorted values, each taken as often as `counts` says; the counts add up to the number of values. */
function medianOfCounts(sorted: Float64Array, counts: Uint32Array): number {
  const lower = Math.floor((sorted.length - 1) / 2);
  const upper = Math.floor(sorted.length / 2);
  let i = 0;
  let seen = counts[0];
  while (seen <= lower) seen += counts[++i];
  const first = sorted[i];
  while (seen <= upper) seen += counts[++i];
  return (first + sorted[i]) / 2;
}
