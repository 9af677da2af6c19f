import { activationKey, parametersOf } from "../kernels/activation.ts";
import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import { PlanRecorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { pruned } from "../kernels/gpu/prune.ts";
import { type Places, record, type Step } from "../kernels/gpu/steps.ts";
import { TraceRecorder } from "../kernels/gpu/trace.ts";
import { tuningRevision } from "../kernels/matmul/tuning.ts";
import { emptyInputs, emptyTargets } from "./form.ts";
import { Block, type Forward, type Gradients, type Inputs, type Variant, weightDtypeOf } from "./variant.ts";
import { type Asked, askedKey, type GradientName, wants } from "./gradients.ts";
import { formName, namedWeights } from "./weights.ts";

/** What a variant records for one kind of block, noted once. Its tensors stand for those of a run. */
interface Trace {
  readonly inputs: Inputs;
  readonly dy: Tensor;
  readonly asked: Asked;
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
 * Where not all gradients are asked for, launches and tensors that only others need are left out of the notes: no variant
 * has code for that.
 *
 * A block that is recorded straight into a plan, as `explain` does, runs the variant's own code and leaves no notes, if all
 * gradients are asked for.
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
      const { forward: { steps, outputs }, ...trace } = traceOf(block, training);
      const places = placesOf(trace, block);
      put(places, { y: outputs.y }, block.destinations);
      record(block.recorder, steps, places, valuesOf(block));
      return { y: places.get(outputs.y)!, saved: inPlace(outputs.saved, places) };
    },
    backward: (block, saved, dy) => {
      if (isPlanned(block)) return variant.backward(block, saved, dy);
      const { forward, backward, ...trace } = traceOf(block, true);
      const places = placesOf(trace, block).set(trace.dy, dy);
      put(places, forward.outputs.saved, saved);
      put(places, backward!.outputs, block.destinations);
      record(block.recorder, backward!.steps, places, valuesOf(block));
      return inPlace(backward!.outputs, places);
    },
    ...inChunks && { inChunks: (tokens: number) => inChunks(tokens).map(traced) },
  };
}

/** True for a block that is recorded straight into a plan, with nothing left out and nothing written elsewhere. */
const isPlanned = ({ recorder, asked, destinations }: Block) =>
  recorder instanceof PlanRecorder && !asked.wanted && Object.keys(destinations).length === 0;

/** The values of the activation's parameters: blocks of one kind may differ in them. */
const valuesOf = ({ activation }: Block) => parametersOf(activation).map(([_, value]) => value);

/** Names a kind of block: everything that its launches depend on, besides the variant and the device. */
function keyOf({ problem, form, asked }: Block, training: boolean): string {
  const { tokens, dim, hiddenDim, dtype, precision, activation } = problem;
  const sizes = [tokens, dim, hiddenDim, dtype, weightDtypeOf(problem), precision, activationKey(activation)];
  const kind = training ? `training: ${askedKey(asked)}` : "inference";
  return [...sizes, formName(form), kind, tuningRevision()].join("|");
}

function traceBlock(variant: Variant, { recorder, problem, form, asked }: Block, training: boolean): Trace {
  const tracer = new TraceRecorder(recorder.capabilities);
  const { dy, ...inputs } = emptyInputs(tracer.memory, problem, form, variant);
  const tracedAsked = { ...asked, into: emptyTargets(tracer.memory, asked.into ?? {}) };
  const block = new Block(tracer, problem, inputs, tracedAsked);
  const outputs = variant.forward(block, training);
  const forward = { steps: tracer.take(), outputs };
  const given = { inputs, dy, asked: tracedAsked };
  if (!training) return { ...given, forward, backward: null };
  const gradients = variant.backward(block, outputs.saved, dy);
  const whole = { ...given, forward, backward: { steps: tracer.take(), outputs: gradients } };
  return asked.wanted ? withoutUnwanted(whole) : whole;
}

/** A trace without what only unwanted gradients need: launches, tensors, and what forward saves. */
function withoutUnwanted(trace: Trace): Trace {
  const { asked, forward, backward } = trace;
  const gradients = Object.entries(backward!.outputs) as [GradientName, Tensor][];
  const wanted = gradients.filter(([name]) => wants(asked, name));
  const { steps, used } = pruned(backward!.steps, wanted.map(([_, tensor]) => tensor));
  const saved = Object.entries(forward.outputs.saved);
  const dropped = saved.filter(([_, tensor]) => !used.has(tensor));
  // A launch that computes a wanted gradient together with another one needs a place for that too.
  const others = gradients.filter(([name, tensor]) => !wants(asked, name) && used.has(tensor));
  return {
    ...trace,
    forward: {
      steps: [...forward.steps, ...dropped.map(([_, release]) => ({ release }))],
      outputs: {
        ...forward.outputs,
        saved: Object.fromEntries(saved.filter(([_, tensor]) => used.has(tensor))),
      },
    },
    backward: {
      steps: [...steps, ...others.map(([_, release]) => ({ release }))],
      outputs: Object.fromEntries(wanted) as unknown as Gradients,
    },
  };
}

function placesOf({ inputs, asked }: Pick<Trace, "inputs" | "asked">, block: Block): Places {
  const places: Places = new Map([[inputs.x, block.inputs.x]]);
  put(places, namedWeights(inputs.weights), namedWeights(block.inputs.weights));
  put(places, asked.into ?? {}, block.asked.into ?? {});
  return places;
}

type Named = Readonly<Record<string, Tensor>>;

/** Gives tensors of a trace the places of those with the same names, where there are any. */
function put(places: Places, traced: Named, given: Partial<Named>): void {
  for (const [name, tensor] of Object.entries(traced)) if (given[name]) places.set(tensor, given[name]);
}

/** The tensors of a run, under the names of those that stand for them. */
function inPlace<T extends Named>(traced: T, places: Places): T {
  return Object.fromEntries(Object.entries(traced).map(([name, tensor]) => [name, places.get(tensor)])) as T;
}
