/** Errors of products on subgroup matrices against float64 stay within what their arithmetic explains. */
import { assert } from "@std/assert";
import { type DType, roundTo } from "../../../../kernels/gpu/dtype.ts";
import { relativeFrobeniusError } from "../../../../bench/oracle/mod.ts";
import { seededRandom } from "../../../../bench/timing/random.ts";
import { freshSeed, testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { reference, storedShapes } from "../reference.ts";
import type { Structure } from "../structures.ts";
import { FAULTS } from "./faults.ts";
import { multiplied, type Product, STORED, type TilingInit, WAYS } from "./record.ts";

const gpu = await subgroupGpu();

const SIZES = { m: 17, n: 20, k: 515 };

/** Half a unit in the last place of 11 significant bits, of 8, of 24. */
const [U11, U8, U24] = [2 ** -11, 2 ** -8, 2 ** -24];

/**
 * The relative Frobenius error that is allowed. A rounding is off by half a unit at most. The errors of rounded operands
 * are independent, so that those of a product are sqrt(2) of one operand's; those of float32 sums grow as sqrt(K).
 */
function limit({ dtype, operands }: { dtype: DType } & Pick<TilingInit, "operands">): number {
  const sums = Math.sqrt(SIZES.k) * U24;
  const stored = { float16: U11, bfloat16: U8, float32: U24 }[dtype];
  const loaded = {
    float16: 0,
    rounded: dtype === "bfloat16" ? 0 : Math.SQRT2 * U11,
    split: Math.SQRT2 * 2 ** -21,
    float32: 0,
  };
  return sums + stored + loaded[operands];
}

/** Operands with a scale that only float16 cannot hold. */
function randomProduct(
  dtype: DType,
  structure: Structure,
  seed: number,
): Product & { expected: Float32Array } {
  const random = seededRandom(seed);
  const scale = dtype === "float16" ? 1 : 2 ** 40;
  const draw = ([rows, cols]: readonly [number, number]) =>
    roundTo(Float32Array.from({ length: rows * cols }, () => (2 * random() - 1) * scale), dtype);
  const shapes = storedShapes(structure.layout, SIZES);
  const [a, b] = [draw(shapes.a), [draw(shapes.b)]];
  const [expected] = reference(structure, SIZES, { a: [a], b, before: [] });
  return { structure, sizes: SIZES, dtype, a, b, expected, way: { operands: "float16" } };
}

for (
  const [i, { dtype, way }] of [...WAYS, { dtype: "float32", way: { operands: "split" } } as const].entries()
) {
  const layout = (["nn", "nt", "tn"] as const)[i % 3];
  testOn(
    gpu,
    `${dtype} on subgroup matrices is as exact as its arithmetic: ${layout}, ${way.operands}`,
    async (gpu) => {
      const seed = freshSeed();
      const { expected, ...product } = randomProduct(dtype, { ...STORED, layout }, seed);
      const error = async (change: Partial<Product> = {}) => {
        const [actual] = await multiplied(gpu, { ...product, way, ...change });
        return relativeFrobeniusError(actual, expected);
      };
      const most = limit({ dtype, ...way });
      const right = await error();
      assert(right <= most, `off by ${right}, more than ${most}, seed ${seed}`);
      if (dtype === "bfloat16") return; // Its own 8 bits hide the fault.
      const wrong = await error({ fault: FAULTS.bitsLost });
      assert(wrong > most, `a planted fault is off by ${wrong} only, seed ${seed}`);
    },
  );
}

if (typeof gpu !== "string") testNothingLeft(gpu);
