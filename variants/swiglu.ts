import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { prepared } from "./explain.ts";
import { type Run, runBackward, runForward } from "./form.ts";
import type { Options, Recording } from "./options.ts";
import { recorded } from "./recorded.ts";
import { checkDtype, checkShape, checkTensor, checkWritten } from "./checks.ts";
import { checkEncoder, problemOf } from "./validate.ts";
import { type Gradients, release, type Weights } from "./variant.ts";

/** What {@linkcode swigluWithGrad} gives. */
export interface WithGradients<W extends Weights = Weights> {
  /** [..., D]; the caller's to dispose. */
  readonly y: Tensor;
  /**
   * Gradients of a loss from dy, its gradient by y. Once only: it consumes what forward saved.
   *
   * @throws {TypeError} If it was called before, the result is disposed, or dy does not fit y.
   */
  backward(dy: Tensor, recording?: Recording): Gradients<W>;
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
export function swiglu(gpu: Gpu, x: Tensor, weights: Weights, options: Options & Recording = {}): Tensor {
  const { choice, problem } = prepared({ gpu, x, weights, options }, { training: false });
  const { variant } = choice;
  return recorded(gpu, checkEncoder(options), (recorder) => {
    const { y } = runForward({ recorder, variant, problem, inputs: { x, weights } }, false);
    return y.reshape(x.shape);
  });
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
export function swigluWithGrad<W extends Weights>(
  gpu: Gpu,
  x: Tensor,
  weights: W,
  options: Options & Recording = {},
): WithGradients<W> {
  const { choice, problem } = prepared({ gpu, x, weights, options }, { training: true });
  const run: Omit<Run, "recorder"> = { variant: choice.variant, problem, inputs: { x, weights } };
  const { y, saved: kept } = recorded(gpu, checkEncoder(options), (recorder) => {
    const { y, saved } = runForward({ ...run, recorder }, true);
    return { y: y.reshape(x.shape), saved };
  });
  let saved: Record<string, Tensor> | null = kept;
  const dispose = () => {
    release(...Object.values(saved ?? {}));
    saved = null;
  };
  const backward = (dy: Tensor, recording: Recording = {}) => {
    if (saved === null) {
      throw new TypeError(
        "Cannot go backward as what forward saved must be there: current value is used or disposed",
      );
    }
    checkTensor(gpu, dy, "dy");
    checkShape(dy, "dy", x.shape);
    checkDtype(dy, "dy", x.dtype);
    problemOf({ gpu, x, weights, options });
    const encoder = checkEncoder(recording);
    checkWritten(gpu, Object.values(saved), encoder);
    try {
      return recorded(gpu, encoder, (recorder) => {
        const gradients = runBackward({ ...run, recorder }, saved!, dy);
        gradients.dx.reshape(x.shape);
        return gradients as unknown as Gradients<W>; // in the form of the weights, which are W
      });
    } finally {
      dispose();
    }
  };
  return { y, backward, dispose, [Symbol.dispose]: dispose };
}
