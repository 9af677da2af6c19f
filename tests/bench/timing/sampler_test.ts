import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { seededRandom } from "../../../bench/timing/random.ts";
import { enough, progressOf, sampleInterleaved, type StopRule } from "../../../bench/timing/sampler.ts";

const RULE: StopRule = { samples: 10, timeNs: 1000, uncertainty: 0.01, knownFrom: 5, mostSamples: 40 };

/** Spread so widely that no median is ever known. */
const wide = (n: number, ns: number) => Array.from({ length: n }, (_, i) => i % 2 ? 1.9 * ns : 0.1 * ns);

Deno.test("samples are enough when both their number and their time are reached", () => {
  assert(!enough(wide(9, 200), RULE));
  assert(enough(wide(10, 200), RULE));
  assert(!enough(wide(12, 50), RULE));
  assert(enough(wide(20, 50), RULE));
});

Deno.test("a median that is known ends a row early, but not before the rule allows it", () => {
  const steady = (n: number) => Array.from({ length: n }, (_, i) => 10 + i / 1000);
  assert(!enough(steady(5), RULE));
  assert(enough(steady(6), RULE));
  assert(!enough(steady(9), { ...RULE, samples: 20, knownFrom: 10 }));
  assert(enough(steady(10), { ...RULE, samples: 20, knownFrom: 10 }));
});

Deno.test("a very slow row ends after three samples, and no row takes more than the most", () => {
  assert(!enough(wide(2, 20e9), RULE));
  assert(!enough(wide(3, 2e9), RULE));
  assert(enough(wide(3, 20e9), RULE));
  assert(!enough(wide(39, 1), RULE));
  assert(enough(wide(40, 1), RULE));
});

Deno.test("progress goes from 0 to 1 and is 1 only when all is done", () => {
  assertEquals(progressOf([], RULE), 0);
  assertAlmostEquals(progressOf(wide(4, 500), RULE), 0.4, 1e-9);
  assertAlmostEquals(progressOf(wide(10, 50), RULE), 0.5, 1e-9);
  assertEquals(progressOf(wide(20, 50), RULE), 1);
});

/** Items that take so long, on a clock of their own, with noise that keeps every median unknown. */
function stage(times: Record<string, number>) {
  let nowMs = 0;
  const random = seededRandom(4);
  const batches: string[][] = [];
  const measure = (order: readonly string[]) => {
    batches.push([...order]);
    const samples = order.map((item) => times[item] * (0.5 + random()));
    nowMs += samples.reduce((sum, ns) => sum + ns, 0) / 1e6 + 11;
    return Promise.resolve(samples);
  };
  return { measure, now: () => nowMs, batches };
}

Deno.test("every item gets its samples, in rounds that hold each item once in another order", async () => {
  const { measure, now, batches } = stage({ a: 30e6, b: 40e6, c: 50e6 });
  const rule = { samples: 8, timeNs: 100e6, uncertainty: 0, knownFrom: 0, mostSamples: 100 };
  const samples = await sampleInterleaved(["a", "b", "c"], { rule, random: seededRandom(1), measure, now });
  for (const item of ["a", "b", "c"]) assert(enough(samples.get(item)!, rule));
  const first = batches.slice(0, 8).map((batch) => batch.join(""));
  assertEquals(new Set(first.map((batch) => [...batch].sort().join(""))), new Set(["abc"]));
  assert(new Set(first).size >= 3, `orders were ${first}`);
});

Deno.test("the seed decides the order", async () => {
  const orderOf = async (seed: number) => {
    const { measure, now, batches } = stage({ a: 30e6, b: 40e6, c: 50e6, d: 20e6 });
    const rule = { samples: 6, timeNs: 0, uncertainty: 0, knownFrom: 0, mostSamples: 100 };
    await sampleInterleaved([..."abcd"], { rule, random: seededRandom(seed), measure, now });
    return batches.flat().join("");
  };
  assertEquals(await orderOf(5), await orderOf(5));
  assertNotEquals(await orderOf(5), await orderOf(6));
});

Deno.test("short items share a batch, so that the wait at its end is paid seldom", async () => {
  const { measure, now, batches } = stage({ a: 1e5, b: 2e5 });
  const rule = { samples: 200, timeNs: 0, uncertainty: 0, knownFrom: 0, mostSamples: 1000 };
  const samples = await sampleInterleaved(["a", "b"], { rule, random: seededRandom(1), measure, now });
  assert(samples.get("a")!.length >= 200);
  assert(batches.length < 40, `took ${batches.length} batches`);
});

Deno.test("an item that is done leaves the rounds, and is reported once", async () => {
  const { measure, now, batches } = stage({ slow: 7e9, quick: 1e6 });
  const rule = { samples: 10, timeNs: 20e6, uncertainty: 0, knownFrom: 0, mostSamples: 100 };
  const finished: string[] = [];
  const samples = await sampleInterleaved(["slow", "quick"], {
    rule,
    random: seededRandom(1),
    measure,
    now,
    report: (done, samplesOf) => {
      for (const item of done) assert(enough(samplesOf(item), rule));
      finished.push(...done);
    },
  });
  assertEquals(finished, ["slow", "quick"]);
  assertEquals(samples.get("slow")!.length, 3);
  assert(!batches.at(-1)!.includes("slow"));
});

Deno.test("nothing to sample takes no batch", async () => {
  const { measure, batches } = stage({});
  const samples = await sampleInterleaved([], { rule: RULE, random: seededRandom(1), measure });
  assertEquals([samples.size, batches.length], [0, 0]);
});
