import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { readTokensPerExpert, type TokensPerExpert } from "./check_experts.ts";
import type { GradientOptions, Wrt } from "./gradients.ts";
import type { Options, Recording } from "./options.ts";
import { computeBlocks, computeWithGrad, type WithGradients } from "./swiglu.ts";
import type { Weights } from "./weights.ts";

/**
 * The SwiGLU blocks of a mixture of experts (https://arxiv.org/abs/1701.06538): y_t = (act(x_t W_gate_e) * (x_t W_up_e))
 * W_down_e, where e is the expert of token t. Tokens are sorted by expert, as for ragged products.
 *
 * Each expert is a block of its own, in launches of its own, on its part of the tensors. A part is copied if no binding may begin
 * there: not at a multiple of the device's `minStorageBufferOffsetAlignment` bytes, 256 on most. Where D is a multiple of 128,
 * nothing is.
 *
 * @param x [..., D]; leading dimensions are merged into T tokens, those of expert 0 first.
 * @param weights As of {@linkcode swiglu}, in any form, each with a first dimension of E: gate and up [E, D, H], or one gateUp
 * [E, D, 2, H]; down [E, H, D].
 * @param tokensPerExpert E whole numbers, which add up to T; some may be 0. If a kernel counts them, read them first.
 * @returns y [..., D], the caller's to dispose.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 * @throws {NoImplementationError} If no implementation can run.
 *
 * @example Two experts: the first has one token, the second two
 * ```ts
 * import { requestGpu, swigluExperts, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3, 1]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 2), [2, 1, 1]); // 1 of the first expert, 2 of the second
 * using y = swigluExperts(gpu, x, { gate: weight, up: weight, down: weight }, [1, 2]);
 * console.log(await y.read()); // silu(1), 2 silu(4) 4, 2 silu(6) 6
 * ```
 */
export function swigluExperts(
  gpu: Gpu,
  x: Tensor,
  weights: Weights,
  tokensPerExpert: TokensPerExpert,
  options: Options & Recording = {},
): Tensor {
  const counts = readTokensPerExpert(tokensPerExpert);
  return computeBlocks({ gpu, x, weights, options, tokensPerExpert: counts });
}

/**
 * Computes y as {@linkcode swigluExperts} does, and keeps what the gradients need, as {@linkcode swigluWithGrad} does.
 * An expert without tokens has gradients of zeros.
 *
 * @param x As of {@linkcode swigluExperts}.
 * @param weights As of {@linkcode swigluExperts}. Their gradients have their shapes. x and the weights must hold the same
 * numbers until backward is called.
 * @param tokensPerExpert E whole numbers, which add up to T; some may be 0.
 * @param options As of {@linkcode swigluExperts}; `wrt` and `into` say which gradients are computed, and where they are added.
 * @returns y [..., D], the caller's to dispose, and `backward`, once, from dy [..., D].
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is allocated then.
 * @throws {NoImplementationError} If no implementation can run.
 *
 * @example The gradients of y.y / 2
 * ```ts
 * import { requestGpu, swigluExpertsWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3, 1]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 2), [2, 1, 1]);
 * const { y, backward } = swigluExpertsWithGrad(gpu, x, { gate: weight, up: weight, down: weight }, [3, 0]);
 * const { dx, dGate, dUp, dDown } = backward(y);
 * console.log(dGate.shape, await dGate.read()); // [2, 1, 1]: the second expert has no tokens, and its gradient is 0
 * for (const tensor of [y, dx, dGate, dUp, dDown]) tensor.dispose();
 * ```
 */
export function swigluExpertsWithGrad<W extends Weights, K extends Wrt<W> = Wrt<W>>(
  gpu: Gpu,
  x: Tensor,
  weights: W,
  tokensPerExpert: TokensPerExpert,
  options: Options & Recording & GradientOptions<K> = {},
): WithGradients<W, K> {
  const counts = readTokensPerExpert(tokensPerExpert);
  return computeWithGrad<W, K>({ gpu, x, weights, options, tokensPerExpert: counts });
}
