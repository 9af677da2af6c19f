/** Every variant agrees with the oracle where its products are computed on subgroup matrices, forward and backward. */
import { assert, AssertionError, assertRejects } from "@std/assert";
import { randomInputs } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { runBackward, runForward } from "../../variants/form.ts";
import { variants } from "../../variants/mod.ts";
import { WEIGHT_FORMS } from "../../variants/weights.ts";
import { freshSeed, PoisonRecorder, testNothingLeft } from "../gpu.ts";
import { FAULTS } from "../kernels/matmul/subgroup/faults.ts";
import { subgroupGpu, testOn } from "../subgroup_gpu.ts";
import { assertNear, disposeAll } from "../library/fixture.ts";
import { stored, weightsIn } from "../library/weight_forms.ts";
import { tolerance } from "./accuracy.ts";
import { assertAgrees, type Case } from "./agreement.ts";
import { formsOf, variantOf } from "./block.ts";
import { assertAgreeOnMatrices } from "./on_matrices.ts";

const gpu = await subgroupGpu();

const SIZES = { tokens: 19, dim: 24, hiddenDim: 40, activation: "silu" } as const;

const TYPES = [
  { dtype: "float16", precision: "default" },
  { dtype: "bfloat16", precision: "default" },
  { dtype: "float32", precision: "tf32" },
] as const;

function assertOnMatrices(launches: readonly Dispatch[]): void {
  const products = launches.filter(({ product }) => product !== undefined);
  assert(products.length > 0 && products.every(({ units }) => units === "subgroup matrices"));
}

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
        assertOnMatrices(await assertAgrees(gpu, caseOf(id)));
      },
    );
  }
}

testOn(
  gpu,
  "every variant agrees with the oracle on subgroup matrices: float32 split in two",
  async (gpu) => {
    // K is long enough for two stretches in y and dx.
    const sizes = { tokens: 9, dim: 12, hiddenDim: 330, activation: "silu" } as const;
    await assertAgreeOnMatrices(
      gpu,
      { ...sizes, dtype: "float32", precision: "default" },
      "a device that splits",
    );
  },
);

testOn(
  gpu,
  "tuned adds gradients of float16 weights [out, in] to float32, with clamped SwiGLU",
  async (gpu) => {
    const dtype = "float16";
    // No gate or up is near the limit, where float16 could round it to the other side.
    const activation = { name: "clamped_swiglu", alpha: 1.3, limit: 8, shift: 0.5 } as const;
    const problem = { ...SIZES, dtype, precision: "default", activation } as const;
    const { tokens, dim } = problem;
    const host = randomInputs(problem, freshSeed());
    const { y: expectedY, dx, dGate: gate, dUp: up, dDown: down } = oracle(problem, host);
    const form = WEIGHT_FORMS.find(({ parts, layout }) => parts === "separate" && layout === "out,in")!;
    const { weights, tensors } = weightsIn(gpu, form, { projections: host, sizes: problem, dtype });
    const [x, dy] = [host.x, host.dy].map((values) => Tensor.from(gpu, values, [tokens, dim], { dtype }));
    const gradients = stored(form, { gate, up, down }, problem);
    const expected = { dx, dGate: gradients.gate, dUp: gradients.up, dDown: gradients.down };
    const start = (i: number) => (i % 5 - 2) / 4;
    const target = ({ length, shape }: Tensor) =>
      Tensor.from(gpu, Float32Array.from({ length }, (_, i) => start(i)), shape);
    const into = {
      dx: target(x),
      dGate: target(tensors.gate),
      dUp: target(tensors.up),
      dDown: target(tensors.down),
    };
    const recorder = new PoisonRecorder(gpu);
    const run = { recorder, variant: variantOf("tuned"), problem, inputs: { x, weights }, asked: { into } };
    const { y, saved } = runForward(run, true);
    runBackward(run, saved, dy);
    recorder.submit();
    assertOnMatrices(recorder.dispatches);
    await assertNear(y, expectedY, tolerance("y", problem));
    for (const name of ["dx", "dGate", "dUp", "dDown"] as const) {
      const sum = expected[name].map((value, i) => value + start(i));
      await assertNear(into[name], sum, tolerance(name, problem));
    }
    disposeAll({ y, x, dy, ...into, ...tensors });
  },
);

testOn(gpu, "the oracle finds a fault of subgroup matrices in a variant", async (gpu) => {
  const problem = { ...SIZES, ...TYPES[0] };
  await assertRejects(
    () => assertAgrees(gpu, { variant: variantOf("pytorch"), problem, fault: FAULTS.rowsMixed }),
    AssertionError,
  );
});

if (typeof gpu !== "string") testNothingLeft(gpu);
