import { elementwise } from "../kernels/elementwise.ts";
import type { Memory } from "../kernels/gpu/memory.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { halves, matrix } from "../kernels/view.ts";
import {
  Block,
  type Forward,
  type Gradients,
  type Inputs,
  type Problem,
  release,
  type Variant,
  type Weights,
} from "./variant.ts";

/** Makes x, dy and the weights of a problem as tensors without contents, with gate and up in the given form. */
export function emptyInputs(
  memory: Memory,
  { tokens, dim, hiddenDim, dtype }: Problem,
  form: "separate" | "combined",
): Inputs & { readonly dy: Tensor } {
  const make = (label: string, ...shape: number[]) =>
    new Tensor(memory, { shape, dtype, purpose: "input", label });
  const [x, dy, down] = [make("x", tokens, dim), make("dy", tokens, dim), make("down", hiddenDim, dim)];
  const weights = form === "combined"
    ? { gateUp: make("gateUp", dim, 2, hiddenDim), down }
    : { gate: make("gate", dim, hiddenDim), up: make("up", dim, hiddenDim), down };
  return { x, weights, dy };
}

/** Copies weights to a plain object with nothing else in it. A caller's object may have getters of a class. */
export function namedWeights(weights: Weights): Weights & Readonly<Record<string, Tensor>> {
  const { down } = weights;
  if ("gateUp" in weights) return { gateUp: weights.gateUp, down };
  return { gate: weights.gate, up: weights.up, down };
}

/** A variant, what it computes, and where it records that. */
export interface VariantRun {
  readonly recorder: Recorder;
  readonly variant: Variant;
  readonly problem: Problem;
  readonly inputs: Inputs;
}

/** Records forward. A variant that takes only combined weights gets a combined copy of separate ones. */
export function runForward(run: VariantRun, training: boolean): Forward {
  return withForm(run, (block) => run.variant.forward(block, training));
}

/** Records backward, as {@linkcode runForward} does. The gradients have the form of the caller's weights. */
export function runBackward(run: VariantRun, saved: Forward["saved"], dy: Tensor): Gradients {
  const gradients = withForm(run, (block) => run.variant.backward(block, saved, dy));
  if (!("dGateUp" in gradients) || "gateUp" in run.inputs.weights) return gradients;
  const { dGateUp, ...rest } = gradients;
  const { dim, hiddenDim, dtype } = run.problem;
  const part = (label: string) => run.recorder.empty([dim, hiddenDim], dtype, { purpose: "gradient", label });
  const [dGate, dUp] = [part("dGate"), part("dUp")];
  const { gate, up } = halves(dGateUp);
  elementwise(run.recorder, {
    label: "dGate, dUp from dGateUp",
    inputs: { gate, up },
    outputs: [{ to: matrix(dGate), value: "gate" }, { to: matrix(dUp), value: "up" }],
  });
  release(dGateUp);
  return { ...rest, dGate, dUp };
}

function withForm<T>({ recorder, variant, problem, inputs }: VariantRun, record: (block: Block) => T): T {
  const { weights } = inputs;
  if (variant.weightForm !== "combined" || "gateUp" in weights) {
    return record(new Block(recorder, problem, inputs));
  }
  const gateUp = combinedCopy(recorder, problem, weights);
  const result = record(new Block(recorder, problem, { ...inputs, weights: { gateUp, down: weights.down } }));
  release(gateUp);
  return result;
}

function combinedCopy(
  recorder: Recorder,
  { dim, hiddenDim, dtype }: Problem,
  weights: Extract<Weights, { gate: Tensor }>,
): Tensor {
  const copy = recorder.empty([dim, 2, hiddenDim], dtype, { purpose: "workspace", label: "combined weight" });
  const to = halves(copy);
  elementwise(recorder, {
    label: "combined weight",
    inputs: { gate: matrix(weights.gate), up: matrix(weights.up) },
    outputs: [{ to: to.gate, value: "gate" }, { to: to.up, value: "up" }],
  });
  return copy;
}
