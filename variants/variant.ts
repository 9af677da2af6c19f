import type { Activation } from "../kernels/activation.ts";
import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Purpose } from "../kernels/gpu/ledger.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import type { Precision } from "../kernels/matmul/config.ts";
import { matmul } from "../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../kernels/matmul/request.ts";
import { columns, halves, matrix, type View } from "../kernels/view.ts";

export type { Precision };

/**
 * Sizes of a problem: T, D, H.
 *
 * @example A layer of Llama 3 8B
 * ```ts
 * import type { Sizes } from "../mod.ts";
 *
 * const llama: Sizes = { tokens: 8192, dim: 4096, hiddenDim: 14336 };
 * console.log(6 * llama.tokens * llama.dim * llama.hiddenDim, "FLOP forward");
 * ```
 */
export interface Sizes {
  /** T, batch x sequence. */
  readonly tokens: number;
  /** D, model width. */
  readonly dim: number;
  /** H, hidden width. */
  readonly hiddenDim: number;
}

/**
 * One SwiGLU block: y = (act(x W_gate) * (x W_up)) W_down.
 *
 * @example Only the sizes are needed
 * ```ts
 * import { explain, type Problem, requestGpu } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * const problem = { tokens: 16, dim: 32, hiddenDim: 96, dtype: "bfloat16" } satisfies Partial<Problem>;
 * console.log(explain(gpu, problem).savedBytes); // 2 T H elements of 2 bytes: g and u
 * ```
 */
export interface Problem extends Sizes {
  /** Storage type of all tensors. */
  readonly dtype: DType;
  /** The activation of the gate. */
  readonly activation: Activation;
  /** How the sums of products are added up. */
  readonly precision: Precision;
}

/**
 * Weights with gate and up as two tensors. Each weight is [in, out]: a row for each input.
 *
 * Checkpoints of PyTorch keep the transpose, [out, in]; transpose them first. Shapes cannot always tell: if D = H, a
 * square [out, in] weight passes all checks, and every result is wrong.
 *
 * @example The transpose of what a PyTorch module keeps
 * ```ts
 * import { requestGpu, type SeparateWeights, Tensor } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * const weights: SeparateWeights = {
 *   gate: Tensor.empty(gpu, [32, 96]),
 *   up: Tensor.empty(gpu, [32, 96]),
 *   down: Tensor.empty(gpu, [96, 32]),
 * };
 * for (const tensor of Object.values(weights)) tensor.dispose();
 * ```
 */
export interface SeparateWeights {
  /** W_gate, [D, H]. */
  readonly gate: Tensor;
  /** W_up, [D, H]. */
  readonly up: Tensor;
  /** W_down, [H, D]. */
  readonly down: Tensor;
}

/**
 * Weights with gate and up in one tensor, gate first: AlphaFold3's layout. Both are [in, out], a row for each input.
 *
 * Checkpoints of PyTorch keep the transpose, [out, in]; transpose them first. A shape cannot always tell: where D = H, a
 * square [out, in] down passes all checks, and every result is wrong.
 *
 * @example One tensor for gate and up
 * ```ts
 * import { type CombinedWeights, requestGpu, Tensor } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * const weights: CombinedWeights = { gateUp: Tensor.empty(gpu, [32, 2, 96]), down: Tensor.empty(gpu, [96, 32]) };
 * for (const tensor of Object.values(weights)) tensor.dispose();
 * ```
 */
export interface CombinedWeights {
  /** W_gate and W_up, [D, 2, H]. */
  readonly gateUp: Tensor;
  /** W_down, [H, D]. */
  readonly down: Tensor;
}

/**
 * The weights of a block, in either form.
 *
 * @example Either form will do
 * ```ts
 * import { swiglu, type Gpu, type Tensor, type Weights } from "../mod.ts";
 *
 * const twice = (gpu: Gpu, x: Tensor, weights: Weights) => {
 *   using first = swiglu(gpu, x, weights);
 *   return swiglu(gpu, first, weights);
 * };
 * console.log(twice.length);
 * ```
 */
export type Weights = SeparateWeights | CombinedWeights;

/** What a variant computes from. */
export interface Inputs {
  /** [T, D]. */
  readonly x: Tensor;
  /** Gate, up and down. */
  readonly weights: Weights;
}

/**
 * Gradients of a loss: dx [..., D], dDown [H, D], and those of gate and up in the form `W` of the weights. These are
 * dGate and dUp, [D, H] each, or dGateUp [D, 2, H], gate first. The caller disposes them.
 *
 * @example Gradients have the form of the weights
 * ```ts
 * import type { CombinedWeights, Gradients, SeparateWeights } from "../mod.ts";
 *
 * const separate = ({ dGate, dUp }: Gradients<SeparateWeights>) => [dGate, dUp];
 * const combined = ({ dGateUp }: Gradients<CombinedWeights>) => [dGateUp];
 * console.log(separate.length, combined.length);
 * ```
 */
export type Gradients<W extends Weights = Weights> =
  & { readonly dx: Tensor; readonly dDown: Tensor }
  & (W extends CombinedWeights ? { readonly dGateUp: Tensor }
    : { readonly dGate: Tensor; readonly dUp: Tensor });

/** What forward gives: y, and what it keeps for backward (nothing unless training). */
export interface Forward {
  /** [T, D]; the caller owns and disposes it. */
  readonly y: Tensor;
  /** Backward disposes these. It overwrites them first where the system that it reproduces does. */
  readonly saved: Readonly<Record<string, Tensor>>;
}

/**
 * The description of a variant.
 *
 * @example Those that need no copy of combined weights
 * ```ts
 * import { type VariantInfo, variants } from "../mod.ts";
 *
 * const direct = variants.filter(({ weightForm }: VariantInfo) => weightForm !== "separate");
 * console.log(direct.map(({ id }) => id));
 * ```
 */
