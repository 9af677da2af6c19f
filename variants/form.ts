import type { DType } from "../kernels/gpu/dtype.ts";
import type { Memory } from "../kernels/gpu/memory.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { type Asked, askedInForm, type GradientName } from "./gradients.ts";
import {
  Block,
  type Destinations,
  type Forward,
  type Gradients,
  type Inputs,
  type Problem,
  release,
  type Variant,
  weightDtypeOf,
} from "./variant.ts";
import {
  formOf,
  type GateUp,
  gateUpOf,
  gateUpTensors,
  type WeightForm,
  weightShapes,
  weightsOf,
} from "./weights.ts";

/**
 * Makes x, dy and the weights of a problem as tensors without contents. A form may be named by its parts: it is [in, out]
 * then. Weights of several experts have a dimension of them first.
 */
export function emptyInputs(
  memory: Memory,
  problem: Problem,
  form: WeightForm | WeightForm["parts"],
  { givesHidden = false, experts }: Pick<Variant, "givesHidden"> & { readonly experts?: number } = {},
): Inputs & { readonly dy: Tensor } {
  const { tokens, dim, hiddenDim, dtype } = problem;
  const make = (label: string, shape: number[], dtype: DType) =>
    new Tensor(memory, { shape, dtype, purpose: "input", label });
  const [x, dy] = [
    make("x", [tokens, dim], dtype),
    make("dy", [tokens, givesHidden ? hiddenDim : dim], dtype),
  ];
  const whole = typeof form === "string" ? { parts: form, ...GATE_FIRST, layout: "in,out" as const } : form;
  const tensors = Object.entries(weightShapes(whole, { ...problem, experts })).map(([name, shape]) => [
    name,
    make(name, shape, weightDtypeOf(problem)),
  ]);
  return { x, weights: weightsOf(whole, Object.fromEntries(tensors)), dy };
}

/** Stand-ins for the tensors that gradients are added to. */
export function emptyTargets(
  memory: Memory,
  into: Partial<Record<GradientName, Pick<Tensor, "shape" | "dtype">>>,
): Partial<Record<GradientName, Tensor>> {
  return Object.fromEntries(
    Object.entries(into).map(([label, { shape, dtype }]) =>
      [label, new Tensor(memory, { shape, dtype, purpose: "input", label })] as const
    ),
  );
}

/** A variant, what it computes, and where it records that. */
export interface VariantRun {
  readonly recorder: Recorder;
  readonly variant: Variant;
  readonly problem: Problem;
  readonly inputs: Inputs;
  /** What is asked of backward. Default: all gradients. */
  readonly asked?: Asked;
  /** Where results are written. Default: new tensors. */
  readonly destinations?: Destinations;
}

/** Records forward. */
export function runForward({ variant, ...run }: VariantRun, training: boolean): Forward {
  return variant.forward(blockOf(run), training);
}

/** Records backward. The gradients have the form of the caller's weights. */
export function runBackward({ variant, ...run }: VariantRun, saved: Forward["saved"], dy: Tensor): Gradients {
  return variant.backward(blockOf(run), saved, dy);
}

function blockOf({ recorder, problem, inputs, asked, destinations }: Omit<VariantRun, "variant">): Block {
  return new Block(recorder, problem, inputs, asked, destinations);
}

/** What a form is taken for: a variant, or a product that is none. */
type Taker = Pick<Variant, "weightForm">;

/**
 * The variant for weights of any form and any number of tokens: it gets a copy of gate and up if it cannot take them as they are stored, and their
 * gradients are copied back to the form of the weights. Of no tokens it computes nothing.
 */
export function inAnyForm(variant: Variant): Variant {
  const { inChunks } = variant;
  return {
    ...variant,
    forward: (block, training) =>
      isEmpty(block)
        ? { y: outputOf(variant, block), saved: {} }
        : withForm(variant, block, (own) => variant.forward(own, training)),
    backward: (block, saved, dy) =>
      isEmpty(block) ? gradientsOfNothing(block) : backwardInAnyForm(variant, block, { saved, dy }),
    ...inChunks && { inChunks: (tokens: number) => inChunks(tokens).map(inAnyForm) },
  };
}

