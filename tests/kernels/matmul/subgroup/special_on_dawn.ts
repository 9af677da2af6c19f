/** Infinity and NaN come through subgroup matrices to the elements that they reach, and to no others. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { type DType, roundTo } from "../../../../kernels/gpu/dtype.ts";
import { range } from "../../../../kernels/text.ts";
import { testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { FAULTS } from "./faults.ts";
import { multiplied, WAYS } from "./record.ts";

const gpu = await subgroupGpu();

const SIZES = { m: 12, n: 9, k: 21 };

/** Whole numbers, none of them zero. */
function whole(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => (i % 7 < 4 ? 1 : -1) * (1 + i % 3));
}

interface Operands {
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** Specials in rows and columns of their own, and some that meet. */
function specials(): Operands {
  const { m, n, k } = SIZES;
  const [a, b] = [whole(m * k), whole(k * n)];
  a[1 * k + 3] = Infinity;
  a[3 * k + 20] = NaN;
  // Infinity less infinity.
  a[5 * k + 2] = Infinity;
  a[5 * k + 3] = -Infinity;
  b[2 * n + 1] = b[3 * n + 1] = 1;
  b[4 * n + 6] = -Infinity;
  b[20 * n + 8] = NaN;
  return { a, b };
}

/** What brings some sums of finite products beyond the dtype. */
const LARGE: Record<DType, number> = { float16: 64, bfloat16: 2 ** 62, float32: 2 ** 62 };

function overflowing(dtype: DType): Operands {
  const { m, n, k } = SIZES;
  const large = (value: number) => value * LARGE[dtype];
  return { a: whole(m * k).map(large), b: whole(k * n).map(large) };
}

/** What kind of number each element is by IEEE arithmetic: NaN, an infinity, or a finite one. */
function kindsOf(values: Iterable<number>): string[] {
  return Array.from(values, (value) => Number.isFinite(value) ? "finite" : String(value));
}

function expectedKinds({ a, b }: Operands, dtype: DType): string[] {
  const { m, n, k } = SIZES;
  const sums = range(m * n).map((at) =>
    range(k).reduce((sum, i) => sum + a[Math.floor(at / n) * k + i] * b[i * n + at % n], 0)
  );
  return kindsOf(roundTo(Float32Array.from(sums), dtype));
}

const INPUTS = [
  { name: "infinity and NaN", of: specials, kinds: ["finite", "NaN", "Infinity", "-Infinity"] },
  { name: "sums beyond the type", of: overflowing, kinds: ["finite", "Infinity", "-Infinity"] },
] as const;

for (const { dtype, way } of WAYS) {
  for (const { name, of, kinds } of INPUTS) {
    testOn(gpu, `${name} come through subgroup matrices: ${dtype}`, async (gpu) => {
      const { a, b } = of(dtype);
      const expected = expectedKinds({ a, b }, dtype);
      assertEquals(new Set(expected), new Set(kinds), "what the inputs must show");
      const product = { sizes: SIZES, dtype, way, a, b: [b] };
      assertEquals(kindsOf((await multiplied(gpu, product))[0]), expected);
      const [wrong] = await multiplied(gpu, { ...product, fault: FAULTS.infinityCut });
      assertNotEquals(kindsOf(wrong), expected, "a planted fault must show");
    });
  }
}

if (typeof gpu !== "string") testNothingLeft(gpu);
