import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { choiceFor } from "./explain.ts";
import { recordForward } from "./experts.ts";
import type { Options, Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkWritten } from "./checks.ts";
import type { GradientOptions, GradientsBy, Wrt } from "./gradients.ts";
import {
  type Call,
  checkAsked,
  checkCall,
  checkInputs,
  namedInputs,
  OPTIONS,
  readOptions,
} from "./validate.ts";
import { recordTraining } from "./training.ts";
import type { Weights } from "./weights.ts";

/**
 * The result of {@linkcode swigluWithGrad}.
 *
 * @example Forward and backward as one submit of your own
 * ```ts
 * import { requestGpu, swigluWithGrad, Tensor, type WithGradients } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const ones = (...shape: number[]) =>
 *   Tensor.from(gpu, new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
 * const [x, gateUp, down] = [ones(2, 3), ones(3, 2, 4), ones(4, 3)];
 * const encoder = gpu.device.createCommandEncoder();
 * const block: WithGradients<{ gateUp: Tensor; down: Tensor }> = swigluWithGrad(gpu, x, { gateUp, down }, { encoder });
 * const { dx, dGateUp, dDown } = block.backward(x, { encoder });
 * gpu.device.queue.submit([encoder.finish()]);
 * gpu.submitted(encoder);
 * console.log(await block.y.read(), await dx.read());
 * for (const tensor of [x, gateUp, down, block.y, dx, dGateUp, dDown]) tensor.dispose();
 * ```
 */
export interface WithGradients<W extends Weights = Weights, K extends string = Wrt<W>> {
  /** [..., D]; the caller's to dispose. */
  readonly y: Tensor;
  /**
   * Computes the gradients of a loss from dy, the gradient of the loss by y. Call it once: it consumes what forward
   * saved.
   *
   * @throws {TypeError} If it was called before, the result is disposed, or dy does not fit y. Also if an encoder that
   * writes one of its inputs is not submitted yet. A call that is refused leaves what forward saved.
   */
  backward(dy: Tensor, recording?: Recording): GradientsBy<W, K>;
  /** Frees what forward saved, if backward will not be called. y stays. */
  dispose(): void;
  /** As {@linkcode WithGradients.dispose}, for `using`. */
  [Symbol.dispose](): void;
}

/**
 * y = (act(x W_gate) * (x W_up)) W_down, the SwiGLU block (https://arxiv.org/abs/2002.05202).
 *
 * @param x [..., D]; leading dimensions are merged into tokens.
 * @param weights gate and up [D, H], or one combined gateUp [D, 2, H]; down [H, D]. Those of PyTorch are [out, in]: say
 * `layout: "out,in"`, as square ones pass all checks otherwise and give wrong numbers.
 * @returns y [..., D], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 * @throws {NoImplementationError} If no implementation can run.
 *
 * @example Forward
 * ```ts
 * import { requestGpu, swiglu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [1, 2, 2]); // [batch, sequence, D]
 * using gate = Tensor.from(gpu, Float32Array.of(1, 0, 0, 0, 1, 0), [2, 3]);
 * using up = Tensor.from(gpu, Float32Array.of(0, 1, 0, 1, 0, 0), [2, 3]);
 * using down = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1, 0, 0), [3, 2]);
 * using y = swiglu(gpu, x, { gate, up, down });
 * console.log(y.shape, await y.read()); // [1, 2, 2]: silu(1) * 2, silu(2) * 1, silu(3) * 4, silu(4) * 3
 * ```
 */
export function swiglu(gpu: Gpu, x: Tensor, weights: Weights, options: Options & Recording = {}): Tensor {
  return computeBlocks({ gpu, x, weights, options });
}

