import type { Activation } from "../kernels/activation.ts";
import type { Precision } from "../kernels/matmul/config.ts";

/**
 * How a block is computed.
 *
 * @example GELU, exact sums, at most 1 GiB
 * ```ts
 * import type { Options } from "@swiglu/webgpu";
 *
 * const options: Options = { activation: "gelu_tanh", precision: "highest", memoryBudget: 2 ** 30 };
 * console.log(options.implementation ?? "tuned, or the first of its fallbacks that can run");
 * ```
 */
export interface Options {
  /** The activation of the gate; silu makes it SwiGLU. Default: "silu". */
  readonly activation?: Activation;
  /** How the sums of products are added up. Default: "default", float32 throughout. */
  readonly precision?: Precision;
  /**
   * A variant's id; that variant must be able to run. null: `tuned`, or one of its fallbacks if it cannot. Default:
   * null.
   */
  readonly implementation?: string | null;
  /** The most bytes beyond x, weights and dy: y, saved, workspace and gradients. Default: no limit. */
  readonly memoryBudget?: number | null;
}

/**
 * Where a call's work goes.
 *
 * @example Two blocks in one submit
 * ```ts
 * import { type Recording, requestGpu, swiglu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using x = Tensor.from(gpu, Float32Array.of(1, 2), [1, 2]);
 * using weight = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1), [2, 2]);
 * const weights = { gate: weight, up: weight, down: weight };
 * const recording: Recording = { encoder: gpu.device.createCommandEncoder() };
 * using first = swiglu(gpu, x, weights, recording);
 * using second = swiglu(gpu, first, weights, recording);
 * gpu.device.queue.submit([recording.encoder!.finish()]);
 * gpu.submitted(recording.encoder!);
 * console.log(await second.read());
 * ```
 */
export interface Recording {
  /**
   * A command encoder to record into, outside any pass. The caller finishes and submits it, and then calls
   * {@linkcode Gpu.submitted}. Until then the results cannot be read, and tensors that the work uses cannot be written.
   * Disposed tensors keep their bytes for it. Default: the call's own encoder, submitted at once.
   */
  readonly encoder?: GPUCommandEncoder;
}
