import { bootstrapMedianInterval } from "./bootstrap.ts";

/** Samples in the order in which they were taken, and figures that describe them in the same unit. */
export interface Summary {
  samples: number[];
  median: number;
  p20: number;
  p80: number;
  min: number;
  mean: number;
  n: number;
  /** Standard deviation (n - 1) over mean. Null for a single sample, or a mean of 0. */
  cv: number | null;
  /** 95 % bootstrap interval of the median. Null below five samples, where it would miss the median too often. */
  ci: [number, number] | null;
}

/** Fewer samples cannot tell two rows apart. Even six all lie on one side of the true median once in 32 times. */
export const FEWEST_TO_COMPARE = 6;

/** Fewer samples have no useful interval, because resampled medians never go beyond the ends of the data. */
const FEWEST_FOR_INTERVAL = 5;

/** A copy in ascending order. */
export function ascending(samples: readonly number[]): number[] {
  return samples.toSorted((a, b) => a - b);
}

/**
 * The p-quantile, interpolated linearly between order statistics.
 *
 * Source: R. Hyndman, Y. Fan, "Sample quantiles in statistical packages" (1996), definition 7.
 *
 * @throws {RangeError} If there is no sample, or p lies outside [0, 1].
 */
export function quantile(samples: readonly number[], p: number): number {
  return quantileOfSorted(ascending(samples), p);
}

/** As {@linkcode quantile}, of samples that are already in ascending order. */
export function quantileOfSorted(sorted: readonly number[], p: number): number {
  requireSamples(sorted, "quantile");
  if (!(p >= 0 && p <= 1)) {
    throw new RangeError(`Cannot compute a quantile as p must lie in [0, 1]: current value is ${p}`);
  }
  const place = (sorted.length - 1) * p;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** The middle sample, or the mean of the middle two. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The arithmetic mean. */
export function mean(samples: readonly number[]): number {
  requireSamples(samples, "mean");
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/** Standard deviation with n - 1 in the denominator. Null below two samples. */
export function standardDeviation(samples: readonly number[]): number | null {
  if (samples.length < 2) return null;
  const centre = mean(samples);
  const squares = samples.reduce((sum, sample) => sum + (sample - centre) ** 2, 0);
  return Math.sqrt(squares / (samples.length - 1));
}

/** Standard deviation over mean. Null below two samples, or where the mean is 0. */
export function coefficientOfVariation(samples: readonly number[]): number | null {
  const deviation = standardDeviation(samples);
  const centre = samples.length > 0 ? mean(samples) : 0;
  return deviation === null || centre === 0 ? null : deviation / Math.abs(centre);
}

/**
 * Computes everything that a report says about samples.
 *
 * @throws {RangeError} If there is no sample.
 */
export function summarize(samples: readonly number[], { seed = 0 }: { seed?: number } = {}): Summary {
  const sorted = ascending(samples);
  return {
    samples: [...samples],
    median: quantileOfSorted(sorted, 0.5),
    p20: quantileOfSorted(sorted, 0.2),
    p80: quantileOfSorted(sorted, 0.8),
    min: sorted[0],
    mean: mean(samples),
    n: samples.length,
    cv: coefficientOfVariation(samples),
    ci: samples.length < FEWEST_FOR_INTERVAL ? null : bootstrapMedianInterval(samples, { seed }),
  };
}

/**
 * A 95 % interval of the median, between two order statistics. It assumes no distribution. Null below six samples, where no
 * such interval reaches 95 %. It costs one sort, so that the sampler can ask for it after every round.
 *
 * Source: W. Conover, "Practical nonparametric statistics" (1999), section 3.2, normal approximation.
 */
export function medianBounds(samples: readonly number[]): [number, number] | null {
  const n = samples.length;
  if (n < FEWEST_TO_COMPARE) return null;
  const sorted = ascending(samples);
  const reach = 0.98 * Math.sqrt(n); // 1.96 standard deviations of a binomial count with p = 1/2
  const low = Math.max(Math.floor(n / 2 - reach) - 1, 0);
  const high = Math.min(Math.ceil(n / 2 + reach), n - 1);
  return [sorted[low], sorted[high]];
}

/** How uncertain the median is: half the width of {@linkcode medianBounds} over the median. Infinity where unknown. */
export function medianUncertainty(samples: readonly number[]): number {
  const bounds = medianBounds(samples);
  const centre = bounds === null ? 0 : median(samples);
  return bounds === null || centre === 0 ? Infinity : (bounds[1] - bounds[0]) / 2 / Math.abs(centre);
}

/**
 * Indices of outliers: samples whose modified z-score, 0.6745 (x - median) / MAD, is above 3.5. Where more than half of the
 * samples are equal, MAD is 0. The mean absolute deviation then takes its place, with 0.7979 for 0.6745.
 *
 * Source: B. Iglewicz, D. Hoaglin, "How to detect and handle outliers" (1993).
 */
export function outliers(samples: readonly number[], { limit = 3.5 }: { limit?: number } = {}): number[] {
  if (samples.length < 3) return [];
  const centre = median(samples);
  const distances = samples.map((sample) => Math.abs(sample - centre));
  const scale = median(distances) / 0.6745 || mean(distances) / 0.7979;
  if (scale === 0) return [];
  return distances.flatMap((distance, i) => distance / scale > limit ? [i] : []);
}

function requireSamples(samples: readonly number[], what: string): void {
  if (samples.length === 0) {
    throw new RangeError(
      `Cannot compute a ${what} as there must be a sample: current value is an empty list`,
    );
  }
}
