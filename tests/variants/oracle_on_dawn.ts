/** Every variant agrees with the oracle where its products are computed on subgroup matrices, forward and backward. */
import { assert, AssertionError, assertRejects } from "@std/assert";
import { variants } from "../../variants/mod.ts";
import { testNothingLeft } from "../gpu.ts";
import { FAULTS } from "../kernels/matmul/subgroup/faults.ts";
import { subgroupGpu, testOn } from "../subgroup_gpu.ts";
import { assertAgrees, type Case } from "./agreement.ts";
import { formsOf, variantOf } from "./block.ts";

const gpu = await subgroupGpu();

const SIZES = { tokens: 19, dim: 24, hiddenDim: 40, activation: "silu" } as const;

const TYPES = [
  { dtype: "float16", precision: "default" },
  { dtype: "bfloat16", precision: "default" },
  { dtype: "float32", precision: "tf32" },
] as const;

for (const type of TYPES) {
  const problem = { ...SIZES, ...type };
  const caseOf = (id: string): Case => {
    const variant = variantOf(id);
    return { variant, problem, forms: formsOf(variant).slice(0, 1) };
  };
  for (const { id } of variants) {
    testOn(
      gpu,
      `${id} agrees with the oracle on subgroup matrices: ${type.dtype}, ${type.precision}`,
      async (gpu) => {
        const launches = await assertAgrees(gpu, caseOf(id));
        const products = launches.filter(({ product }) => product !== undefined);
        assert(products.length > 0 && products.every(({ units }) => units === "subgroup matrices"));
      },
    );
  }
}

testOn(gpu, "the oracle finds a fault of subgroup matrices in a variant", async (gpu) => {
  const problem = { ...SIZES, ...TYPES[0] };
  await assertRejects(
    () => assertAgrees(gpu, { variant: variantOf("pytorch"), problem, fault: FAULTS.rowsMixed }),
    AssertionError,
  );
});

if (typeof gpu !== "string") testNothingLeft(gpu);
