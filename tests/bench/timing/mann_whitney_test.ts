import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { mannWhitney } from "../../../bench/timing/mann_whitney.ts";
import { seededRandom } from "../../../bench/timing/random.ts";

/** Samples without ties whose U is `u`: b at 1.5, 2.5, ...; each of a exceeds as many of b as are left to exceed. */
function samplesOf(u: number, [na, nb]: [number, number]): [number[], number[]] {
  const b = Array.from({ length: nb }, (_, i) => i + 1.5);
  let left = u;
  const a = Array.from({ length: na }, (_, i) => {
    const above = Math.min(left, nb);
    left -= above;
    return above + 1 + i / 1000;
  });
  return [a, b];
}

/**
 * Largest U that is significant, two-sided, as textbooks print it (for example S. Siegel, "Nonparametric statistics"
 * (1956), table K; M. Neave, "Statistics tables" (1978)).
 */
const CRITICAL: [number, number, number, number][] = [
  // na, nb, alpha, U
  [4, 4, 0.05, 0],
  [3, 5, 0.05, 0],
  [5, 5, 0.05, 2],
  [6, 6, 0.05, 5],
  [7, 7, 0.05, 8],
  [8, 8, 0.05, 13],
  [5, 10, 0.05, 8],
  [9, 9, 0.05, 17],
  [10, 10, 0.05, 23],
  [12, 12, 0.05, 37],
  [15, 15, 0.05, 64],
  [20, 20, 0.05, 127],
  [10, 20, 0.05, 55],
  [5, 5, 0.01, 0],
  [8, 8, 0.01, 7],
  [10, 10, 0.01, 16],
  [20, 20, 0.01, 105],
];

for (const [na, nb, alpha, critical] of CRITICAL) {
  Deno.test(`U = ${critical} is the published limit for ${na} and ${nb} samples at ${alpha}`, () => {
    const at = mannWhitney(...samplesOf(critical, [na, nb]));
    const beyond = mannWhitney(...samplesOf(critical + 1, [na, nb]));
    assertEquals([at.u, at.exact], [critical, true]);
    assert(at.p <= alpha, `p is ${at.p}`);
    assert(beyond.p > alpha, `one more has p ${beyond.p}`);
  });
}

Deno.test("exact p agrees with counting by hand", () => {
  // Of the C(5, 2) = 10 orders of 2 and 3 samples, one has U = 0 and one U = 6.
  assertAlmostEquals(mannWhitney([1, 2], [3, 4, 5]).p, 2 / 10, 1e-12);
  // U = 4 mirrors 2, and 1 + 1 + 2 orders have U up to 2.
  assertAlmostEquals(mannWhitney([3, 4], [1, 2, 5]).p, 8 / 10, 1e-12);
  assertEquals(mannWhitney([1], [2]).p, 1);
});

Deno.test("swapping the sides mirrors U and keeps p", () => {
  const [a, b] = samplesOf(17, [9, 12]);
  const one = mannWhitney(a, b);
  const other = mannWhitney(b, a);
  assertEquals(one.u + other.u, 9 * 12);
  assertAlmostEquals(one.p, other.p, 1e-12);
});

Deno.test("ties are corrected for: the textbook formula, worked by hand", () => {
  // Ranks of a: 1, 3, 3, 5.5 = 12.5, so U = 2.5; ties of 3 and of 2: 24 + 6 = 30.
  // Variance 16 / 12 (9 - 30 / 56) = 11.2857; z = (5.5 - 0.5) / 3.3594 = 1.4884; two-sided p = 0.1367.
  const { u, p, exact } = mannWhitney([1, 2, 2, 3], [2, 3, 4, 5]);
  assertEquals([u, exact], [2.5, false]);
  assertAlmostEquals(p, 0.1367, 2e-4);
});

Deno.test("equal samples differ in nothing", () => {
  assertEquals(mannWhitney([4, 4, 4], [4, 4]).p, 1);
});

Deno.test("the normal approximation agrees with the count where both can be used", () => {
  for (const u of [105, 127, 150, 200]) {
    const [a, b] = samplesOf(u, [20, 20]);
    const exact = mannWhitney(a, b);
    // Two equals on one side leave U as it is, and force the approximation.
    const approximate = mannWhitney([a[0], a[0], ...a.slice(2)], b);
    assertEquals([exact.exact, approximate.exact], [true, false]);
    assertEquals(exact.u, approximate.u);
    assert(Math.abs(exact.p - approximate.p) < 0.003, `${exact.p} and ${approximate.p} at U = ${u}`);
  }
});

Deno.test("samples of one distribution are called different about 5 times in 100", () => {
  const random = seededRandom(5);
  const draw = (n: number) => Array.from({ length: n }, random);
  for (const [na, nb] of [[12, 15], [40, 60]]) {
    let rejected = 0;
    const trials = 1000;
    for (let trial = 0; trial < trials; trial++) if (mannWhitney(draw(na), draw(nb)).p <= 0.05) rejected++;
    assert(rejected > 25 && rejected < 75, `${rejected} of ${trials} at ${na} and ${nb}`);
  }
});

Deno.test("an empty side is refused", () => {
  assertThrows(() => mannWhitney([], [1]), RangeError, "current value is 0 and 1");
});
