import { elementwise } from "../kernels/elementwise.ts";
import { bytesPerElement } from "../kernels/gpu/dtype.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { columnRange, oneRow, type View } from "../kernels/view.ts";
import { runBackward, runForward, type VariantRun } from "./form.ts";
import { type GradientName, gradientNames, inputOf, wants } from "./gradients.ts";
import { type Forward, gradientDtype, type Gradients, release } from "./variant.ts";
import { formOf, namedWeights, weightShapes, weightsOf } from "./weights.ts";

/** A variant's run for one block, or for the blocks of a mixture of experts. */
export interface Run extends VariantRun {
  /** The number of tokens of each expert, which add up to T. Default: all tokens have the same weights. */
  readonly tokensPerExpert?: readonly number[];
}

/** Records forward, of experts one after another. */
export function recordForward({ tokensPerExpert, ...run }: Run, training: boolean): Forward {
  return tokensPerExpert ? expertsForward({ ...run, tokensPerExpert }, training) : runForward(run, training);
}

/** Records backward, of experts one after another. It disposes what forward saved. */
export function recordBackward(
  { tokensPerExpert, ...run }: Run,
  saved: Forward["saved"],
  slope: Tensor,
): Gradients {
  return tokensPerExpert
    ? expertsBackward({ ...run, tokensPerExpert }, saved, slope)
    : runBackward(run, saved, slope);
}

/**
 * A mixture of experts: a block of its own for the tokens of each expert.
 *
 * The tokens of an expert are rows of x that follow each other, and its weights are a part of each weight. So its block reads
 * and writes parts of the tensors of all experts. Parts where no binding can begin are copied.
 *
 * Launches: those of a block, for each expert in turn. An expert without tokens has only those that set new gradients to 0.
 * Bottleneck: experts of few tokens, whose launches do not fill a GPU, and whose weights are read for little work.
 */
type ExpertsRun = Run & { readonly tokensPerExpert: readonly number[] };

type Targets = Partial<Record<GradientName, Tensor>>;

/** What each expert saves is named after it. */
function expertsForward(run: ExpertsRun, training: boolean): Forward {
  const { recorder, problem: { tokens, dim, dtype }, asked = {} } = run;
  const y = recorder.empty([tokens, dim], dtype, { purpose: "output", label: "y" });
  const saved: Record<string, Tensor> = {};
  for (const { suffix, parts, block } of expertsOf(run)) {
    const into: Targets = {}; // not written yet: what is saved depends on which there are
    for (const [name, tensor] of targetsOf(run)) into[name] = parts.standIn(tensor, inputOf(name));
    const destinations = { y: parts.written(y, "x") };
    const own = runForward({ ...block, asked: { ...asked, into }, destinations }, training);
    for (const [name, tensor] of Object.entries(own.saved)) saved[name + suffix] = tensor;
    parts.finish();
  }
  return { y, saved };
}

function expertsBackward(run: ExpertsRun, saved: Forward["saved"], dy: Tensor): Gradients {
  const { asked = {} } = run;
  const targets = targetsOf(run);
  const made = newGradients(run);
  for (const { suffix, parts, block } of expertsOf(run)) {
    const into: Targets = {}, destinations: Targets = {};
    for (const [name, tensor] of targets) into[name] = parts.added(tensor, inputOf(name));
    for (const [name, tensor] of made) destinations[name] = parts.written(tensor, inputOf(name));
    const own = Object.entries(saved).filter(([name]) => name.endsWith(suffix));
    const savedHere = Object.fromEntries(
      own.map(([name, tensor]) => [name.slice(0, -suffix.length), tensor]),
    );
    const ofExpert = { ...block, asked: { ...asked, into }, destinations };
    runBackward(ofExpert, savedHere, parts.read(dy, "x"));
    parts.finish();
  }
  return Object.fromEntries([...made, ...targets]) as unknown as Gradients;
}

/** The caller's tensors that gradients are added to. */
function targetsOf({ asked: { into = {} } = {} }: ExpertsRun): [GradientName, Tensor][] {
  return Object.entries(into) as [GradientName, Tensor][];
}

/** The gradients that are wanted and added to nothing, of all experts. */
function newGradients({ recorder, problem, inputs: { weights }, asked = {}, ...run }: ExpertsRun) {
  const form = formOf(weights);
  const shapes: Record<string, number[]> = {
    x: [problem.tokens, problem.dim],
    ...weightShapes(form, { ...problem, experts: run.tokensPerExpert.length }),
  };
  const names = gradientNames(form).filter((name) => wants(asked, name) && !asked.into?.[name]);
  return names.map((name) => {
    const as = { purpose: "gradient", label: name } as const;
    return [name, recorder.empty(shapes[inputOf(name)], gradientDtype(name, problem), as)] as const;
  });
}

