import { activationKey, parametersOf } from "../kernels/activation.ts";
import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import { PlanRecorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { type Places, record, type Step } from "../kernels/gpu/steps.ts";
import { TraceRecorder } from "../kernels/gpu/trace.ts";
import { tuningRevision } from "../kernels/matmul/tuning.ts";
import { emptyInputs } from "./form.ts";
import { Block, type Forward, type Gradients, type Inputs, type Variant, weightDtypeOf } from "./variant.ts";
import { formName, formOf, namedWeights } from "./weights.ts";

/** What a variant records for one kind of block, noted once. Its tensors stand for those of a run. */
interface Trace {
  readonly inputs: Inputs;
  readonly dy: Tensor;
  readonly forward: { readonly steps: readonly Step[]; readonly outputs: Forward };
  /** Null unless training. */
  readonly backward: { readonly steps: readonly Step[]; readonly outputs: Gradients } | null;
}

/** Traces kept for each device. More are not needed, as a model has few shapes. */
const MOST_TRACES = 256;

/**
 * Wraps a variant so that blocks are recorded from notes. The first block of a kind on a device runs the variant's own code
 * and notes its steps. Later ones repeat the steps with other tensors. (Choosing kernels, tiles and places each time took
 * two thirds of the time of recording a block.)
 *
 * A block that is recorded straight into a plan, as `explain` does, runs the variant's own code and leaves no notes.
 */
export function traced(variant: Variant): Variant {
  const { inChunks } = variant;
  const ofDevices = new WeakMap<Capabilities, Map<string, Trace>>();
  const traceOf = (block: Block, training: boolean): Trace => {
    const { capabilities } = block.recorder;
    const traces = ofDevices.get(capabilities) ?? new Map<string, Trace>();
    ofDevices.set(capabilities, traces);
    const key = keyOf(block, training);
    const known = traces.get(key);
    if (known) return known;
    const trace = traceBlock(variant, block, training);
    if (traces.size >= MOST_TRACES) traces.clear();
    traces.set(key, trace);
    return trace;
  };
  return {
    ...variant,
    forward: (block, training) => {
      if (isPlanned(block)) return variant.forward(block, training);
      const { inputs, forward: { steps, outputs } } = traceOf(block, training);
      const places = placesOf(inputs, block.inputs);
      record(block.recorder, steps, places, valuesOf(block));
      return { y: places.get(outputs.y)!, saved: inPlace(outputs.saved, places) };
    },
    backward: (block, saved, dy) => {
      if (isPlanned(block)) return variant.backward(block, saved, dy);
      const { inputs, forward, backward, ...trace } = traceOf(block, true);
      const places = placesOf(inputs, block.inputs).set(trace.dy, dy);
      put(places, forward.outputs.saved, saved);
      record(block.recorder, backward!.steps, places, valuesOf(block));
      return inPlace(backward!.outputs, places);
    },
    ...inChunks && { inChunks: (tokens: number) => inChunks(tokens).map(traced) },
  };
}

/** True for a block that is recorded straight into a plan. */
const isPlanned = ({ recorder }: Block) => recorder instanceof PlanRecorder;

/** The values of the activation's parameters: blocks of one kind may differ in them. */
const valuesOf = ({ activation }: Block) => parametersOf(activation).map(([_, value]) => value);

/** Names a kind of block: everything that its launches depend on, besides the variant and the device. */
function keyOf({ problem, inputs: { weights } }: Block, training: boolean): string {
  const { tokens, dim, hiddenDim, dtype, precision, activation } = problem;
  const weightDtype = weightDtypeOf(problem);
  const sizes = [tokens, dim, hiddenDim, dtype, weightDtype, precision, activationKey(activation)];
  return [...sizes, formName(formOf(weights)), training, tuningRevision()].join("|");
}

function traceBlock(variant: Variant, { recorder, problem, inputs }: Block, training: boolean): Trace {
  const tracer = new TraceRecorder(recorder.capabilities);
  const { dy, ...given } = emptyInputs(tracer.memory, problem, formOf(inputs.weights));
  const block = new Block(tracer, problem, given);
  const outputs = variant.forward(block, training);
  const forward = { steps: tracer.take(), outputs };
  if (!training) return { inputs: given, dy, forward, backward: null };
  const gradients = variant.backward(block, outputs.saved, dy);
  return { inputs: given, dy, forward, backward: { steps: tracer.take(), outputs: gradients } };
}

function placesOf(traced: Inputs, given: Inputs): Places {
  const places: Places = new Map([[traced.x, given.x]]);
  put(places, namedWeights(traced.weights), namedWeights(given.weights));
  return places;
}

type Named = Readonly<Record<string, Tensor>>;

function put(places: Places, traced: Named, given: Named): void {
  for (const [name, tensor] of Object.entries(traced)) places.set(tensor, given[name]);
}

/** The tensors of a run, under the names of those that stand for them. */
function inPlace<T extends Named>(traced: T, places: Places): T {
  return Object.fromEntries(Object.entries(traced).map(([name, tensor]) => [name, places.get(tensor)])) as T;
}
