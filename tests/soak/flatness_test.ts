import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { random } from "../bench/report/fixture.ts";
import { keepsGrowing, LIMIT_BYTES_PER_CASE, type Sample, trendOf } from "./flatness.ts";

const MEBI = 2 ** 20;

/** Samples of a run whose memory rises while it warms up, then by so many bytes a case, with noise of the heap. */
function run(bytesPerCase: number): Sample[] {
  const next = random(7);
  return Array.from({ length: 360 }, (_, i) => {
    const cases = 200 * i;
    const warm = 600 * MEBI * Math.min(1, i / 90);
    return { cases, rssBytes: 200 * MEBI + warm + bytesPerCase * cases + MEBI * next() };
  });
}

Deno.test("a line is fitted to what comes after warm-up", () => {
  const trend = trendOf(run(1000));
  assertAlmostEquals(trend.bytesPerCase, 1000, 3 * trend.errorBytesPerCase);
  assert(trend.errorBytesPerCase < 5, `${trend.errorBytesPerCase}`);
  assertEquals(trend.cases, 179 * 200);
});

Deno.test("flat memory passes, and one small object lost a case does not", () => {
  assertEquals(keepsGrowing(trendOf(run(0))), false);
  assertEquals(keepsGrowing(trendOf(run(LIMIT_BYTES_PER_CASE / 2))), false);
  assertEquals(keepsGrowing(trendOf(run(2 * LIMIT_BYTES_PER_CASE))), true);
  assertEquals(keepsGrowing({ bytesPerCase: NaN, errorBytesPerCase: 0, cases: 1 }), true);
});

Deno.test("too few samples say nothing", () => {
  assertThrows(() => trendOf(run(0).slice(0, 12)), RangeError, "Cannot fit a trend");
  assertThrows(() => trendOf([]), RangeError, "current value is 0");
});
