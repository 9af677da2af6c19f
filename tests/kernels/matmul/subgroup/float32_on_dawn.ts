/** Dawn's WGSL compiler takes the kernels on matrices of float32, of which the CPU's driver offers none to run. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Capabilities } from "../../../../kernels/gpu/capabilities.ts";
import { type DType, DTYPES } from "../../../../kernels/gpu/dtype.ts";
import { workspace } from "../../../../kernels/gpu/steps.ts";
import { boundSteps } from "../../../../kernels/launch.ts";
import { tiledSteps } from "../../../../kernels/matmul/product_plan.ts";
import { withSizes } from "../../../../kernels/matmul/request.ts";
import { tilingWith } from "../../../../kernels/matmul/subgroup/tiling.ts";
import { range } from "../../../../kernels/text.ts";
import { matrix } from "../../../../kernels/view.ts";
import { testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { counts } from "../reference.ts";
import { describe, everyStructure, type Structure } from "../structures.ts";
import { miniTile } from "./record.ts";

const gpu = await subgroupGpu();

/** Of the kernels of a product of 16 x 16 x 16. */
function textsOf(structure: Structure, dtype: DType, capabilities: Capabilities): string[] {
  const views = (count: number) => range(count).map((i) => matrix(workspace(`${i}`, [16, 16], dtype)));
  const { a, b, out } = counts(structure);
  const request = { label: "product", ...structure, a: views(a), b: views(b), out: views(out) };
  const tile = miniTile(capabilities, structure);
  const tiling = tilingWith({ tile, operands: "float32", splits: 2 }, capabilities);
  const steps = boundSteps(tiledSteps(withSizes(request, capabilities), tiling, capabilities), capabilities);
  return steps.flatMap((step) => step !== "group" && "dispatch" in step ? [step.dispatch.kernel.wgsl()] : []);
}

testOn(
  gpu,
  "Dawn's compiler takes the text of kernels on matrices of float32",
  async ({ device, ...gpu }) => {
    const f32 = { componentType: "f32", resultComponentType: "f32", M: 8, N: 8, K: 8 };
    const capabilities = { ...gpu.capabilities, subgroupMatrices: [f32] };
    const errorsOf = async (code: string) => {
      device.pushErrorScope("validation");
      const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
      await device.popErrorScope();
      return messages.filter(({ type }) => type === "error").map(({ message }) => message);
    };
    const structures = everyStructure().filter(({ products }) => products === 1);
    for (const [i, structure] of structures.entries()) {
      for (const text of textsOf(structure, DTYPES[i % 3], capabilities)) {
        assertEquals(await errorsOf(text), [], describe(structure));
      }
    }
    const [text] = textsOf(structures[0], "float32", capabilities);
    const wrong = text.replace("subgroup_matrix_left<f32", "subgroup_matrix_left<f16");
    assertNotEquals(await errorsOf(wrong), [], "operands of two types must be refused");
  },
);

if (typeof gpu !== "string") testNothingLeft(gpu);