/**
 * Computes y as {@linkcode swiglu} does, and keeps what the gradients need. By the chain rule they are dx = dg W_gate^T
 * + du W_up^T, dW_gate = x^T dg, dW_up = x^T du and dW_down = h^T dy, where dh = dy W_down^T, dg = dh u act'(g) and du
 * = dh act(g) (forward: https://arxiv.org/abs/2002.05202).
 *
 * @param x [..., D]; leading dimensions are merged into tokens.
 * @param weights gate and up [D, H], or one combined gateUp [D, 2, H]; down [H, D]. Those of PyTorch are [out, in]: say
 * `layout: "out,in"`, as square ones pass all checks otherwise and give wrong numbers. x and the weights must hold the same
 * numbers until backward is called.
 * @param options As of {@linkcode swiglu}; `wrt` and `into` say which gradients are computed, and where they are added.
 * @returns y [..., D], the caller's to dispose, and `backward`, once, from dy [..., D].
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 * @throws {NoImplementationError} If no implementation can run.
 *
 * @example 200 steps of gradient descent towards what other weights give
 * ```ts
 * import { requestGpu, swiglu, swigluWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const [T, D, H] = [8, 4, 12];
 * const random = (...shape: number[]) => {
 *   const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
 *   return { values, tensor: Tensor.from(gpu, values, shape) };
 * };
 * const [x, ...rest] = [random(T, D), random(D, H), random(D, H), random(H, D)].map(({ tensor }) => tensor);
 * using goal = swiglu(gpu, x, { gate: rest[0], up: rest[1], down: rest[2] });
 * const target = await goal.read();
 *
 * const host = { gate: random(D, H), up: random(D, H), down: random(H, D) };
 * const [gate, up, down] = [host.gate.tensor, host.up.tensor, host.down.tensor];
 * const losses: number[] = [];
 * for (let step = 0; step < 200; step++) {
 *   const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down });
 *   const difference = (await y.read()).map((value, i) => value - target[i]);
 *   losses.push(difference.reduce((sum, value) => sum + value * value / 2, 0));
 *   using dy = Tensor.from(gpu, difference, [T, D]);
 *   const { dx, dGate, dUp, dDown } = backward(dy);
 *   for (const [parameter, gradient] of [[host.gate, dGate], [host.up, dUp], [host.down, dDown]] as const) {
 *     const slope = await gradient.read();
 *     parameter.values.forEach((_, i) => parameter.values[i] -= 0.1 * slope[i]);
 *     parameter.tensor.write(parameter.values);
 *   }
 *   for (const tensor of [y, dx, dGate, dUp, dDown]) tensor.dispose();
 * }
 * console.log(`loss ${losses[0]} to ${losses[199]}`);
 * if (losses[199] >= losses[0]) throw new Error("the loss did not fall");
 * for (const tensor of [x, ...rest, gate, up, down]) tensor.dispose();
 * ```
 */
export function swigluWithGrad<W extends Weights, K extends Wrt<W> = Wrt<W>>(
  gpu: Gpu,
  x: Tensor,
  weights: W,
  options: Options & Recording & GradientOptions<K> = {},
): WithGradients<W, K> {
  return computeWithGrad<W, K>({ gpu, x, weights, options });
}

/** y of one block, or of the blocks of experts. */
export function computeBlocks(given: Call): Tensor {
  const { gpu } = given;
  const call = checkCall(given);
  const { problem, inputs, tokensPerExpert, settings: { encoder } } = call;
  const { x } = inputs;
  const { variant } = choiceFor(gpu, call, { training: false });
  checkWritten(gpu, namedInputs(inputs), encoder);
  return recordedAndGuarded(gpu, encoder, (recorder) => {
    const { y } = recordForward({ recorder, variant, problem, inputs, tokensPerExpert }, false);
    return y.reshape(x.shape);
  });
}

/** y of one block, or of the blocks of experts, with what its gradients need. */
export function computeWithGrad<W extends Weights, K extends Wrt<W>>(
  { options, ...given }: Call & { readonly options: GradientOptions<K> },
): WithGradients<W, K> {
  const { gpu } = given;
  const { wrt, into, ...rest } = readOptions(options, [...OPTIONS, "encoder", "wrt", "into"]);
  const call = checkCall({ ...given, options: rest as Options & Recording });
  const { problem, inputs, tokensPerExpert, settings: { encoder } } = call;
  const named = namedInputs(inputs);
  const asked = checkAsked(gpu, { wrt, into }, { problem, inputs, named, output: "y" });
  const { variant } = choiceFor(gpu, call, { training: true, asked });
  const { output: y, backward, dispose } = recordTraining(gpu, {
    run: { variant, problem, inputs, asked, tokensPerExpert },
    encoder,
    slope: "dy",
    shape: [...inputs.x.shape],
    inputs: named,
    check: () => void checkInputs(gpu, inputs, tokensPerExpert),
  });
  const ofW = backward as unknown as WithGradients<W, K>["backward"]; // in the form of the weights, which are W
  return { y, backward: ofW, dispose, [Symbol.dispose]: dispose };
}
