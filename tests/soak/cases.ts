/** Random blocks. A variant or the library computes each, and it is compared with the float64 oracle. */
import type { Gpu } from "../../kernels/gpu/device.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import type { RandomSource } from "../../bench/timing/random.ts";
import { swigluWithGrad } from "../../mod.ts";
import { splitGateUp } from "../../bench/oracle/data.ts";
import { variants } from "../../variants/mod.ts";
import { type OracleOutputs, relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { release } from "../../variants/variant.ts";
import { EDGES } from "../kernels/matmul/exact.ts";
import { type NamedProblem, tolerance, wellConditioned } from "../variants/accuracy.ts";
import {
  type BlockTensors,
  formsOf,
  releaseBlock,
  runBlock,
  uploadBlock,
  variantOf,
  type WeightForm,
} from "../variants/block.ts";

/** The library instead of a variant: it picks one. */
const LIBRARY = "library";

/**
 * Sizes that are drawn. A software adapter keeps megabytes for each kernel, and rows up to 16, alignment, dtype and
 * activation each have kernels of their own: few kinds of rows and one activation a dtype, so that all kernels are
 * compiled within minutes and what grows later is a leak. Fewer columns than 15 would leave outputs that cancel.
 */
const TOKENS = [1, 7, ...EDGES.filter((edge) => edge > 16)];
const WIDTHS = EDGES.filter((edge) => edge >= 15);
const ACTIVATION = { float32: "silu", float16: "gelu_tanh", bfloat16: "silu" } as const;

/** Cases with more multiply-adds than this are drawn again: the CPU computes the oracle. */
const MOST_PRODUCTS = 200_000;

/** Errors may be this many times what tests allow: among ten thousands of draws are outputs that cancel more than most. */
const SLACK = 2;

/** What one case computes. */
export interface Case {
  /** A variant's id, or {@linkcode LIBRARY}. */
  readonly by: string;
  readonly problem: NamedProblem;
  readonly form: WeightForm;
  readonly seed: number;
}

/** Draws a case. */
export function drawCase(random: RandomSource): Case {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)];
  const by = pick([...variants.map(({ id }) => id), LIBRARY]);
  const forms = by === LIBRARY ? ["separate", "combined"] as const : formsOf(variantOf(by));
  const [tokens, dim, hiddenDim, dtype] = [pick(TOKENS), pick(WIDTHS), pick(WIDTHS), pick(DTYPES)];
  const alike = (dim % 4 === 0) === (hiddenDim % 4 === 0);
  if (!alike || tokens * dim * hiddenDim > MOST_PRODUCTS) return drawCase(random);
  const sizes = { tokens, dim, hiddenDim };
  const problem = { ...sizes, dtype, activation: ACTIVATION[dtype], precision: "default" } as const;
  return { by, problem, form: pick(forms), seed: Math.floor(random() * 2 ** 31) };
}

/**
 * Computes y and all gradients of a case and compares them with the oracle.
 *
 * @throws {Error} If one is off, naming the case.
 */
export async function runCase(gpu: Gpu, { by, problem, form, seed }: Case): Promise<void> {
  const { host, expected } = wellConditioned(problem, seed);
  const tensors = uploadBlock(gpu, { problem, form, host });
  try {
    const outputs = by === LIBRARY
      ? await throughLibrary(gpu, tensors, problem)
      : (await runBlock(gpu, { variant: variantOf(by), problem, tensors })).outputs;
    for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
      const error = relativeFrobeniusError(outputs[name], expected[name]);
      const limit = SLACK * tolerance(name, problem);
      // A comparison with NaN is false, so that NaN fails too.
      if (error <= limit) continue;
      throw new Error(`${name} of ${JSON.stringify({ by, problem, form, seed })} is off by ${error}`);
    }
  } finally {
    releaseBlock(tensors);
  }
}

async function throughLibrary(
  gpu: Gpu,
  { x, weights, dy }: BlockTensors,
  { hiddenDim, activation }: NamedProblem,
): Promise<Record<keyof OracleOutputs, Float32Array>> {
  const { y, backward } = swigluWithGrad(gpu, x, weights, { activation });
  const gradients = backward(dy);
  const { dx, dDown } = gradients;
  try {
    const parts = "dGateUp" in gradients
      ? splitGateUp(await gradients.dGateUp.read(), hiddenDim)
      : { gate: await gradients.dGate.read(), up: await gradients.dUp.read() };
    return {
      ...{ y: await y.read(), dx: await dx.read(), dDown: await dDown.read() },
      ...{ dGate: parts.gate, dUp: parts.up },
    };
  } finally {
    release(y, ...Object.values(gradients) as Tensor[]);
  }
}
