/** Activations with parameters, and of both operands: every variant against the oracle. A new value compiles nothing. */
import { assert, assertEquals } from "@std/assert";
import type { Activation } from "../../kernels/activation.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import { randomInputs } from "../../bench/oracle/data.ts";
import { scalarActivation, sigmoid } from "../../bench/oracle/activation.ts";
import { oracle, relativeFrobeniusError, type ScalarActivation } from "../../bench/oracle/mod.ts";
import { variants } from "../../variants/mod.ts";
import type { Problem, Variant } from "../../variants/variant.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../gpu.ts";
import { digitsOf, tolerance } from "./accuracy.ts";
import { formsOf, releaseBlock, runBlock, uploadBlock, variantOf } from "./block.ts";

const gpu = await requestGpu();
const seed = freshSeed();

/** Limits that many random gates and ups are beyond. */
const clamped = (limit: number, shift: number) =>
  ({ name: "clamped_swiglu", alpha: 1.3, limit, shift }) as const;

/** x s(beta x), by the device and in float64. */
function swish(beta: number): { device: Activation; exact: ScalarActivation } {
  const s = "(1 / (1 + exp(-beta * x)))";
  return {
    device: { wgsl: `x * ${s}`, derivative: `${s} + beta * x * ${s} * (1 - ${s})`, parameters: { beta } },
    exact: {
      value: (x) => x * sigmoid(beta * x),
      derivative: (x) => sigmoid(beta * x) * (1 + beta * x * sigmoid(-beta * x)),
    },
  };
}

interface Case {
  readonly variant: Variant;
  readonly activation: Activation;
  readonly exact?: ScalarActivation;
  readonly problem?: Partial<Problem>;
}

/** Storage of 16 bits rounds a gate to the other side of a limit: 2^-8 of them are so near, each a whole term of a sum. */
const KINK = 0.05;

async function check({ variant, activation, exact, problem: given }: Case): Promise<void> {
  // Rows so few that the gate is the epilogue of short kernels.
  const sizes = { tokens: 7, dim: 24, hiddenDim: 36 };
  const problem: Problem = { ...sizes, dtype: "float32", precision: "default", ...given, activation };
  const host = randomInputs(problem, seed);
  const scalar = exact ?? scalarActivation(activation as Parameters<typeof scalarActivation>[0]);
  const expected = oracle({ ...problem, activation: scalar }, host);
  for (const form of formsOf(variant)) {
    const tensors = uploadBlock(gpu, { problem, form, host });
    const { outputs } = await runBlock(gpu, { variant, problem, tensors });
    releaseBlock(tensors);
    for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
      const error = relativeFrobeniusError(outputs[name], expected[name]);
      const kink = digitsOf(problem) === "float32" || name === "y" || name === "dDown" ? 0 : KINK;
      const limit = 2 * tolerance(name, problem) + kink;
      assert(error <= limit, `${name} is off by ${error}, more than ${limit}: ${form}, seed ${seed}`);
    }
  }
}

for (const variant of variants) {
  Deno.test(`${variant.id} computes clamped SwiGLU and a swish with any values, and compiles nothing for new ones`, async () => {
    await check({ variant, activation: clamped(0.8, 0.5) });
    const [first, second] = [swish(1.5), swish(-0.25)];
    await check({ variant, activation: first.device, exact: first.exact });
    const { compileMs } = gpu;
    await check({ variant, activation: clamped(1.25, -1) });
    await check({ variant, activation: clamped(Infinity, 1) });
    await check({ variant, activation: second.device, exact: second.exact });
    assertEquals(gpu.compileMs, compileMs, "milliseconds of compiling");
  });
}

for (const id of ["tuned", "unsloth", "pytorch"]) {
  for (const dtype of DTYPES.filter((dtype) => dtype !== "float32")) {
    Deno.test(`${id} computes clamped SwiGLU of ${dtype}`, async () => {
      await check({ variant: variantOf(id), activation: clamped(0.8, 0.5), problem: { dtype } });
    });
  }
}

// One type for each precision: tests of forms of weights and of gradients pair them in other ways.
const PRECISIONS = [["highest", "float32"], ["tf32", "bfloat16"], ["fastest", "float16"]] as const;

for (const [precision, dtype] of PRECISIONS) {
  Deno.test(`precision ${precision} of ${dtype} computes clamped SwiGLU and a swish`, async () => {
    const [variant, problem] = [variantOf("tuned"), { dtype, precision }];
    await check({ variant, activation: clamped(0.8, 0.5), problem });
    const { device, exact } = swish(1.5);
    await check({ variant, activation: device, exact, problem });
  });
}

Deno.test("the epilogues of tiles take parameters, and so does h that is computed while it is loaded", async () => {
  const problem = { tokens: 96, dim: 4, hiddenDim: 40 }; // h would raise the peak
  await check({ variant: variantOf("tuned"), activation: clamped(0.8, 0.5), problem });
});

Deno.test("without limits, with alpha 1 and shift 0, clamped SwiGLU is SwiGLU", async () => {
  const activation = { name: "clamped_swiglu", alpha: 1, limit: Infinity, shift: 0 } as const;
  await check({ variant: variantOf("tuned"), activation, exact: scalarActivation("silu") });
});

testNothingLeft(gpu);
