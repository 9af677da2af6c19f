/** Kernels that a first use compiles, counted without a device. They are shared, as a long one takes a driver 1/3 s. */
import { assert, assertEquals } from "@std/assert";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { chunked } from "../../variants/chunked.ts";
import { emptyInputs } from "../../variants/form.ts";
import { tuned } from "../../variants/tuned.ts";
import { Block, type Precision, release, type Sizes, type Variant } from "../../variants/variant.ts";
import { CAPABILITIES } from "../bench/measure/capabilities.ts";

const LLAMA: Sizes = { tokens: 4096, dim: 4096, hiddenDim: 11008 };
const SMALLER: Sizes = { tokens: 2048, dim: 2048, hiddenDim: 5632 };

/** Characters of WGSL, without indentation, from which a kernel is long: those whose steps along K are unrolled. */
const LONG = 20_000;

interface Step {
  readonly sizes?: Sizes;
  readonly dtype?: DType;
  readonly precision?: Precision;
  readonly training?: boolean;
}

/** Keys of the long kernels that a step of training takes, or of inference. */
function longKernels(variant: Variant, step: Step = {}): Set<string> {
  const { sizes = LLAMA, dtype = "float32", precision = "default", training = true } = step;
  const problem = { ...sizes, dtype, precision, activation: "silu" } as const;
  const plan = new PlanRecorder(CAPABILITIES);
  const tensors = emptyInputs(plan.memory, problem, "separate");
  const block = new Block(plan, problem, tensors);
  const { y, saved } = variant.forward(block, training);
  release(y, ...Object.values(training ? variant.backward(block, saved, tensors.dy) : {}));
  const kernels = new Map(plan.dispatches.map(({ kernel }) => [kernel.key, kernel]));
  const long = [...kernels.values()].filter((kernel) => kernel.wgsl().replaceAll(/^ +/gm, "").length > LONG);
  return new Set(long.map(({ key }) => key));
}

/** Steps and the most long kernels that each may take. */
const STEPS: readonly [Step & { name: string; variant?: Variant }, number][] = [
  [{ name: "float32" }, 4],
  [{ name: "float32, inference", training: false }, 2],
  [{ name: "float32, sizes that no vector fits", sizes: { tokens: 4095, dim: 4097, hiddenDim: 11009 } }, 5],
  [{ name: "float32, 8 tokens", sizes: { ...LLAMA, tokens: 8 } }, 1],
  [{ name: "float32, 16 tokens", sizes: { ...LLAMA, tokens: 16 } }, 3],
  [{ name: "float32, 64 tokens", sizes: { ...LLAMA, tokens: 64 } }, 4],
  [{ name: "float32, chunks of 384 tokens", variant: chunked(tuned, 384) }, 5],
  [{ name: "float32, strassen", precision: "strassen" }, 5],
  [{ name: "float16", dtype: "float16" }, 5],
  [{ name: "float16, 2048x2048x5632", dtype: "float16", sizes: SMALLER }, 5],
  [{ name: "float16, float16-sums", dtype: "float16", precision: "float16-sums" }, 4],
  [{ name: "bfloat16", dtype: "bfloat16" }, 5],
];

for (const [{ name, variant = tuned, ...step }, most] of STEPS) {
  Deno.test(`a first use compiles at most ${most} long kernels: ${name}`, () => {
    const kernels = longKernels(variant, step);
    assert(kernels.size <= most, `${kernels.size}: ${[...kernels].join("; ")}`);
  });
}

Deno.test("a last chunk that is shorter takes the kernels of the others", () => {
  for (const chunk of [1536, 384]) {
    const whole = longKernels(chunked(tuned, chunk), { sizes: { ...LLAMA, tokens: 2 * chunk } });
    for (const rest of [200, 33, 10, 1]) {
      const sizes = { ...LLAMA, tokens: 2 * chunk + rest };
      assertEquals(longKernels(chunked(tuned, chunk), { sizes }), whole, `${chunk}, then ${rest}`);
    }
  }
});

Deno.test("so it does where rows are copied so that vectors fit them", () => {
  for (const dtype of ["float32", "bfloat16"] as const) {
    const kernels = (tokens: number) =>
      longKernels(chunked(tuned, 1536), { sizes: { tokens, dim: 4097, hiddenDim: 11009 }, dtype });
    assertEquals(kernels(3072 + 200), kernels(3072));
  }
});