/** The block of each expert, whose inputs are parts of those of all. */
function* expertsOf({ recorder, variant, problem, inputs: { x, weights }, tokensPerExpert }: ExpertsRun) {
  const form = formOf(weights);
  const shapesOfWeights = weightShapes(form, problem);
  let start = 0;
  for (const [expert, tokens] of tokensPerExpert.entries()) {
    const shapes = { x: [tokens, problem.dim], ...shapesOfWeights };
    const parts = new Parts(recorder, { expert, start, tokens, shapes });
    const own = Object.entries(namedWeights(weights)).map(([name, tensor]) =>
      [name, parts.read(tensor, name)] as const
    );
    const inputs = { x: parts.read(x, "x"), weights: weightsOf(form, Object.fromEntries(own)) };
    const block = { recorder, variant, problem: { ...problem, tokens }, inputs };
    yield { suffix: ` of expert ${expert}`, parts, block };
    start += tokens;
  }
}

/** An expert, its `tokens` from the token `start` on, and the shapes of its inputs by name. */
interface Place {
  readonly expert: number;
  readonly start: number;
  readonly tokens: number;
  readonly shapes: Readonly<Record<string, number[]>>;
}

/**
 * Parts of tensors that belong to one expert, as tensors of their own. They are named by the input of the same shape. Where a
 * binding may begin at a part, that borrows its bytes. Elsewhere it is a copy, which is copied back if it is written.
 */
class Parts {
  readonly #recorder: Recorder;
  readonly #place: Place;
  readonly #copies: { copy: Tensor; back: View | null }[] = [];

  constructor(recorder: Recorder, place: Place) {
    this.#recorder = recorder;
    this.#place = place;
  }

  /** A part that is only read. Without tokens, nothing is. */
  read(tensor: Tensor, of: string): Tensor {
    return this.#isEmpty
      ? this.standIn(tensor, of)
      : this.#part(tensor, of, { copyIn: true, copyBack: false });
  }

  /** A part of which every element is written. */
  written(tensor: Tensor, of: string): Tensor {
    return this.#part(tensor, of, { copyIn: false, copyBack: true });
  }

  /** A part that is added to. Without tokens, nothing is. */
  added(tensor: Tensor, of: string): Tensor {
    return this.#isEmpty
      ? this.standIn(tensor, of)
      : this.#part(tensor, of, { copyIn: true, copyBack: true });
  }

  /** A tensor of the part's shape, which no launch uses. */
  standIn(tensor: Tensor, of: string): Tensor {
    return tensor.part(this.#place.shapes[of], 0);
  }

  /** Copies back what was written to copies, and releases them. */
  finish(): void {
    for (const { copy, back } of this.#copies) {
      if (back !== null) this.#copy(oneRow(copy), back);
      release(copy);
    }
  }

  get #isEmpty(): boolean {
    return this.#place.tokens === 0;
  }

  #part(tensor: Tensor, of: string, { copyIn, copyBack }: { copyIn: boolean; copyBack: boolean }): Tensor {
    const { expert, start, shapes: { [of]: shape } } = this.#place;
    const length = shape.reduce((product, size) => product * size, 1);
    const offset = of === "x" ? start * shape[1] : expert * length;
    const byteOffset = offset * bytesPerElement(tensor.dtype);
    const bindable = byteOffset % this.#recorder.capabilities.minStorageBufferOffsetAlignment === 0;
    if (bindable || length === 0) return tensor.part(shape, byteOffset);
    const label = `${tensor.label} of expert ${expert}`;
    const copy = this.#recorder.empty(shape, tensor.dtype, { purpose: "workspace", label });
    const original = columnRange(oneRow(tensor), offset, length);
    if (copyIn) this.#copy(original, oneRow(copy));
    this.#copies.push({ copy, back: copyBack ? original : null });
    return copy;
  }

  /** Copies in as many launches as bindings ask for: one need not hold a part with what lies before and behind it. */
  #copy(from: View, to: View): void {
    const { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = this.#recorder.capabilities;
    const room = maxStorageBufferBindingSize - Math.max(16, minStorageBufferOffsetAlignment) - 16;
    const most = Math.max(1, Math.floor(room / bytesPerElement(from.tensor.dtype)));
    for (let start = 0; start < from.cols; start += most) {
      const piece = (view: View) => columnRange(view, start, Math.min(most, from.cols - start));
      const outputs = [{ to: piece(to), value: "from" }];
      elementwise(this.#recorder, {
        label: `copy of ${to.tensor.label}`,
        inputs: { from: piece(from) },
        outputs,
      });
    }
  }
}
