import type { Gpu } from "../kernels/gpu/device.ts";
import { GpuRecorder } from "../kernels/gpu/recorder.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matmul } from "../kernels/matmul/launch.ts";
import { halves, matrix } from "../kernels/view.ts";
import { runBackward, runForward } from "./form.ts";
import type { Options } from "./options.ts";
import { type Choice, choose, type Explanation, type Plan } from "./plan.ts";
import { checkShape, checkTensor, problemOf } from "./validate.ts";
import { type Gradients, type Problem, release, type Weights } from "./variant.ts";

/** What {@linkcode swigluWithGrad} gives. */
export interface WithGradients {
  /** [..., D]; the caller's to dispose. */
  readonly y: Tensor;
  /**
   * Gradients of a loss from dy, its gradient by y. Once only: it consumes what forward saved.
   *
   * @throws {TypeError} If it was called before, or the result is disposed.
   */
  backward(dy: Tensor): Gradients;
  /** Gives back what forward saved, where backward will not be called. y stays. */
  dispose(): void;
  /** As {@linkcode WithGradients.dispose}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * y = (act(x W_gate) * (x W_up)) W_down, the SwiGLU block (https://arxiv.org/abs/2002.05202).
 *
 * @param x [..., D]; leading dimensions are merged into tokens.
 * @param weights gate and up [D, H], or one combined gateUp [D, 2, H]; down [H, D].
 * @returns y [..., D], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 * @throws {NoImplementationError} If no implementation can run.
 */
export function swiglu(gpu: Gpu, x: Tensor, weights: Weights, options: Options = {}): Tensor {
  const { choice, problem } = prepared(gpu, { x, weights, options, training: false });
  const recorder = new GpuRecorder(gpu);
  const { y } = runForward({ recorder, variant: choice.variant, problem, inputs: { x, weights } }, false);
  recorder.submit();
  return y.reshape(x.shape);
}

/**
 * As {@linkcode swiglu}, and keeps what the gradients need.
 *
 * @example A step down the gradient
 * ```ts ignore
 * const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down });
 * const { dx, dGate, dUp, dDown } = backward(dy);
 * ```
 */
export function swigluWithGrad(gpu: Gpu, x: Tensor, weights: Weights, options: Options = {}): WithGradients {
  const { choice, problem } = prepared(gpu, { x, weights, options, training: true });
  const inputs = { x, weights };
  const recorder = new GpuRecorder(gpu);
  const forward = runForward({ recorder, variant: choice.variant, problem, inputs }, true);
  recorder.submit();
  let saved: Record<string, Tensor> | null = forward.saved;
  const dispose = () => {
    release(...Object.values(saved ?? {}));
    saved = null;
  };
  return {
    y: forward.y.reshape(x.shape),
    backward: (dy) => {
      if (saved === null) {
        throw new TypeError("Cannot go backward as what forward saved must be there: it is used or disposed");
      }
      checkTensor(gpu, dy, "dy");
      checkShape(dy, "dy", x.shape);
      if (dy.dtype !== x.dtype) {
        throw new TypeError(
          `Cannot use dy as its dtype must be x's, ${x.dtype}: current value is ${dy.dtype}`,
        );
      }
      problemOf({ gpu, x, weights, options });
      const recorder = new GpuRecorder(gpu);
      const gradients = runBackward({ recorder, variant: choice.variant, problem, inputs }, saved, dy);
      saved = null;
      recorder.submit();
      gradients.dx.reshape(x.shape);
      return gradients;
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/**
 * h = act(x W_gate) * (x W_up), the gated linear unit, by one kernel.
 *
 * @param x [..., D].
 * @param weight gate and up [D, H], or one combined [D, 2, H] tensor.
 * @returns h [..., H], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit.
 */
export function gatedLinearUnit(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor | { readonly gate: Tensor; readonly up: Tensor },
  { activation = "silu", precision = "default" }: Pick<Options, "activation" | "precision"> = {},
): Tensor {
  checkTensor(gpu, x, "x");
  const separate = !(weight instanceof Tensor);
  const parts = separate ? { "weight.gate": weight.gate, "weight.up": weight.up } : { weight };
  const hidden = (separate ? weight.gate : weight).columns;
  for (const [name, tensor] of Object.entries(parts)) {
    checkTensor(gpu, tensor, name);
    checkShape(tensor, name, separate ? [x.columns, hidden] : [x.columns, 2, hidden]);
  }
  const recorder = new GpuRecorder(gpu);
  const h = recorder.empty([...x.shape.slice(0, -1), hidden], x.dtype, { purpose: "output", label: "h" });
  const { gate, up } = separate ? { gate: matrix(weight.gate), up: matrix(weight.up) } : halves(weight);
  matmul(recorder, {
    label: "h",
    layout: "nn",
    a: [matrix(x)],
    b: [gate, up],
    out: [matrix(h)],
    columns: 2,
    epilogue: "gated",
    activation,
    precision,
  });
  recorder.submit();
  return h;
}

/** What {@linkcode explain} and {@linkcode plan} take beside the problem. */
export interface ExplainOptions extends Options {
  /** Whether backward follows. Default: true. */
  readonly training?: boolean;
  /** The form of the weights. Default: "separate". */
  readonly weightForm?: "separate" | "combined";
}

/**
 * Which implementation would run a problem on a device, with which tiles and how many bytes, and why each better one
 * would not. Nothing is allocated.
 *
 * @throws {NoImplementationError} If none can run.
 */
export function explain(
  gpu: Gpu,
  problem: Partial<Problem> & Sizes,
  options: ExplainOptions = {},
): Explanation {
  const { training = true, weightForm = "separate" } = options;
  const { activation = "silu", precision = "default" } = options;
  const whole = { dtype: "float32", activation, precision, ...problem } as const;
  return choose(whole, { capabilities: gpu.capabilities, training, weightForm, options }).explanation;
}

/**
 * The fastest way of computing a problem that fits `memoryBudget`, with its launches and the bytes it saves and
 * peaks at: {@linkcode explain} without what was passed over.
 *
 * @throws {NoImplementationError} If none fits; the message states the least bytes that would do.
 */
export function plan(gpu: Gpu, problem: Partial<Problem> & Sizes, options: ExplainOptions = {}): Plan {
  const { rejected: _, ...chosen } = explain(gpu, problem, options);
  return chosen;
}

/** Sizes of a problem: T, D, H. */
export interface Sizes {
  /** T, batch x sequence. */
  readonly tokens: number;
  /** D, model width. */
  readonly dim: number;
  /** H, hidden width. */
  readonly hiddenDim: number;
}

/** Choices kept for each device: a model has few shapes, and planning one takes about a millisecond. */
const MOST_CHOICES = 256;

const choices = new WeakMap<Gpu, Map<string, Choice>>();

function prepared(
  gpu: Gpu,
  { x, weights, options, training }: { x: Tensor; weights: Weights; options: Options; training: boolean },
): { choice: Choice; problem: Problem } {
  const problem = problemOf({ gpu, x, weights, options });
  const weightForm = "gateUp" in weights ? "combined" : "separate";
  const { implementation, memoryBudget } = options;
  const key = JSON.stringify([problem, implementation, memoryBudget, training, weightForm]);
  const known = choices.get(gpu) ?? new Map<string, Choice>();
  choices.set(gpu, known);
  const choice = known.get(key) ??
    choose(problem, { capabilities: gpu.capabilities, training, weightForm, options });
  if (known.size >= MOST_CHOICES) known.clear();
  known.set(key, choice);
  return { problem, choice };
}