function outputOf({ givesHidden }: Variant, block: Block): Tensor {
  return givesHidden ? block.tokensByHidden("output", "h") : block.tokensByDim("output", "y");
}

const isEmpty = ({ problem }: Block) => problem.tokens === 0;

function backwardInAnyForm(
  variant: Variant,
  block: Block,
  { saved, dy }: { saved: Forward["saved"]; dy: Tensor },
): Gradients {
  const taken = formTaken(variant, block.form);
  const gradients = withForm(variant, block, (own) => variant.backward(own, saved, dy));
  if (taken === block.form) return gradients;
  const { dx, dDown, ...rest } = gradients;
  const made: Tensor[] = Object.values(rest);
  const { tensors, ...views } = block.emptyGateUpGradients();
  copyGateUp(block, "gradients of gate and up as the weights are stored", {
    from: gateUpOf(taken, made),
    to: { gate: views.dGate, up: views.dUp },
  });
  release(...made);
  return { dx, dDown, ...tensors };
}

/** Gradients of no tokens: a dx of no rows, and sums of nothing. No variant has to know of it. */
function gradientsOfNothing(block: Block): Gradients {
  const { tensors } = block.emptyGateUpGradients();
  const weights = { ...tensors, dDown: block.emptyDownGradient().tensor };
  for (const [name, tensor] of Object.entries(weights)) {
    if (!block.makes(name as GradientName)) continue;
    const outputs = [{ to: matrix(tensor), value: "vec4f()" }];
    block.elementwise({ label: `${name} of no tokens`, inputs: {}, outputs });
  }
  return { dx: block.emptyInputGradient().tensor, ...weights };
}

const GATE_FIRST = { interleaved: false } as const;

/**
 * The form in which a variant takes weights of a form: the same where it can. Products cannot take every second element of a
 * row, and a variant that takes gate and up as one matrix needs them one after the other.
 */
function formTaken({ weightForm }: Taker, form: WeightForm): WeightForm {
  const everySecond = form.interleaved && form.layout === "in,out";
  const asOne = weightForm === "combined" && (form.interleaved || form.parts === "separate");
  return everySecond || asOne ? { ...form, parts: "combined", ...GATE_FIRST } : form;
}

/** Records what needs a block, with its weights copied where they cannot be taken as they are stored. */
export function withForm<T>(taker: Taker, block: Block, record: (block: Block) => T): T {
  const { recorder, problem, inputs, asked, form } = block;
  const taken = formTaken(taker, form);
  if (taken === form) return record(block);
  const gateUp = combinedCopy(block, taken);
  const own = { ...inputs, weights: weightsOf(taken, { gateUp, down: inputs.weights.down }) };
  const result = record(new Block(recorder, problem, own, askedInForm(asked, form)));
  release(gateUp);
  return result;
}

function combinedCopy(block: Block, form: WeightForm): Tensor {
  const { recorder, problem, inputs: { weights } } = block;
  const label = "combined weight";
  const shape = weightShapes(form, problem).gateUp;
  const copy = recorder.empty(shape, weightDtypeOf(problem), { purpose: "workspace", label });
  copyGateUp(block, label, {
    from: gateUpOf(formOf(weights), gateUpTensors(weights)),
    to: gateUpOf(form, [copy]),
  });
  return copy;
}

/** Copies gate and up between forms of one layout. */
function copyGateUp(
  block: Block,
  label: string,
  { from, to }: Record<"from" | "to", Pick<GateUp, "gate" | "up">>,
): void {
  block.elementwise({
    label,
    inputs: { gate: from.gate, up: from.up },
    outputs: [{ to: to.gate, value: "gate" }, { to: to.up, value: "up" }],
  });
}
