import { elementwise } from "../kernels/elementwise.ts";
import { bytesPerElement } from "../kernels/gpu/dtype.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { oneRow, type View } from "../kernels/view.ts";
import { runBackward, runForward } from "./form.ts";
import { type Asked, type GradientName, gradientNames, inputOf, wants } from "./gradients.ts";
import {
  type Forward,
  gradientDtype,
  type Gradients,
  type Inputs,
  type Problem,
  release,
  type Variant,
} from "./variant.ts";
import { formOf, namedWeights, weightShapes, weightsOf } from "./weights.ts";

/**
 * A mixture of experts: a block of its own for the tokens of each expert.
 *
 * The tokens of an expert are rows of x that follow each other, and its weights are a part of each weight. So its block reads
 * and writes parts of the tensors of all experts, without copies.
 *
 * Launches: those of a block, for each expert in turn. An expert without tokens has none but zeros for its gradients.
 * Bottleneck: experts of few tokens, whose launches do not fill a GPU, and whose weights are read for little work.
 */
export interface ExpertsRun {
  /** Of all tokens together. */
  readonly problem: Problem;
  /** x [T, D], sorted by expert, and weights with a first dimension of E. */
  readonly inputs: Inputs;
  /** The number of tokens of each expert. They add up to T. */
  readonly tokensPerExpert: readonly number[];
  /** What is asked of backward. Default: all gradients. */
  readonly asked?: Asked;
  /** The variant of an expert with so many tokens. */
  variantOf(tokens: number): Variant;
}

/** Records forward of all experts. What each saves is named after it. */
export function expertsForward(recorder: Recorder, run: ExpertsRun, training: boolean): Forward {
  const { tokens, dim, dtype } = run.problem;
  const y = recorder.empty([tokens, dim], dtype, { purpose: "output", label: "y" });
  const saved: Record<string, Tensor> = {};
  for (const { prefix, parts, block } of expertsOf(recorder, run)) {
    const own = runForward({ ...block, destinations: { y: parts.written(y, "tokens") } }, training);
    for (const [name, tensor] of Object.entries(own.saved)) saved[prefix + name] = tensor;
    parts.finish();
  }
  return { y, saved };
}

