import type { Gpu } from "../kernels/gpu/device.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { checkWeights, readWeights } from "./check_weights.ts";
import { runForward } from "./form.ts";
import type { Options, Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkGpu, checkTensor, checkWritten } from "./checks.ts";
import { gatedUnit } from "./gated_unit.ts";
import type { GradientOptions } from "./gradients.ts";
import { recordTraining } from "./training.ts";
import { checkAsked, checkOptions, checkUnitSettings, OPTIONS, readOptions } from "./validate.ts";
import { type CombinedWeights, formOf, namedWeights, type SeparateWeights, type Weights } from "./weights.ts";

/**
 * h = act(x W_gate) * (x W_up), the gated linear unit (https://arxiv.org/abs/1612.08083), by one product whose epilogue is the
 * gate.
 *
 * Besides h it may take workspace until it has run: slices of K where there are few tokens, copies of rows that do not begin at
 * multiples of four elements, of interleaved weights [D, H, 2] and, from 2,048 tokens on, of weights [out, in], and sums of
 * quarters with precision "strassen". `memoryBudget` does not bound it.
 *
 * @param x [..., D].
 * @param weight gate and up [D, H], or one combined [D, 2, H] tensor. Those of PyTorch are [out, in]: say `layout: "out,in"`
 * in `{ gate, up }` or `{ gateUp }`, as square ones pass all checks otherwise and give wrong numbers.
 * @returns h [..., H], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 *
 * @example h alone, where the projection down is your own
 * ```ts
 * import { gatedLinearUnit, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0), [2, 2, 2]); // [D, 2, H], gate first
 * using h = gatedLinearUnit(gpu, x, weight, { activation: "gelu" });
 * console.log(h.shape, await h.read()); // [2, 2]
 * ```
 */
export function gatedLinearUnit(
  gpu: Gpu,
  x: Tensor,
  weight: UnitWeights,
  options: Pick<Options, "activation" | "precision"> & Recording = {},
): Tensor {
  const { problem, inputs, named, encoder } = checkUnit(gpu, { x, weight, options });
  checkWritten(gpu, named, encoder);
  return recordedAndGuarded(gpu, encoder, (recorder) => {
    const { y: h } = runForward({ recorder, variant: gatedUnit, problem, inputs }, false);
    return h.reshape([...x.shape.slice(0, -1), problem.hiddenDim]);
  });
}

/**
 * The weights of a gated linear unit: one tensor [D, 2, H], or {@linkcode Weights} without down.
 *
 * @example All forms
 * ```ts
 * import type { Tensor, UnitWeights } from "@swiglu/webgpu";
 *
 * const forms = (gate: Tensor, up: Tensor, gateUp: Tensor): UnitWeights[] => [gateUp, { gateUp }, { gate, up }];
 * console.log(forms.length);
 * ```
 */
export type UnitWeights = Tensor | Omit<SeparateWeights, "down"> | Omit<CombinedWeights, "down">;

/**
 * The gradients of a unit by some inputs: dx by "x", dGate by "gate", dUp by "up", dGateUp by "gateUp".
 *
 * @example By two inputs
 * ```ts
 * import type { UnitGradients } from "@swiglu/webgpu";
 *
 * const shapes = ({ dx, dGate }: UnitGradients<"x" | "gate">) => [dx.shape, dGate.shape];
 * console.log(shapes.length);
 * ```
 */
export type UnitGradients<K extends string> = {
  readonly [Name in K as Name extends "x" ? "dx" : `d${Capitalize<Name>}`]: Tensor;
};

/**
 * What a unit can be differentiated by, whose weights are `W`.
 *
 * @example Weights that are one tensor
 * ```ts
 * import type { Tensor, UnitWrt } from "@swiglu/webgpu";
 *
 * const wrt: UnitWrt<Tensor>[] = ["x", "gateUp"];
 * console.log(wrt);
 * ```
 */
export type UnitWrt<W extends UnitWeights> = "x" | (W extends { gate: Tensor } ? "gate" | "up" : "gateUp");

/**
 * The result of {@linkcode gatedLinearUnitWithGrad}.
 *
 * @example What backward gives
 * ```ts
 * import type { Tensor, UnitWithGradients } from "@swiglu/webgpu";
 *
 * const step = ({ h, backward }: UnitWithGradients<Tensor>) => backward(h).dGateUp;
 * console.log(step.length);
 * ```
 */
