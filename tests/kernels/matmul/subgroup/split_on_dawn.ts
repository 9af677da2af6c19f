/**
 * float32 on subgroup matrices: split operands are as exact as multiply-adds, whatever the range of the data; rounded ones
 * (precision "tf32") are as exact as 11 bits. What is not finite comes through both.
 *
 * `deno task test:dawn` runs it, for the reasons that `exact_on_dawn.ts` gives.
 */
import { assert, assertEquals } from "@std/assert";
import type { Gpu } from "../../../../kernels/gpu/device.ts";
import { Tensor } from "../../../../kernels/gpu/tensor.ts";
import type { Layout } from "../../../../kernels/matmul/config.ts";
import { matrix } from "../../../../kernels/view.ts";
import { relativeFrobeniusError } from "../../../../bench/oracle/math.ts";
import { type RandomSource, seededRandom } from "../../../../bench/timing/random.ts";
import { PoisonRecorder, testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { miniTile, subgroupMatmul } from "./record.ts";

const gpu = await subgroupGpu();

/** More than two stretches of K, the last of which ends inside a step. */
const SIZES = { m: 19, n: 20, k: 613 };

/** A product C = A B with both operands row by row, whatever the layout stores. */
interface Product {
  readonly a: Float32Array;
  readonly b: Float32Array;
}

const LAYOUTS: readonly Layout[] = ["nn", "nt", "tn"];

/** Numbers whose sum of six is near a normal distribution. */
function normal(random: RandomSource): number {
  let sum = 0;
  for (let i = 0; i < 6; i++) sum += 2 * random() - 1;
  return sum / Math.SQRT2;
}

function draw(seed: number, scale: (row: number, k: number) => number = () => 1): Product {
  const random = seededRandom(seed);
  const { m, n, k } = SIZES;
  return {
    a: Float32Array.from({ length: m * k }, (_, i) => normal(random) * scale(Math.floor(i / k), i % k)),
    b: Float32Array.from({ length: k * n }, () => normal(random)),
  };
}

function transposed(values: Float32Array, rows: number, cols: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[i % rows * cols + Math.floor(i / rows)]);
}

function reference({ a, b }: Product): Float64Array {
  const { m, n, k } = SIZES;
  const out = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let col = 0; col < n; col++) {
      for (let i = 0; i < k; i++) out[row * n + col] += a[row * k + i] * b[i * n + col];
    }
  }
  return out;
}

interface TilingInit {
  readonly layout?: Layout;
  readonly operands?: "split" | "rounded";
}

async function multiply(gpu: Gpu, { a, b }: Product, way: TilingInit = {}): Promise<Float32Array> {
  const { layout = "nn", operands = "split" } = way;
  const { m, n, k } = SIZES;
  using left = layout === "tn" ? Tensor.from(gpu, transposed(a, m, k), [k, m]) : Tensor.from(gpu, a, [m, k]);
  using right = layout === "nt" ? Tensor.from(gpu, transposed(b, k, n), [n, k]) : Tensor.from(gpu, b, [k, n]);
  using out = Tensor.from(gpu, new Float32Array(m * n).fill(NaN), [m, n]);
  const recorder = new PoisonRecorder(gpu, { poison: "nan" });
  const request = { label: "product", layout, a: [matrix(left)], b: [matrix(right)], out: [matrix(out)] };
  subgroupMatmul(recorder, request, { tile: miniTile(gpu.capabilities), operands });
  recorder.submit();
  return await out.read() as Float32Array;
}

/**
 * Each part of a split operand has 11 bits, so it errs by 2^-22 at most, and what is left out, low times low, is as small. Sums
 * of float32 over 320 terms, and of the stretches, err by less than 2^-24 times the root of their number.
 */
const SPLIT_ERROR = 2 * 2 ** -22 + Math.sqrt(SIZES.k) * 2 ** -24;

/** Both operands rounded to 11 bits: each errs by up to 2^-11, evenly, of which the root mean square is a 3rd's root. */
const ROUNDED_ERROR = Math.sqrt(2 / 3) * 2 ** -11 + SPLIT_ERROR;

