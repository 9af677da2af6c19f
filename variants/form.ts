import { elementwise } from "../kernels/elementwise.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Memory } from "../kernels/gpu/memory.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import {
  Block,
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
  type Weights,
  weightShapes,
  weightsOf,
} from "./weights.ts";

/** Makes x, dy and the weights of a problem as tensors without contents. A form may be named by its parts: it is [in, out] then. */
export function emptyInputs(
  memory: Memory,
  problem: Problem,
  form: WeightForm | WeightForm["parts"],
): Inputs & { readonly dy: Tensor } {
  const { tokens, dim, dtype } = problem;
  const make = (label: string, shape: number[], dtype: DType) =>
    new Tensor(memory, { shape, dtype, purpose: "input", label });
  const [x, dy] = [make("x", [tokens, dim], dtype), make("dy", [tokens, dim], dtype)];
  const whole = typeof form === "string" ? { parts: form, ...GATE_FIRST, layout: "in,out" as const } : form;
  const tensors = Object.entries(weightShapes(whole, problem)).map(([name, shape]) => [
    name,
    make(name, shape, weightDtypeOf(problem)),
  ]);
  return { x, weights: weightsOf(whole, Object.fromEntries(tensors)), dy };
}

/** A variant, what it computes, and where it records that. */
export interface VariantRun {
  readonly recorder: Recorder;
  readonly variant: Variant;
  readonly problem: Problem;
  readonly inputs: Inputs;
}

/** What a form is taken for: a variant, or a product that is none. */
type Taker = Pick<Variant, "weightForm">;

/** Records forward. A variant gets a copy of gate and up if it cannot take them as they are stored. */
export function runForward(run: VariantRun, training: boolean): Forward {
  if (run.problem.tokens === 0) return { y: callersBlock(run).tokensByDim("output", "y"), saved: {} };
  return withForm(run, (block) => run.variant.forward(block, training));
}

/** Records backward, as {@linkcode runForward} does. The gradients have the form of the caller's weights. */
export function runBackward(run: VariantRun, saved: Forward["saved"], dy: Tensor): Gradients {
  const { recorder, problem, inputs } = run;
  if (problem.tokens === 0) return gradientsOfNothing(callersBlock(run));
  const own = formOf(inputs.weights);
  const taken = formTaken(run.variant, own);
  const gradients = withForm(run, (block) => run.variant.backward(block, saved, dy));
  if (taken === own) return gradients;
  const { dx, dDown, ...rest } = gradients;
  const made: Tensor[] = Object.values(rest);
  const { tensors, ...views } = callersBlock(run).emptyGateUpGradients();
  copyGateUp(recorder, "gradients of gate and up as the weights are stored", {
    from: gateUpOf(taken, made),
    to: { gate: views.dGate, up: views.dUp },
  });
  release(...made);
  return { dx, dDown, ...tensors };
}

const callersBlock = ({ recorder, problem, inputs }: VariantRun) => new Block(recorder, problem, inputs);

/** Gradients of no tokens: a dx of no rows, and sums of nothing. No variant has to know of it. */
function gradientsOfNothing(block: Block): Gradients {
  const dDown = block.emptyDownGradient().tensor;
  const { tensors } = block.emptyGateUpGradients();
  for (const tensor of [dDown, ...Object.values(tensors)]) {
    const outputs = [{ to: matrix(tensor), value: "vec4f()" }];
    elementwise(block.recorder, { label: `${tensor.label} of no tokens`, inputs: {}, outputs });
  }
  return { dx: block.tokensByDim("gradient", "dx"), dDown, ...tensors };
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

/** Records what needs a block, whose weights are copied where they cannot be taken as they are stored. */
export function withForm<T>(
  { recorder, variant, problem, inputs }: Omit<VariantRun, "variant"> & { readonly variant: Taker },
  record: (block: Block) => T,
): T {
  const { weights } = inputs;
  const own = formOf(weights);
  const taken = formTaken(variant, own);
  if (taken === own) return record(new Block(recorder, problem, inputs));
  const gateUp = combinedCopy(recorder, problem, { weights, form: taken });
  const block = { ...inputs, weights: weightsOf(taken, { gateUp, down: weights.down }) };
  const result = record(new Block(recorder, problem, block));
  release(gateUp);
  return result;
}

function combinedCopy(
  recorder: Recorder,
  problem: Problem,
  { weights, form }: { weights: Weights; form: WeightForm },
): Tensor {
  const label = "combined weight";
  const shape = weightShapes(form, problem).gateUp;
  const copy = recorder.empty(shape, weightDtypeOf(problem), { purpose: "workspace", label });
  copyGateUp(recorder, label, {
    from: gateUpOf(formOf(weights), gateUpTensors(weights)),
    to: gateUpOf(form, [copy]),
  });
  return copy;
}

/** Copies gate and up between forms of one layout. */
function copyGateUp(
  recorder: Recorder,
  label: string,
  { from, to }: Record<"from" | "to", Pick<GateUp, "gate" | "up">>,
): void {
  elementwise(recorder, {
    label,
    inputs: { gate: from.gate, up: from.up },
    outputs: [{ to: to.gate, value: "gate" }, { to: to.up, value: "up" }],
  });
}
