import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  coefficientOfVariation,
  mean,
  median,
  medianBounds,
  medianUncertainty,
  outliers,
  quantile,
  standardDeviation,
  summarize,
} from "../../../bench/timing/statistics.ts";
import { seededRandom } from "../../../bench/timing/random.ts";

Deno.test("quantile() agrees with R's default definition on known answers", () => {
  const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  const answers: [number, number][] = [
    [0, 1],
    [0.2, 2.8],
    [0.25, 3.25],
    [0.5, 5.5],
    [0.75, 7.75],
    [0.8, 8.2],
    [1, 10],
  ];
  for (const [p, answer] of answers) assertAlmostEquals(quantile(ten, p), answer, 1e-12, `p = ${p}`);
  assertAlmostEquals(quantile([1, 2, 4, 8], 0.9), 6.8, 1e-12);
  assertEquals(quantile([7], 0.3), 7);
});

Deno.test("quantile() refuses an empty list and a p outside [0, 1]", () => {
  assertThrows(() => quantile([], 0.5), RangeError, "there must be a sample");
  assertThrows(() => quantile([1], 1.5), RangeError, "current value is 1.5");
  assertThrows(() => quantile([1], NaN), RangeError, "current value is NaN");
});

Deno.test("median() takes the middle, or the mean of the middle two, and leaves its input alone", () => {
  const samples = [3, 1, 2];
  assertEquals(median(samples), 2);
  assertEquals(samples, [3, 1, 2]);
  assertEquals(median([4, 1, 3, 2]), 2.5);
});

Deno.test("mean, deviation and variation agree with hand-computed answers", () => {
  // Deviations from 5 are -3, -1, -1, -1, 0, 0, 2, 4: squares sum to 32, over 7.
  const samples = [2, 4, 4, 4, 5, 5, 7, 9];
  assertEquals(mean(samples), 5);
  assertAlmostEquals(standardDeviation(samples)!, Math.sqrt(32 / 7), 1e-12);
  assertAlmostEquals(coefficientOfVariation(samples)!, Math.sqrt(32 / 7) / 5, 1e-12);
  assertEquals(standardDeviation([1]), null);
  assertEquals(coefficientOfVariation([]), null);
  assertEquals(coefficientOfVariation([-1, 1]), null);
});

Deno.test("summarize() keeps the samples' order and gives no interval below five", () => {
  const summary = summarize([5, 1, 4, 2, 3]);
  assertEquals(summary.samples, [5, 1, 4, 2, 3]);
  assertEquals([summary.median, summary.min, summary.mean, summary.n], [3, 1, 3, 5]);
  assertAlmostEquals(summary.p20, 1.8, 1e-12);
  assertAlmostEquals(summary.p80, 4.2, 1e-12);
  assert(summary.ci![0] <= 3 && summary.ci![1] >= 3);
  assertEquals(summarize([1, 2, 3, 4]).ci, null);
  assertThrows(() => summarize([]), RangeError);
});

Deno.test("medianUncertainty() is unknown below six samples and falls as the root of their number", () => {
  assertEquals(medianUncertainty([1, 1, 1, 1, 1]), Infinity);
  assertEquals(medianUncertainty([2, 2, 2, 2, 2, 2]), 0);
  const random = seededRandom(3);
  const draw = (n: number) => medianUncertainty(Array.from({ length: n }, () => 100 + random()));
  const ratio = draw(100) / draw(10_000);
  assert(ratio > 5 && ratio < 20, `a hundred times the samples narrowed the interval by ${ratio}`);
});

Deno.test("medianBounds() hold the true median at least 94 times in 100", () => {
  const random = seededRandom(11);
  for (const n of [6, 7, 20, 41]) {
    let held = 0;
    const trials = 1000;
    for (let trial = 0; trial < trials; trial++) {
      const [low, high] = medianBounds(Array.from({ length: n }, random))!;
      if (low <= 0.5 && 0.5 <= high) held++;
    }
    assert(held >= 0.94 * trials, `held ${held} times with ${n} samples`);
  }
  assertEquals(medianBounds([1, 2, 3, 4, 5]), null);
});

Deno.test("outliers() finds what lies far from the median by the modified z-score", () => {
  // Iglewicz and Hoaglin's rule: median 3.5, MAD 0.5, z of 20 is 22, of 5 is 2.0.
  assertEquals(outliers([3, 4, 3, 4, 3, 4, 5, 20]), [7]);
  assertEquals(outliers([1, 2, 3, 4, 5]), []);
  assertEquals(outliers([1, 100]), []);
});

Deno.test("outliers() still works where most samples are equal and the median deviation is 0", () => {
  assertEquals(outliers([5, 5, 5, 5, 5, 5, 5, 5, 5, 9]), [9]);
  assertEquals(outliers([5, 5, 5, 5]), []);
});
