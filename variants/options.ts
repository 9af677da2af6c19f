import type { Activation } from "../kernels/activation.ts";
import type { Precision } from "../kernels/matmul/config.ts";

/** Options of `swiglu` and `swigluWithGrad`. */
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
