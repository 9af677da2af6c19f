import type { Activation } from "../kernels/activation.ts";
import type { Precision } from "../kernels/matmul/config.ts";

/** How a block is computed. */
export interface Options {
  /** The activation of the gate; silu makes it SwiGLU. Default: "silu". */
  readonly activation?: Activation;
  /** What products are added up in. Default: "default", float32 throughout. */
  readonly precision?: Precision;
  /** A variant's id, which then must be able to run; null takes the best that can. Default: null. */
  readonly implementation?: string | null;
  /** Bytes at most beyond x, weights and dy: y, saved, workspace and gradients. Default: no limit. */
  readonly memoryBudget?: number | null;
}

/** Where a call's work goes. */
export interface Recording {
  /**
   * A command encoder to record into, outside any pass. The caller finishes and submits it, and then tells
   * {@linkcode Gpu.submitted}. Default: one of the call's own, submitted at once.
   */
  readonly encoder?: GPUCommandEncoder;
}
