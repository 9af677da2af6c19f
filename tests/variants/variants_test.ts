/** Compares every variant of the registry with the float64 oracle. A new variant is tested as soon as it is registered. */
import type { Sizes } from "../../variants/variant.ts";
import { AWKWARD_SIZES, formatSizes } from "../../bench/measure/shapes.ts";
import { ACTIVATIONS } from "../../kernels/activation.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { variants } from "../../variants/mod.ts";
import { requestGpu, testNothingLeft } from "../gpu.ts";
import type { NamedProblem } from "./accuracy.ts";
import { assertAgrees, type Case } from "./agreement.ts";
import { formsOf, variantOf } from "./block.ts";

const gpu = await requestGpu();

/**
 * Products of the last float32 shape copy their operands. A software adapter takes long to compile the kernels of the
 * 16-bit types, so they have two shapes each, one whose rows share words and one that vectors fit, and one form of the
 * weights each. Their other kernels are tested with the products.
 */
const SHAPES: Readonly<Record<DType, readonly Sizes[]>> = {
  float32: [...AWKWARD_SIZES, sizes(17, 64, 128), sizes(513, 5, 515), sizes(1024, 128, 8), sizes(3, 1283, 5)],
  float16: [sizes(7, 3, 41), sizes(17, 64, 128)],
  bfloat16: [sizes(5, 123, 431), sizes(17, 64, 128)],
};

function sizes(tokens: number, dim: number, hiddenDim: number): Sizes {
  return { tokens, dim, hiddenDim };
}

const DEFAULTS = { tokens: 17, dim: 64, hiddenDim: 128, dtype: "float32", activation: "silu" } as const;

/** A test whose problem is the default one but for what is given. */
function test(name: string, init: Partial<NamedProblem> & Omit<Case, "problem">): void {
  const { variant, capabilities, forms, ...rest } = init;
  const problem: NamedProblem = { ...DEFAULTS, precision: "default", ...rest };
  Deno.test(`${variant.id} agrees with the oracle: ${name}`, async () => {
    await assertAgrees(gpu, { variant, problem, capabilities, forms });
  });
}

for (const variant of variants) {
  const both = formsOf(variant);
  const formsFor = { float32: both, float16: both.slice(0, 1), bfloat16: both.slice(-1) };
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    for (const shape of SHAPES[dtype]) {
      test(`${dtype} at ${formatSizes(shape)}`, { variant, dtype, ...shape, forms: formsFor[dtype] });
    }
  }
  // Rows so few that the gate is the epilogue of short kernels; that of the long ones is tested with the products.
  for (const activation of ACTIVATIONS.filter((name) => name !== "silu")) {
    test(activation, { variant, tokens: 7, activation });
  }
}

// What depends on the kind of product alone, for the variant that records the most kinds.
const tuned = variantOf("tuned");
const forms = formsOf(tuned).slice(0, 1);
test("float32, precision tf32", { variant: tuned, precision: "tf32", forms });
for (const precision of ["highest", "fastest", "float16-sums"] as const) {
  test(`float16, precision ${precision}`, { variant: tuned, dtype: "float16", precision, forms });
}
// The tiles and the split K of a large GPU, computed here.
const capabilities = { ...gpu.capabilities, software: false };
test("as a GPU would choose", { variant: tuned, tokens: 33, dim: 260, hiddenDim: 264, capabilities, forms });

testNothingLeft(gpu);
