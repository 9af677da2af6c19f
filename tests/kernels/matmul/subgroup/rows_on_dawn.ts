/** A row of a product on subgroup matrices does not depend on the other rows of A: no bit of it does. */
import { assert, assertEquals } from "@std/assert";
import { type DType, roundTo } from "../../../../kernels/gpu/dtype.ts";
import { seededRandom } from "../../../../bench/timing/random.ts";
import { freshSeed, testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { FAULTS } from "./faults.ts";
import { multiplied, STORED, WAYS } from "./record.ts";

const gpu = await subgroupGpu();

const SIZES = { m: 12, n: 20, k: 37 };

/** The row that stays. */
const ROW = 6;

/**
 * What other rows are multiplied by. One scale serves all rows of an operand: beside a row 2^28 times as large, elements
 * begin to lose bits, and beside one 2^39 times as large they become zero.
 */
const SCALES: Record<DType, readonly number[]> = {
  float16: [1, 2 ** -9, 2 ** 9, Infinity, NaN],
  bfloat16: [1, 2 ** -20, 2 ** 20, Infinity, NaN],
  float32: [1, 2 ** -20, 2 ** 20, Infinity, NaN],
};

for (const [i, { dtype, way }] of WAYS.entries()) {
  const structure = { ...STORED, layout: (["nn", "nt"] as const)[i % 2] };
  testOn(gpu, `a row of ${dtype} on subgroup matrices does not depend on other rows`, async (gpu) => {
    const seed = freshSeed();
    const random = seededRandom(seed);
    const { m, n, k } = SIZES;
    const draw = (length: number) => roundTo(Float32Array.from({ length }, () => 2 * random() - 1), dtype);
    const [row, b] = [draw(k), [draw(k * n)]];
    const rowAmong = async (scale: number, fault?: typeof FAULTS.rowsMixed) => {
      const a = roundTo(draw(m * k).map((value) => value * scale), dtype);
      a.set(row, ROW * k);
      const [out] = await multiplied(gpu, { structure, sizes: SIZES, dtype, way, a, b, fault });
      return out.slice(ROW * n, (ROW + 1) * n);
    };
    const alone = await rowAmong(0);
    assert(alone.every((value) => value !== 0 && Number.isFinite(value)), `seed ${seed}`);
    for (const scale of SCALES[dtype]) {
      assertEquals(await rowAmong(scale), alone, `other rows are scaled by ${scale}, seed ${seed}`);
    }
    assert(
      (await rowAmong(1, FAULTS.rowsMixed)).some((value, j) => value !== alone[j]),
      "a planted fault must show",
    );
  });
}

if (typeof gpu !== "string") testNothingLeft(gpu);
