/** Activations with parameters, and of both operands: every variant against the oracle. A new value compiles nothing. */
import { assert, assertEquals } from "@std/assert";
import type { Activation, ClampedSwiglu } from "../../kernels/activation.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { scalarActivation, sigmoid } from "../../bench/oracle/activation.ts";
import { oracle, relativeFrobeniusError, type ScalarActivation } from "../../bench/oracle/mod.ts";
import { variants } from "../../variants/mod.ts";
import type { Problem, Sizes, Variant } from "../../variants/variant.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../gpu.ts";
import { tolerance } from "./accuracy.ts";
import { formsOf, releaseBlock, runBlock, uploadBlock, variantOf } from "./block.ts";

const gpu = await requestGpu();
const seed = freshSeed();

/** Limits near 0.8 or 1.25 are such that many random gates and ups are beyond. */
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

/**
 * The activation with a finite limit moved by at most a quarter, to the middle of the widest gap between the magnitudes
 * of gates and ups.
 *
 * A gate on the other side of its limit adds a whole term to a sum, or drops one: an error that no tolerance should allow.
 * Rounding to bfloat16 moves a gate by up to 2^-9 of it. Among some hundred gates, the widest gap is several times that.
 */
function awayFromGates(activation: Activation, problem: Sizes, host: HostInputs): Activation {
  const limit = typeof activation === "object" && "limit" in activation ? activation.limit! : Infinity;
  if (!Number.isFinite(limit)) return activation;
  const magnitudes: number[] = [];
  const note = (value: number) => magnitudes.push(Math.abs(value));
  oracle({ ...problem, activation: { value: note, derivative: note, up: note, upDerivative: note } }, host);
  const [lowest, highest] = [0.75 * limit, 1.25 * limit];
  const near = magnitudes.filter((value) => value > lowest && value < highest);
  const stops = [lowest, ...near, highest].sort((a, b) => a - b);
  const gaps = stops.slice(1).map((to, i) => ({ from: stops[i], to }));
  const { from, to } = gaps.reduce((widest, gap) =>
    gap.to - gap.from > widest.to - widest.from ? gap : widest
  );
  const middle = (from + to) / 2;
  return { ...(activation as ClampedSwiglu), limit: middle };
}

async function check({ variant, activation: wanted, exact, problem: given }: Case): Promise<void> {
  // Rows so few that the gate is the epilogue of short kernels.
  const sizes = { tokens: 7, dim: 24, hiddenDim: 36 };
  const drawn = { ...sizes, dtype: "float32", precision: "default", ...given } as const;
  const host = randomInputs(drawn, seed);
  const activation = awayFromGates(wanted, drawn, host);
  const problem: Problem = { ...drawn, activation };
  const scalar = exact ?? scalarActivation(activation as Parameters<typeof scalarActivation>[0]);
  const expected = oracle({ ...problem, activation: scalar }, host);
  for (const form of formsOf(variant)) {
    const tensors = uploadBlock(gpu, { problem, form, host });
    const { outputs } = await runBlock(gpu, { variant, problem, tensors });
    releaseBlock(tensors);
    for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
      const error = relativeFrobeniusError(outputs[name], expected[name]);
      const limit = 2 * tolerance(name, problem);
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