const DATA: Record<string, (seed: number) => Product> = {
  "of one scale": (seed) => draw(seed),
  "with channels that are 1000 times larger": (seed) => draw(seed, (_, k) => k % 97 === 0 ? 1000 : 1),
  "with values of 1e-30 beside those of 1": (seed) => draw(seed, (_, k) => k % 3 === 0 ? 1e-30 : 1),
  "that are gradients of 1e-6": (seed) => draw(seed, () => 1e-6),
  "near the end of float32's range": (seed) => draw(seed, () => 1e30),
};

for (const [i, [name, product]] of Object.entries(DATA).entries()) {
  for (const layout of i === 0 ? LAYOUTS : LAYOUTS.slice(0, 1)) {
    testOn(gpu, `split operands ${name} are as exact as float32: ${layout}`, async (gpu) => {
      const data = product(i + 1);
      const error = relativeFrobeniusError(await multiply(gpu, data, { layout }), reference(data));
      assert(error < SPLIT_ERROR, `${error} is not below ${SPLIT_ERROR}`);
    });
    testOn(gpu, `rounded operands ${name} are as exact as 11 bits: ${layout}`, async (gpu) => {
      const data = product(i + 1);
      const actual = await multiply(gpu, data, { layout, operands: "rounded" });
      const error = relativeFrobeniusError(actual, reference(data));
      assert(error < ROUNDED_ERROR, `${error} is not below ${ROUNDED_ERROR}`);
      assert(error > SPLIT_ERROR, `${error}: operands were not rounded`);
    });
  }
}

testOn(gpu, "products of split operands are the same bits in 101 runs", async (gpu) => {
  const data = draw(11);
  const first = await multiply(gpu, data);
  for (let run = 0; run < 100; run++) assertEquals(await multiply(gpu, data), first);
});

testOn(gpu, "a row of split operands depends on no other row of the same magnitude", async (gpu) => {
  const { k, n } = SIZES;
  const [data, other] = [draw(12), draw(13)];
  // The largest magnitude decides the scale of all rows, so it stays.
  const largest = data.a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const changed = other.a.map((value, i) => i < k ? data.a[i] : Math.max(-largest, Math.min(largest, value)));
  changed[k] = largest;
  const [first, second] = [await multiply(gpu, data), await multiply(gpu, { a: changed, b: data.b })];
  assertEquals(second.subarray(0, n), first.subarray(0, n));
  assert(second.subarray(n).some((value, i) => value !== first[n + i]), "the other rows changed nothing");
});

testOn(gpu, "zeros give zeros", async (gpu) => {
  const { a, b } = draw(14);
  for (const operands of ["split", "rounded"] as const) {
    const zero = { a: new Float32Array(a.length), b };
    assertEquals(await multiply(gpu, zero, { operands }), new Float32Array(SIZES.m * SIZES.n));
  }
});

for (const operands of ["split", "rounded"] as const) {
  testOn(gpu, `infinities and NaN come through ${operands} operands, and spoil no other row`, async (gpu) => {
    const { m, n, k } = SIZES;
    const data = draw(15);
    const spoil: readonly [row: number, k: number, value: number][] = [
      [1, 5, Infinity],
      [3, 300, -Infinity],
      [6, 612, NaN],
      [8, 4, Infinity],
      [8, 5, -Infinity],
    ];
    for (const [row, at, value] of spoil) data.a[row * k + at] = value;
    // Whole numbers have no lower part, tiny ones no upper part: infinity times either is infinity.
    for (let col = 0; col < n; col++) data.b[5 * n + col] = [2, -3, 1e-30, -1e-30, 0][col % 5];
    data.b[2 * n + 7] = -Infinity;
    data.b[400 * n + 9] = NaN;
    const expected = reference(data);
    const actual = await multiply(gpu, data, { operands });
    const kind = (value: number) => Number.isFinite(value) ? 0 : value;
    assertEquals(Array.from(actual, kind), Array.from(expected, kind));
    const finite = Array.from(expected.keys()).filter((i) => Number.isFinite(expected[i]));
    assert(finite.length > m * n / 2 && finite.length < m * n - n);
    const error = relativeFrobeniusError(
      Float32Array.from(finite, (i) => actual[i]),
      Float64Array.from(finite, (i) => expected[i]),
    );
    const limit = operands === "split" ? SPLIT_ERROR : ROUNDED_ERROR;
    assert(error < limit, `${error} is not below ${limit}`);
  });
}

if (typeof gpu !== "string") testNothingLeft(gpu);
