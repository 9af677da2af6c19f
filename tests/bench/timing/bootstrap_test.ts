import { assert, assertEquals, assertThrows } from "@std/assert";
import { bootstrapMedianInterval, bootstrapRatioInterval } from "../../../bench/timing/bootstrap.ts";
import { seededRandom } from "../../../bench/timing/random.ts";

/** Skewed as times are: exponential above a floor of 1; its median is 1 + ln 2. */
function skewed(n: number, random: () => number): number[] {
  return Array.from({ length: n }, () => 1 - Math.log(1 - random()));
}

const MEDIAN = 1 + Math.LN2;

function coverage(trials: number, holds: (trial: number) => boolean): number {
  let held = 0;
  for (let trial = 0; trial < trials; trial++) if (holds(trial)) held++;
  return held / trials;
}

Deno.test("the bootstrap interval of the median holds the true median about 95 times in 100", () => {
  const random = seededRandom(1);
  const held = coverage(600, (seed) => {
    const [low, high] = bootstrapMedianInterval(skewed(40, random), { seed, resamples: 500 });
    return low <= MEDIAN && MEDIAN <= high;
  });
  assert(held > 0.915 && held < 0.985, `coverage is ${held}`);
});

Deno.test("a narrower confidence holds the true median less often", () => {
  const random = seededRandom(2);
  const held = coverage(600, (seed) => {
    const [low, high] = bootstrapMedianInterval(skewed(41, random), {
      seed,
      resamples: 500,
      confidence: 0.6,
    });
    return low <= MEDIAN && MEDIAN <= high;
  });
  assert(held > 0.52 && held < 0.7, `coverage is ${held}`);
});

Deno.test("the bootstrap interval of a ratio holds the true ratio about 95 times in 100", () => {
  const random = seededRandom(3);
  const held = coverage(600, (seed) => {
    const slower = skewed(50, random).map((sample) => 1.25 * sample);
    const [low, high] = bootstrapRatioInterval(slower, skewed(30, random), { seed, resamples: 500 });
    return low <= 1.25 && 1.25 <= high;
  });
  assert(held > 0.915 && held < 0.985, `coverage is ${held}`);
});

Deno.test("equal seeds give equal intervals", () => {
  const samples = skewed(25, seededRandom(4));
  assertEquals(bootstrapMedianInterval(samples, { seed: 7 }), bootstrapMedianInterval(samples, { seed: 7 }));
  assertEquals(bootstrapRatioInterval(samples, samples), bootstrapRatioInterval(samples, samples));
});

Deno.test("the interval of equal samples is a point", () => {
  assertEquals(bootstrapMedianInterval([3, 3, 3, 3]), [3, 3]);
  assertEquals(bootstrapRatioInterval([6, 6], [3, 3, 3]), [2, 2]);
  assertEquals(bootstrapMedianInterval([5]), [5, 5]);
});

Deno.test("a bootstrapped median of two samples is one of them or their mean", () => {
  const [low, high] = bootstrapMedianInterval([1, 3], { confidence: 0.2 });
  assertEquals([low, high], [2, 2]);
  assertEquals(bootstrapMedianInterval([1, 3]), [1, 3]);
});

Deno.test("an empty side is refused", () => {
  assertThrows(() => bootstrapMedianInterval([]), RangeError, "there must be a sample");
  assertThrows(() => bootstrapRatioInterval([1], []), RangeError, "there must be a sample");
});
