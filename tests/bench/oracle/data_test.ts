import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type DType, DTYPES, roundTo } from "../../../kernels/gpu/dtype.ts";
import {
  combineGateUp,
  type HostInputs,
  randomInputs,
  sampleIndices,
  splitGateUp,
} from "../../../bench/oracle/data.ts";
import { smallIntegers } from "../../integers.ts";

const SIZES = { tokens: 70, dim: 90, hiddenDim: 130 };
const NAMES = ["x", "gate", "up", "down", "dy"] as const;

function inputs(seed: number, dtype: DType = "float32"): HostInputs {
  return randomInputs({ ...SIZES, dtype }, seed);
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Pearson's correlation of the first elements that both have. */
function correlation(a: Float32Array, b: Float32Array): number {
  const n = Math.min(a.length, b.length);
  const left = centered(a.subarray(0, n)), right = centered(b.subarray(0, n));
  const products = left.map((value, i) => value * right[i]);
  return mean(products) / Math.sqrt(variance(left) * variance(right));
}

function centered(values: Float32Array): Float32Array {
  const center = mean(values);
  return values.map((value) => value - center);
}

function variance(values: Float32Array): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length;
}

Deno.test("randomInputs has the shapes of the block", () => {
  const { tokens, dim, hiddenDim } = SIZES;
  const lengths = NAMES.map((name) => inputs(1)[name].length);
  assertEquals(lengths, [tokens * dim, dim * hiddenDim, dim * hiddenDim, hiddenDim * dim, tokens * dim]);
});

Deno.test("randomInputs repeats for the same seed and differs for another, also beyond 32 bits", () => {
  assertEquals(inputs(7), inputs(7));
  for (const [one, other] of [[7, 8], [7, -7], [0, 2 ** 32], [1, 2 ** 40 + 1]]) {
    for (const name of NAMES) {
      assertNotEquals(inputs(one)[name], inputs(other)[name], `${one} ${other} ${name}`);
    }
  }
});

Deno.test("randomInputs starts a larger problem's x as a smaller one's", () => {
  const longer = randomInputs({ ...SIZES, tokens: 100, dtype: "float32" }, 7);
  assertEquals(longer.x.subarray(0, inputs(7).x.length), inputs(7).x);
});

Deno.test("randomInputs draws tensors and seeds independently", () => {
  const all = [inputs(1), inputs(2)].flatMap((made) => NAMES.map((name) => made[name]));
  for (let i = 0; i < all.length; i++) {
    for (let j = 0; j < i; j++) assert(Math.abs(correlation(all[i], all[j])) < 0.06, `tensors ${i} and ${j}`);
  }
});

Deno.test("randomInputs does not correlate with itself a few elements later", () => {
  const { gate } = inputs(3);
  for (const lag of [1, 2, 3, 4, 64, 2048]) {
    assert(Math.abs(correlation(gate, gate.subarray(lag))) < 0.05, `${lag}`);
  }
});

Deno.test("randomInputs has zero mean, and variance 1 or 1 / fan-in", () => {
  const made = inputs(1);
  const fanIn = { x: 1, gate: SIZES.dim, up: SIZES.dim, down: SIZES.hiddenDim, dy: 1 };
  for (const name of NAMES) {
    assertAlmostEquals(mean(made[name]) * Math.sqrt(fanIn[name]), 0, 0.05);
    assertAlmostEquals(variance(made[name]) * fanIn[name], 1, 0.05);
  }
});

for (const dtype of DTYPES) {
  Deno.test(`randomInputs gives numbers that ${dtype} holds exactly, those of float32 rounded`, () => {
    const made = inputs(5, dtype);
    for (const name of NAMES) assertEquals(made[name], roundTo(inputs(5)[name], dtype), name);
  });
}

Deno.test("smallIntegers takes every whole number from -max to max about equally often", () => {
  const counts = new Map<number, number>();
  for (const value of smallIntegers(9000, 1, { max: 4 })) counts.set(value, (counts.get(value) ?? 0) + 1);
  assertEquals([...counts.keys()].sort((a, b) => a - b), [-4, -3, -2, -1, 0, 1, 2, 3, 4]);
  for (const count of counts.values()) assert(Math.abs(count - 1000) < 150, `${count}`);
});

Deno.test("smallIntegers repeats for the same seed and differs for another", () => {
  assertEquals(smallIntegers(50, 1), smallIntegers(50, 1));
  assertNotEquals(smallIntegers(50, 1), smallIntegers(50, 2));
});

Deno.test("sampleIndices holds both ends, ascends, repeats nothing and has the count asked for", () => {
  for (const count of [2, 3, 10, 999, 1000]) {
    const indices = sampleIndices(1000, 3, { count });
    assertEquals(indices.length, count);
    assertEquals([indices[0], indices[count - 1]], [0, 999]);
    for (let i = 1; i < count; i++) assert(indices[i] > indices[i - 1]);
  }
});

Deno.test("sampleIndices gives all indices where fewer exist than asked for", () => {
  assertEquals(sampleIndices(3, 1, { count: 8 }), [0, 1, 2]);
  assertEquals(sampleIndices(1, 1, { count: 8 }), [0]);
  assertEquals(sampleIndices(5, 1, { count: 1 }), [0]);
});

Deno.test("combineGateUp lays gate before up in each row, and splitGateUp undoes it", () => {
  const gate = Float32Array.of(1, 2, 3, 4), up = Float32Array.of(5, 6, 7, 8);
  const combined = combineGateUp(gate, up, 2);
  assertEquals([...combined], [1, 2, 5, 6, 3, 4, 7, 8]);
  assertEquals(splitGateUp(combined, 2), { gate, up });
});

Deno.test("a seed that is no whole number is refused by name and value", () => {
  for (const seed of [0.5, NaN, Infinity]) {
    const message = `Cannot draw numbers as seed must be a whole number: current value is ${seed}`;
    assertThrows(() => inputs(seed), RangeError, message);
    assertThrows(() => sampleIndices(9, seed, { count: 4 }), RangeError, message);
  }
});