export interface UnitWithGradients<W extends UnitWeights, K extends string = UnitWrt<W>> {
  /** [..., H]; the caller's to dispose. */
  readonly h: Tensor;
  /** Computes the gradients of a loss from dh, the gradient of the loss by h; once, as {@linkcode WithGradients}. */
  backward(dh: Tensor, recording?: Recording): UnitGradients<K>;
  /** Frees what forward saved, if backward will not be called. h stays. */
  dispose(): void;
  /** As {@linkcode UnitWithGradients.dispose}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * Computes h as {@linkcode gatedLinearUnit} does, and keeps g and u for its gradients: dg = dh u act'(g), du = dh act(g),
 * dx = dg W_gate^T + du W_up^T, dW_gate = x^T dg and dW_up = x^T du. It has no variants; `explain` plans it with `output: "h"`.
 *
 * @param options As of {@linkcode gatedLinearUnit}; `wrt` and `into` as of {@linkcode swigluWithGrad}.
 * @returns h [..., H], the caller's to dispose, and `backward`, once, from dh [..., H].
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 *
 * @example h and the gradients of h.h / 2
 * ```ts
 * import { gatedLinearUnitWithGrad, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0), [2, 2, 2]); // [D, 2, H], gate first
 * const { h, backward } = gatedLinearUnitWithGrad(gpu, x, weight, { wrt: ["gateUp"] });
 * const { dGateUp } = backward(h);
 * console.log(h.shape, await dGateUp.read());
 * for (const tensor of [h, dGateUp]) tensor.dispose();
 * ```
 */
export function gatedLinearUnitWithGrad<W extends UnitWeights, K extends UnitWrt<W> = UnitWrt<W>>(
  gpu: Gpu,
  x: Tensor,
  weight: W,
  options: Pick<Options, "activation" | "precision"> & Recording & GradientOptions<K> = {},
): UnitWithGradients<W, K> {
  const { wrt, into, ...rest } = readOptions(options, [...OPTIONS, "encoder", "wrt", "into"]);
  const { problem, inputs, named, encoder } = checkUnit(gpu, {
    x,
    weight,
    options: rest as Options & Recording,
  });
  const asked = checkAsked(gpu, { wrt, into }, { problem, inputs, named, output: "h" });
  const { output: h, backward, dispose } = recordTraining(gpu, {
    run: { variant: gatedUnit, problem, inputs, asked },
    encoder,
    slope: "dh",
    shape: [...x.shape.slice(0, -1), problem.hiddenDim],
    inputs: named,
    check: () => {
      for (const [name, tensor] of Object.entries(named)) checkTensor(gpu, tensor, name);
    },
  });
  const ofW = backward as unknown as UnitWithGradients<W, K>["backward"]; // in the form of the weights, which are W
  return { h, backward: ofW, dispose, [Symbol.dispose]: dispose };
}

/** Checks a call before anything is allocated. The caller's own objects are not read again. */
function checkUnit(
  gpu: Gpu,
  { x, weight, options }: { x: Tensor; weight: unknown; options: Options & Recording },
) {
  const { activation, precision, encoder, ...foreign } = checkOptions(options);
  checkUnitSettings(foreign);
  const weights = readWeight(gpu, x, weight);
  const called = weight instanceof Tensor ? () => "weight" : (name: string) => `weight.${name}`;
  const { down: _, ...tensors } = namedWeights(weights);
  const of = checkWeights(gpu, { called, form: formOf(weights), tensors, x });
  const named = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [called(name), tensor]));
  const problem = { tokens: x.rows, dim: x.columns, dtype: x.dtype, ...of, activation, precision };
  return { problem, inputs: { x, weights }, named: { x, ...named }, encoder };
}

/** The weights of a unit, whose down is missing. */
function readWeight(gpu: Gpu, x: Tensor, weight: unknown): Weights {
  checkGpu(gpu);
  checkTensor(gpu, x, "x");
  if (!(weight instanceof Tensor) && weight !== null && typeof weight === "object") {
    return readWeights("weight", weight);
  }
  checkTensor(gpu, weight, "weight");
  return { gateUp: weight } as Weights;
}