/** Records backward of all experts. It disposes what forward saved. */
export function expertsBackward(
  recorder: Recorder,
  run: ExpertsRun,
  { saved, dy }: { saved: Forward["saved"]; dy: Tensor },
): Gradients {
  const { asked = {} } = run;
  const { into = {} } = asked;
  const gradients = gradientsOf(recorder, run);
  const names = Object.keys(gradients) as GradientName[];
  for (const { prefix, parts, block } of expertsOf(recorder, run)) {
    const targets: Partial<Record<GradientName, Tensor>> = {};
    const destinations: Partial<Record<GradientName, Tensor>> = {};
    for (const name of names) {
      const by = name === "dx" ? "tokens" : "weights";
      if (into[name]) targets[name] = parts.added(into[name], by);
      else destinations[name] = parts.written(gradients[name]!, by);
    }
    const own = Object.entries(saved).filter(([name]) => name.startsWith(prefix));
    const savedHere = Object.fromEntries(own.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    const ofExpert = { ...block, asked: { ...asked, into: targets }, destinations };
    runBackward(ofExpert, savedHere, parts.read(dy, "tokens"));
    parts.finish();
  }
  return gradients as Gradients;
}

/** The gradients that are wanted, of all experts: new ones, or the caller's that they are added to. */
function gradientsOf(
  recorder: Recorder,
  { problem, inputs: { weights }, tokensPerExpert, asked = {} }: ExpertsRun,
): Partial<Record<GradientName, Tensor>> {
  const form = formOf(weights);
  const shapes = weightShapes(form, problem);
  const experts = tokensPerExpert.length;
  const wanted = gradientNames(form).filter((name) => wants(asked, name));
  return Object.fromEntries(wanted.map((name) => {
    const shape = name === "dx" ? [problem.tokens, problem.dim] : [experts, ...shapes[inputOf(name)]];
    const made = () =>
      recorder.empty(shape, gradientDtype(name, problem), { purpose: "gradient", label: name });
    return [name, asked.into?.[name] ?? made()];
  }));
}

/** The block of each expert, whose inputs are parts of those of all. */
function* expertsOf(recorder: Recorder, { problem, inputs: { x, weights }, ...run }: ExpertsRun) {
  const form = formOf(weights);
  let start = 0;
  for (const [expert, tokens] of run.tokensPerExpert.entries()) {
    const parts = new Parts(recorder, { expert, start, tokens, dim: problem.dim });
    const own = Object.entries(namedWeights(weights)).map(([name, tensor]) =>
      [name, parts.read(tensor, "weights")] as const
    );
    const inputs = { x: parts.read(x, "tokens"), weights: weightsOf(form, Object.fromEntries(own)) };
    const variant = run.variantOf(tokens);
    yield {
      prefix: `expert ${expert}: `,
      parts,
      block: { recorder, variant, problem: { ...problem, tokens }, inputs },
    };
    start += tokens;
  }
}

/** What a tensor of all experts has a part for each of: its rows are tokens, or its first dimension is the expert. */
type PartsOf = "tokens" | "weights";

/** Which expert it is, where its tokens begin, how many they are, and D. */
interface Expert extends Pick<Problem, "tokens" | "dim"> {
  readonly expert: number;
  readonly start: number;
}

/**
 * Parts of tensors that belong to one expert, as tensors of their own. Where a binding may begin at a part, that borrows its
 * bytes. Elsewhere it is a copy, which is copied back if it is written.
 */
class Parts {
  readonly #recorder: Recorder;
  readonly #expert: Expert;
  readonly #copies: { copy: Tensor; back: View | null }[] = [];

  constructor(recorder: Recorder, expert: Expert) {
    this.#recorder = recorder;
    this.#expert = expert;
  }

  /** A part that is only read. */
  read(tensor: Tensor, by: PartsOf): Tensor {
    return this.#part(tensor, by, { read: true, written: false });
  }

  /** A part of which every element is written. */
  written(tensor: Tensor, by: PartsOf): Tensor {
    return this.#part(tensor, by, { read: false, written: true });
  }

  /** A part that is added to. */
  added(tensor: Tensor, by: PartsOf): Tensor {
    return this.#part(tensor, by, { read: true, written: true });
  }

  /** Copies back what was written to copies, and releases them. */
  finish(): void {
    for (const { copy, back } of this.#copies) {
      if (back !== null) this.#copy(oneRow(copy), back);
      release(copy);
    }
  }

  #part(tensor: Tensor, by: PartsOf, use: { read: boolean; written: boolean }): Tensor {
    const { expert, start, tokens, dim } = this.#expert;
    const shape = by === "tokens" ? [tokens, dim] : tensor.shape.slice(1);
    const length = shape.reduce((product, size) => product * size, 1);
    const offset = by === "tokens" ? start * dim : expert * length;
    const byteOffset = offset * bytesPerElement(tensor.dtype);
    const bindable = byteOffset % this.#recorder.capabilities.minStorageBufferOffsetAlignment === 0;
    if (bindable || length === 0) return tensor.part(shape, byteOffset);
    const label = `${tensor.label} of expert ${expert}`;
    const copy = this.#recorder.empty(shape, tensor.dtype, { purpose: "workspace", label });
    const original = { ...oneRow(tensor), offset, cols: length, stride: length };
    if (use.read) this.#copy(original, oneRow(copy));
    this.#copies.push({ copy, back: use.written ? original : null });
    return copy;
  }

  #copy(from: View, to: View): void {
    elementwise(this.#recorder, {
      label: `copy of ${to.tensor.label}`,
      inputs: { from },
      outputs: [{ to, value: "from" }],
    });
  }
}
