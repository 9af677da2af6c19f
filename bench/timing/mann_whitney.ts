/** What {@linkcode mannWhitney} finds. */
export interface MannWhitney {
  /** How many pairs of samples have the greater one in `a`, from 0 to na nb. Ties count half. */
  u: number;
  /** Two-sided chance of a `u` at least this far from na nb / 2, if both came from one distribution. */
  p: number;
  /** Whether `p` is exact. Otherwise it is approximated. */
  exact: boolean;
}

/** With at most so many samples on each side, the distribution of U is counted (in 400 steps for each value of U). */
const MOST_EXACT = 20;

/**
 * Tests whether two sets of samples differ in location. It assumes no distribution.
 *
 * The result is exact for at most 20 samples each without ties. Otherwise it is the normal approximation, corrected for ties
 * and continuity. Source: H. Mann, D. Whitney, "On a test of whether one of two random variables is stochastically larger
 * than the other" (1947); tie correction: E. Lehmann, "Nonparametrics" (1975), section 1.4.
 *
 * @throws {RangeError} If either has no sample.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  if (a.length === 0 || b.length === 0) {
    throw new RangeError(
      `Cannot compare samples as both sides must have one: current value is ${a.length} and ${b.length}`,
    );
  }
  const { rankSum, tieTerm } = ranks(a, b);
  const u = rankSum - a.length * (a.length + 1) / 2;
  const exact = tieTerm === 0 && Math.max(a.length, b.length) <= MOST_EXACT;
  const p = exact ? exactP(u, [a.length, b.length]) : normalP(u, { sizes: [a.length, b.length], tieTerm });
  return { u, p, exact };
}

/** The sum of a's ranks among all samples, where ties have their mean rank, and the sum of t^3 - t over groups of t ties. */
function ranks(a: readonly number[], b: readonly number[]): { rankSum: number; tieTerm: number } {
  const all = [...a.map((value) => ({ value, own: 1 })), ...b.map((value) => ({ value, own: 0 }))];
  all.sort((x, y) => x.value - y.value);
  let rankSum = 0;
  let tieTerm = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    let own = 0;
    while (end < all.length && all[end].value === all[start].value) own += all[end++].own;
    const ties = end - start;
    rankSum += own * (start + 1 + end) / 2;
    tieTerm += ties ** 3 - ties;
    start = end;
  }
  return { rankSum, tieTerm };
}

function exactP(u: number, sizes: readonly [number, number]): number {
  const counts = orderings(...sizes);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const least = Math.min(u, sizes[0] * sizes[1] - u);
  const tail = counts.slice(0, least + 1).reduce((sum, count) => sum + count, 0);
  return Math.min(1, 2 * tail / total);
}

/**
 * Counts the orders of na and nb samples that have each U. The counts are the coefficients of the Gaussian binomial: the
 * product over i of (1 - q^(nb + i)) / (1 - q^i). A double holds them exactly, as they are whole and add up to at most
 * C(40, 20) = 1.4e11.
 */
function orderings(na: number, nb: number): number[] {
  const counts = new Array<number>(na * nb + 1).fill(0);
  counts[0] = 1;
  for (let i = 1; i <= na; i++) {
    for (let u = counts.length - 1; u >= nb + i; u--) counts[u] -= counts[u - nb - i];
    for (let u = i; u < counts.length; u++) counts[u] += counts[u - i];
  }
  return counts;
}

function normalP(
  u: number,
  { sizes: [na, nb], tieTerm }: { sizes: [number, number]; tieTerm: number },
): number {
  const n = na + nb;
  const variance = na * nb / 12 * (n + 1 - tieTerm / (n * (n - 1)));
  if (variance <= 0) return 1; // all samples are equal
  const distance = Math.max(0, Math.abs(u - na * nb / 2) - 0.5);
  return Math.min(1, complementaryError(distance / Math.sqrt(2 * variance)));
}

/**
 * erfc(x) for x >= 0, with a relative error below 1.2e-7.
 * Source: W. Press et al., "Numerical recipes" (3rd ed., 2007), section 6.2.2, Chebyshev fit.
 */
function complementaryError(x: number): number {
  const t = 1 / (1 + 0.5 * x);
  const terms = [
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
  ];
  return t * Math.exp(-x * x + terms.reduceRight((sum, term) => sum * t + term, 0));
}
