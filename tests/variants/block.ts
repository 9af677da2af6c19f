/** Runs a variant's forward and backward on the device. All memory that it could read before writing it is poisoned. */
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { Gpu } from "../../kernels/gpu/device.ts";
import { decode } from "../../kernels/gpu/dtype.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { variants } from "../../variants/mod.ts";
import { combineGateUp, type HostInputs, splitGateUp } from "../../bench/oracle/data.ts";
import { emptyInputs } from "../../variants/form.ts";
import { namedWeights } from "../../variants/weights.ts";
import {
  Block,
  type Gradients,
  type Inputs,
  type Problem,
  release,
  type Variant,
} from "../../variants/variant.ts";
import { type Poison, PoisonRecorder, readBytes } from "../gpu.ts";
import type { Fault } from "../planted.ts";

/** A variant of the registry. */
export function variantOf(id: string): Variant {
  const variant = variants.find((variant) => variant.id === id);
  if (!variant) throw new Error(`no variant has the id ${id}`);
  return variant;
}

/** The form in which gate and up come: two tensors or one. */
export type WeightForm = "separate" | "combined";

/** The forms that a variant takes. */
export function formsOf({ weightForm }: Variant): WeightForm[] {
  return weightForm === "either" ? ["separate", "combined"] : [weightForm];
}

/** What a block computes from, with dy, as tensors. */
export interface BlockTensors extends Inputs {
  readonly dy: Tensor;
}

/** The same with numbers in them. */
export function uploadBlock(
  gpu: Gpu,
  { problem, form, host }: { problem: Problem; form: WeightForm; host: HostInputs },
): BlockTensors {
  const tensors = emptyInputs(gpu.memory, problem, form);
  const { x, weights, dy } = tensors;
  x.write(host.x);
  dy.write(host.dy);
  weights.down.write(host.down);
  if ("gateUp" in weights) weights.gateUp.write(combineGateUp(host.gate, host.up, problem.hiddenDim));
  else {
    weights.gate.write(host.gate);
    weights.up.write(host.up);
  }
  return tensors;
}

/** Disposes a block's tensors. */
export function releaseBlock({ x, weights, dy }: BlockTensors): void {
  release(x, dy, ...Object.values(namedWeights(weights)));
}

/** Everything that a run gives: the output of inference too. */
export const OUTPUTS = ["y", "inference", "dx", "dGate", "dUp", "dDown"] as const;

/** Numbers of every output. */
export type BlockOutputs = Readonly<Record<typeof OUTPUTS[number], Float32Array>>;

/** What a run gave. */
export interface BlockRun {
  /** Bytes of y, of y without training, of the gradients. */
  readonly bytes: Uint8Array[];
  readonly outputs: BlockOutputs;
  readonly dispatches: readonly Dispatch[];
}

/** A variant, what it computes, and under which circumstances. */
export interface BlockInit {
  readonly variant: Variant;
  readonly problem: Problem;
  readonly tensors: BlockTensors;
  /** What new memory holds. */
  readonly poison?: Poison;
  /** What kernels are chosen by, in place of the device's own. */
  readonly capabilities?: Capabilities;
  /** What is wrong with the kernels. */
  readonly fault?: Fault;
}

/** Computes forward for training, forward for inference and backward, and disposes what they gave. */
export async function runBlock(gpu: Gpu, init: BlockInit): Promise<BlockRun> {
  const { variant, problem, tensors } = init;
  const recorder = new PoisonRecorder(gpu, init);
  const block = new Block(recorder, problem, tensors);
  const training = variant.forward(block, true);
  const inference = variant.forward(block, false);
  const gradients = variant.backward(block, training.saved, tensors.dy);
  const results = [training.y, inference.y, ...gradientTensors(gradients)];
  recorder.submit();
  try {
    const bytes = await readBytes(gpu, results);
    const numbers = bytes.map((part, i) => decode(part, problem.dtype, results[i].length));
    return { bytes, outputs: named(numbers, gradients, problem), dispatches: recorder.dispatches };
  } finally {
    release(...results);
  }
}

function gradientTensors(gradients: Gradients): Tensor[] {
  const { dx, dDown } = gradients;
  return [dx, dDown, ..."dGateUp" in gradients ? [gradients.dGateUp] : [gradients.dGate, gradients.dUp]];
}

function named(numbers: Float32Array[], gradients: Gradients, { hiddenDim }: Problem): BlockOutputs {
  const [y, inference, dx, dDown, first, second] = numbers;
  const { gate, up } = "dGateUp" in gradients ? splitGateUp(first, hiddenDim) : { gate: first, up: second };
  return { y, inference, dx, dDown, dGate: gate, dUp: up };
}
