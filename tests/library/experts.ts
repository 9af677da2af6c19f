/** Experts with random numbers, and what their blocks give by the float64 oracle. */
import { assertEquals } from "@std/assert";
import {
  explain,
  type Gpu,
  type Options,
  plan,
  swigluExperts,
  swigluExpertsWithGrad,
  Tensor,
} from "../../mod.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import {
  formName,
  WEIGHT_FORMS,
  type WeightForm,
  type Weights,
  weightShapes,
  weightsOf,
} from "../../variants/weights.ts";
import { freshSeed } from "../gpu.ts";
import { assertNear, disposeAll, withGpu } from "./fixture.ts";
import { stored } from "./weight_forms.ts";

/** Rounding of what is stored, and of g, u and h on the way. */
export const TOLERANCE = { float32: 1e-5, float16: 4e-3, bfloat16: 3e-2 } as const;

/** Sizes with the tokens of each expert. */
export interface Mixture {
  readonly dim: number;
  readonly hiddenDim: number;
  readonly tokensPerExpert: readonly number[];
}

/** No part begins where a binding may, but for the first; in 16 bits, parts end within a word. */
export const ODD: Mixture = { dim: 7, hiddenDim: 9, tokensPerExpert: [3, 0, 5, 1] };

/** Weights can be bound where they are. Tokens can or cannot: 64 elements are 256 bytes, or 128 in 16 bits. */
export const EVEN: Mixture = { dim: 64, hiddenDim: 32, tokensPerExpert: [0, 2, 3, 4] };

/** WebGPU's default, and what most GPUs ask for: bindings begin at multiples of 256 bytes. */
export function withExperts(work: (gpu: Gpu) => Promise<void> | void): Promise<void> {
  return withGpu((gpu) => {
    limit(gpu, { minStorageBufferOffsetAlignment: 256 });
    return work(gpu);
  });
}

/** Lets kernels count on less than the device has. */
export function limit(gpu: Gpu, limits: Partial<Capabilities>): void {
  Object.assign(gpu, { capabilities: { ...gpu.capabilities, ...limits } });
}

export const tokensOf = ({ tokensPerExpert }: Mixture) =>
  tokensPerExpert.reduce((sum, count) => sum + count, 0);

/** Tensors of all experts, and what comes out: numbers of one expert after those of another. */
export interface Experts {
  readonly gpu: Gpu;
  readonly mixture: Mixture;
  readonly form: WeightForm;
  readonly hosts: readonly HostInputs[];
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly weights: Weights;
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** By "y", "dx" and the gradients of the weights' tensors. */
  readonly expected: Readonly<Record<string, Float64Array>>;
}

const joined = (parts: readonly ArrayLike<number>[]) =>
  Float64Array.from(parts.flatMap((part) => Array.from(part)));

export function expertsOf(
  gpu: Gpu,
  { mixture, form, dtype = "float32", weightDtype = dtype }: {
    mixture: Mixture;
    form: WeightForm;
    dtype?: DType;
    weightDtype?: DType;
  },
): Experts {
  const { dim, hiddenDim, tokensPerExpert } = mixture;
  const seed = freshSeed();
  // Numbers that both types hold.
  const narrow = dtype === "float32" ? weightDtype : dtype;
  const hosts = tokensPerExpert.map((tokens, i) =>
    randomInputs({ tokens, dim, hiddenDim, dtype: narrow }, seed + i)
  );
  const results = hosts.map((host, i) =>
    oracle({ tokens: tokensPerExpert[i], dim, hiddenDim, activation: "silu" }, host)
  );
  const tokens = tokensOf(mixture);
  const make = (values: Float64Array, shape: readonly number[], label: string, own: DType) =>
    Tensor.from(gpu, values, shape, { dtype: own, label });
  const weightsOfAll = hosts.map((host) => stored(form, host, mixture));
  const gradients = results.map(({ dGate, dUp, dDown }) =>
    stored(form, { gate: dGate, up: dUp, down: dDown }, mixture)
  );
  const shapes = Object.entries(weightShapes(form, mixture));
  const tensors = Object.fromEntries(shapes.map(([name, shape]) => [
    name,
    make(joined(weightsOfAll.map((own) => own[name])), [hosts.length, ...shape], name, weightDtype),
  ]));
  const ofWeights = shapes.map(([name]) => [
    `d${name[0].toUpperCase()}${name.slice(1)}`,
    joined(gradients.map((own) => own[name])),
  ]);
  return {
    ...{ gpu, mixture, form, hosts, tensors },
    x: make(joined(hosts.map(({ x }) => x)), [tokens, dim], "x", dtype),
    dy: make(joined(hosts.map(({ dy }) => dy)), [tokens, dim], "dy", dtype),
    weights: weightsOf(form, tensors),
    expected: {
      y: joined(results.map(({ y }) => y)),
      dx: joined(results.map(({ dx }) => dx)),
      ...Object.fromEntries(ofWeights),
    },
  };
}

export function release({ x, dy, tensors }: Experts): void {
  disposeAll({ x, dy });
  disposeAll(tensors);
}

/** Runs the experts, and compares all that they give with the oracle, and their bytes with the plan. */
export async function check(experts: Experts, options: Options = {}): Promise<void> {
  const { gpu, mixture, form, x, dy, weights, tensors, expected } = experts;
  const { tokensPerExpert, ...sizes } = mixture;
  const weightDtype = Object.values(tensors)[0].dtype;
  const tolerance = TOLERANCE[x.dtype === "float32" ? weightDtype : x.dtype];
  const problem = { ...sizes, tokens: tokensOf(mixture), dtype: x.dtype, weightDtype };
  const { parts: weightForm, layout, interleaved } = form;
  const how = { ...options, weightForm, layout, interleaved, tokensPerExpert };
  const about = `${formName(form)}, ${JSON.stringify(options)}`;
  const { ledger } = gpu.memory;
  ledger.resetPeak();
  const { y, backward } = swigluExpertsWithGrad(gpu, x, weights, tokensPerExpert, options);
  const savedBytes = ledger.live("saved");
  const gradients = backward(dy) as unknown as Record<string, Tensor>;
  const planned = explain(gpu, problem, how);
  assertEquals([savedBytes, ledger.peakBytes], [planned.savedBytes, planned.peakBytes], about);
  const others = ledger.chargedBytes;
  ledger.resetPeak();
  const inference = swigluExperts(gpu, x, weights, Uint32Array.from(tokensPerExpert), options);
  const { peakBytes } = plan(gpu, problem, { ...how, training: false });
  assertEquals(ledger.peakBytes - others, peakBytes, about);
  try {
    const { y: expectedY, ...slopes } = expected;
    assertEquals(Object.keys(gradients).sort(), Object.keys(slopes).sort());
    for (const tensor of [y, inference]) await assertNear(tensor, expectedY, tolerance);
    for (const [name, values] of Object.entries(slopes)) {
      const of = name === "dx" ? x : tensors[name[1].toLowerCase() + name.slice(2)];
      assertEquals([gradients[name].shape, gradients[name].dtype], [of.shape, of.dtype]);
      await assertNear(gradients[name], values, tolerance);
    }
  } finally {
    disposeAll({ y, inference, ...gradients });
  }
}

/** Gate and up as two tensors [E, D, H]. */
export const [SEPARATE] = WEIGHT_FORMS;
