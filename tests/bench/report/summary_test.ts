import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { seededRandom } from "../../../bench/timing/random.ts";
import { summarize } from "../../../bench/timing/statistics.ts";
import type { Row } from "../../../bench/report/schema.ts";
import { leads, summarise } from "../../../bench/report/summary.ts";
import { speedSentence } from "../../../bench/report/summary_text.ts";
import { oneRow } from "./fixture.ts";

const [ROW] = oneRow().rows;

/** Rows whose samples are spread by 5 % around the given times. */
function rowsOf(times: readonly number[], { samples, seed }: { samples: number; seed: number }): Row[] {
  const random = seededRandom(seed);
  return times.map((time, i) => {
    const drawn = Array.from({ length: samples }, () => time * (0.95 + 0.1 * random()));
    return { ...ROW, variant: `variant ${i}`, timing: { gpuNs: summarize(drawn, { seed }), wallNs: null } };
  });
}

Deno.test("of eight equal variants hardly ever one is called slower, though the fastest is picked after the fact", () => {
  const SECTIONS = 150;
  let wrong = 0;
  for (let seed = 0; seed < SECTIONS; seed++) {
    const rows = rowsOf(Array(8).fill(1e6), { samples: 20, seed });
    const { standings, fastest } = summarise({ mode: "full", rows });
    if (standings.some(({ row, place }) => row !== fastest && place !== "tied")) wrong++;
  }
  assert(wrong <= 0.1 * SECTIONS, `${wrong} of ${SECTIONS}`);
});

Deno.test("a variant that is slower by a tenth is told", () => {
  const rows = rowsOf([1e6, 1e6, 1.1e6], { samples: 20, seed: 7 });
  const { standings } = summarise({ mode: "full", rows });
  assertEquals(standings[2].place, "slower");
  assert(standings[2].interval![1] < 1);
  assertEquals(standings.filter(leads).map(({ row }) => row.variant), ["variant 0", "variant 1"]);
});

Deno.test("five samples tell nothing, however far apart: that is no tie, and leads nothing", () => {
  const rows = rowsOf([1e6, 12e6], { samples: 5, seed: 7 });
  const { standings } = summarise({ mode: "full", rows });
  assertEquals(standings.map(({ interval, place }) => [interval, place]), [[null, "fastest"], [
    null,
    "unsure",
  ]]);
  assertEquals(standings.map(leads), [true, false]);
});

/** A row with a GPU time, a wall time, or both, in milliseconds. */
function timed(variant: string, { gpu, wall }: { gpu?: number; wall?: number }): Row {
  const of = (ms?: number) => ms === undefined ? null : summarize(Array.from({ length: 9 }, () => 1e6 * ms));
  return { ...ROW, variant, timing: { gpuNs: of(gpu), wallNs: of(wall) } };
}

const speeds = (rows: Row[]) =>
  summarise({ mode: "full", rows }).standings.map(({ speed, place }) => [speed, place]);

Deno.test("a row without GPU time is compared by wall time with the fastest, and others by GPU time", () => {
  const tuned = timed("tuned", { gpu: 1, wall: 2 });
  assertEquals(speeds([tuned, timed("b", { gpu: 4, wall: 5 }), timed("peer:c", { wall: 8 })]), [
    [1, "fastest"],
    [0.25, "slower"],
    [0.25, "slower"],
  ]);
  // By its wall time alone it would seem slower than the GPU time of the other, though it takes half of its wall time.
  assertEquals(speeds([tuned, timed("peer:c", { wall: 1 })]), [[0.5, "slower"], [1, "fastest"]]);
});

Deno.test("rows that no clock timed together are not compared", () => {
  assertEquals(speeds([timed("tuned", { gpu: 1 }), timed("peer:c", { wall: 8 })]), [
    [1, "fastest"],
    [null, "other clock"],
  ]);
});

Deno.test("of variants that are as fast the smallest is to be used, and none where samples are too few", () => {
  const sentence = (samples: number) => {
    const rows = rowsOf([1e6, 1e6, 1e6, 2e6], { samples, seed: 3 });
    const peaks = [9, 5, 5, 1];
    const sized = rows.map((row, i) => ({ ...row, memory: { ...ROW.memory!, peakBytes: peaks[i] } }));
    return speedSentence(summarise({ mode: "full", rows: sized }));
  };
  assertStringIncludes(sentence(20), "; use variant 2: nothing is known to be faster");
  assert(!sentence(5).includes("use variant"), sentence(5));
});

/** What is said of rows of these names and times. */
function sentenceOn(times: Readonly<Record<string, number>>, narrow: readonly string[] = []): string {
  const rows = rowsOf(Object.values(times), { samples: 20, seed: 3 });
  const named = Object.keys(times).map((variant, i) => ({
    ...rows[i],
    variant,
    narrow: narrow.includes(variant),
  }));
  return speedSentence(summarise({ mode: "full", rows: named }));
}

Deno.test("which variant to use is said also where a peer is as fast, or faster", () => {
  assertMatch(sentenceOn({ a: 1e6, b: 2e6 }), /^fastest: a, .*; use a$/);
  assertMatch(sentenceOn({ "peer:p": 1e6, a: 1e6, b: 2e6 }), /no significant difference .*; use a$/);
  assertMatch(
    sentenceOn({ "peer:p": 1e6, a: 2e6, b: 4e6 }),
    /; of the variants here use a, 0\.[45]\dx as fast$/,
  );
  assertEquals(sentenceOn({ "peer:p": 1e6, "peer:q": 3e6 }).includes("use"), false);
});

Deno.test("what computes with less precision is neither the fastest nor what others are measured by", () => {
  const text = sentenceOn({ "peer:tf32": 2e5, a: 1e6, b: 2e6 }, ["peer:tf32"]);
  assertMatch(text, /^fastest: a, .*; (2\.0|1\.9)\dx as fast as b/);
  assertMatch(text, /with less precision, and so not ranked: peer:tf32 \((4\.9|5\.0)\dx as fast\); use a$/);
  assertMatch(sentenceOn({ "peer:tf32": 2e5 }, ["peer:tf32"]), /^fastest: peer:tf32, /);
});