export interface VariantInfo {
  /** Short name, as the command line takes it. */
  readonly id: string;
  /** The system that it reproduces. */
  readonly origin: string;
  /** What is special about it, in one line. */
  readonly idea: string;
  /** What it keeps for backward, besides x and the weights. */
  readonly saves: readonly string[];
  /** The form of gate and up that it takes without a copy. */
  readonly weightForm: "separate" | "combined" | "either";
  /** Why it cannot run a problem on a device, or null when it can. */
  refuses(problem: Problem, capabilities: Capabilities): string | null;
}

/**
 * One way of computing the block, forward and backward. What it records must depend only on the block and its recorder's
 * capabilities, because the registry notes it for one block of a kind and repeats it for all others (`traced.ts`).
 *
 * The headers of the variants count launches as if each product were one. `kernels/matmul/product_plan.ts` adds what a
 * device and a shape ask for: copies, slices of K, and their sums.
 */
export interface Variant extends VariantInfo {
  /** Tokens that are computed at a time. Default: all. */
  readonly chunkTokens?: number;
  /** The same variant in ever smaller chunks of tokens, which take ever less memory. Default: none. */
  inChunks?(tokens: number): Variant[];
  /** Records forward. With `training`, keeps what backward needs. */
  forward(block: Block, training: boolean): Forward;
  /** Records backward from dy [T, D]; `saved` is what forward kept, and is disposed. */
  backward(block: Block, saved: Forward["saved"], dy: Tensor): Gradients;
}

/** The name of a way of computing: the id of its variant, and the size of its chunks if there are any. */
export function wayName(id: string, chunkTokens: number | null = null): string {
  return chunkTokens === null ? id : `${id} in chunks of ${chunkTokens} tokens`;
}

/** What a variant's code works on: a problem, its inputs, and the recorder that takes the launches. */
export class Block {
  /** A block that records into `recorder`. */
  constructor(readonly recorder: Recorder, readonly problem: Problem, readonly inputs: Inputs) {}

  /** The activation of the gate. */
  get activation(): Activation {
    return this.problem.activation;
  }

  /** x as one [T, D] matrix. */
  get x(): View {
    const { tokens, dim } = this.problem;
    return { ...matrix(this.inputs.x), rows: tokens, cols: dim };
  }

  /** W_gate [D, H]. */
  get gate(): View {
    const { weights } = this.inputs;
    return "gate" in weights ? matrix(weights.gate) : halves(weights.gateUp).gate;
  }

  /** W_up [D, H]. */
  get up(): View {
    const { weights } = this.inputs;
    return "up" in weights ? matrix(weights.up) : halves(weights.gateUp).up;
  }

  /**
   * [W_gate | W_up] as one [D, 2H] matrix.
   *
   * @throws {TypeError} If the weights are separate.
   */
  get gateUp(): View {
    const { weights } = this.inputs;
    if (!("gateUp" in weights)) {
      throw new TypeError("Cannot read a combined weight as gate and up are separate");
    }
    return { ...columns(halves(weights.gateUp).gate, 0, 2 * this.problem.hiddenDim) };
  }

  /** W_down [H, D]. */
  get down(): View {
    return matrix(this.inputs.weights.down);
  }

  /** Records one product with the block's activation and precision. */
  matmul(request: MatmulRequest): void {
    const { activation, precision } = this.problem;
    matmul(this.recorder, { activation, precision, ...request });
  }

  /** A new [T, D] tensor. */
  tokensByDim(purpose: Purpose, label: string): Tensor {
    return this.#empty([this.problem.tokens, this.problem.dim], purpose, label);
  }

  /** A new [T, H] tensor. */
  tokensByHidden(purpose: Purpose, label: string): Tensor {
    return this.#empty([this.problem.tokens, this.problem.hiddenDim], purpose, label);
  }

  /** A new [T, 2, H] tensor: gate's columns first. */
  tokensByGateUp(purpose: Purpose, label: string): Tensor {
    return this.#empty([this.problem.tokens, 2, this.problem.hiddenDim], purpose, label);
  }

  /** New gradients of gate and up, in the form of the weights, with views of both. */
  emptyGateUpGradients(): {
    tensors: { dGate: Tensor; dUp: Tensor } | { dGateUp: Tensor };
    dGate: View;
    dUp: View;
  } {
    const { dim, hiddenDim } = this.problem;
    if ("gateUp" in this.inputs.weights) {
      const dGateUp = this.#empty([dim, 2, hiddenDim], "gradient", "dGateUp");
      const { gate, up } = halves(dGateUp);
      return { tensors: { dGateUp }, dGate: gate, dUp: up };
    }
    const [dGate, dUp] = [this.emptyProjectionGradient("dGate"), this.emptyProjectionGradient("dUp")];
    return { tensors: { dGate, dUp }, dGate: matrix(dGate), dUp: matrix(dUp) };
  }

  /** A new gradient of gate or of up, [D, H]. */
  emptyProjectionGradient(label: "dGate" | "dUp"): Tensor {
    const { dim, hiddenDim } = this.problem;
    return this.#empty([dim, hiddenDim], "gradient", label);
  }

  /** A new gradient of down, [H, D]. */
  emptyDownGradient(): Tensor {
    return this.#empty([this.problem.hiddenDim, this.problem.dim], "gradient", "dDown");
  }

  #empty(shape: number[], purpose: Purpose, label: string): Tensor {
    return this.recorder.empty(shape, this.problem.dtype, { purpose, label });
  }
}

/** Disposes tensors that are not needed any more. */
export function release(...tensors: Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
