import type { Activation } from "../kernels/activation.ts";
import { type Elementwise, elementwise } from "../kernels/elementwise.ts";
import type { Capabilities } from "../kernels/gpu/capabilities.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Purpose } from "../kernels/gpu/ledger.ts";
import type { Recorder } from "../kernels/gpu/recorder.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import type { Precision } from "../kernels/matmul/config.ts";
import { matmul } from "../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../kernels/matmul/request.ts";
import { matrix, type View } from "../kernels/view.ts";
import {
  ALL,
  type Asked,
  type GradientName,
  gradientNames,
  type Gradients,
  inputOf,
  wants,
} from "./gradients.ts";

export type { Gradients };
import {
  formOf,
  type GateUp,
  gateUpOf,
  gateUpTensors,
  type WeightForm,
  weightMatrix,
  type Weights,
  weightShapes,
} from "./weights.ts";

export type { Precision };

/**
 * Sizes of a problem: T, D, H.
 *
 * @example A layer of Llama 3 8B
 * ```ts
 * import type { Sizes } from "@swiglu/webgpu";
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
 * import { explain, type Problem, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const problem = { tokens: 16, dim: 32, hiddenDim: 96, dtype: "bfloat16" } satisfies Partial<Problem>;
 * console.log(explain(gpu, problem).savedBytes); // 2 T H elements of 2 bytes: g and u
 * ```
 */
export interface Problem extends Sizes {
  /** Storage type of x, y, dy, dx, and of what is between them. */
  readonly dtype: DType;
  /** Storage type of the weights and their gradients: dtype, or else one of the two is float32. Default: dtype. */
  readonly weightDtype?: DType;
  /** The activation of the gate. */
  readonly activation: Activation;
  /** How the sums of products are added up. */
  readonly precision: Precision;
}

/** Storage type of the weights and their gradients. */
export function weightDtypeOf({ dtype, weightDtype = dtype }: Problem): DType {
  return weightDtype;
}

/** The storage type of a gradient: that of what it is by. */
export function gradientDtype(name: GradientName, problem: Problem): DType {
  return name === "dx" ? problem.dtype : weightDtypeOf(problem);
}

/** What a variant computes from. */
export interface Inputs {
  /** [T, D]. */
  readonly x: Tensor;
  /** Gate, up and down. */
  readonly weights: Weights;
}

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
 * import { type VariantInfo, variants } from "@swiglu/webgpu";
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
  /** Whether it gives h [T, H] in place of y [T, D], as a gated linear unit does, and takes dh. Default: false. */
  readonly givesHidden?: boolean;
  /** Tokens that are computed at a time. Default: all. */
  readonly chunkTokens?: number;
  /** The same variant in ever smaller chunks of tokens, which take ever less memory. Default: none. */
  inChunks?(tokens: number): Variant[];
  /** Records forward. With `training`, keeps what backward needs. */
  forward(block: Block, training: boolean): Forward;
  /** Records backward from dy [T, D]; `saved` is what forward kept, and is disposed. */
  backward(block: Block, saved: Forward["saved"], dy: Tensor): Gradients;
}

/** The name of a variant in reports: its id, and the size of its chunks if it computes in chunks. */
export function variantName(id: string, chunkTokens: number | null = null): string {
  return chunkTokens === null ? id : `${id} in chunks of ${chunkTokens} tokens`;
}

/** An element-wise kernel of a block. */
interface BlockElementwise extends Pick<Elementwise, "label" | "inputs"> {
  /** As {@linkcode Elementwise.outputs}; one that `adds` is added to what its view holds. */
  readonly outputs: readonly (Elementwise["outputs"][number] & { readonly adds?: boolean })[];
}

/** Tensors that a block's results are written to, in place of new ones: by "y", or by the gradients' names. */
export type Destinations = Partial<Readonly<Record<"y" | GradientName, Tensor>>>;

/** What a variant's code works on: a problem, its inputs, and the recorder that takes the launches. */
export class Block {
  /** Gradients that nobody asked for. */
  readonly #unwanted = new Set<Tensor>();
  #form: WeightForm | undefined;

  /**
   * A block that records into `recorder`.
   *
   * @param destinations Variants of the registry write to these. A variant's own code need not know of them.
   */
  constructor(
    readonly recorder: Recorder,
    readonly problem: Problem,
    readonly inputs: Inputs,
    readonly asked: Asked = ALL,
    readonly destinations: Destinations = {},
  ) {}

  /** Whether a gradient is asked for. Launches that only others need are left out in any case (`traced.ts`). */
  wants(name: GradientName): boolean {
    return wants(this.asked, name);
  }

  /** The activation of the gate. */
  get activation(): Activation {
    return this.problem.activation;
  }

  /** x as one [T, D] matrix. */
  get x(): View {
    const { tokens, dim } = this.problem;
    return { ...matrix(this.inputs.x), rows: tokens, cols: dim };
  }

  /** How the weights are stored, and the gradients too. */
  get form(): WeightForm {
    return this.#form ??= formOf(this.inputs.weights);
  }

  /** W_gate [D, H]. */
  get gate(): View {
    return this.#gateUp.gate;
  }

  /** W_up [D, H]. */
  get up(): View {
    return this.#gateUp.up;
  }

  /**
   * [W_gate | W_up] as one [D, 2H] matrix.
   *
   * @throws {TypeError} If the weights are not stored so.
   */
  get gateUp(): View {
    return whole(this.#gateUp);
  }

  get #gateUp(): GateUp {
    return gateUpOf(this.form, gateUpTensors(this.inputs.weights));
  }

  /** W_down [H, D]. */
  get down(): View {
    return weightMatrix(this.form, this.inputs.weights.down);
  }

  /** Whether a gradient takes new bytes: it is one of this form's, asked for, and not added to a caller's tensor. */
  makes(name: GradientName): boolean {
    return gradientNames(this.form).includes(name) && this.wants(name) && !this.asked.into?.[name];
  }

  /**
   * Records one product with the block's activation and precision. A gradient that is added to a caller's tensor is added
   * here, and one that nobody asked for is left out of a launch with another.
   */
  matmul(request: MatmulRequest): void {
    const { activation, precision } = this.problem;
    for (const part of this.#asAsked(request)) matmul(this.recorder, { activation, precision, ...part });
  }

  #asAsked(request: MatmulRequest): MatmulRequest[] {
    const { epilogue = "store", columns = 1, out, b } = request;
    if (epilogue !== "store") return [request];
    const asked = (view: View): MatmulRequest["epilogue"] => this.#adds(view) ? "accumulate" : "store";
    const kinds = new Set(out.map((view) => `${asked(view)} ${view.tensor.dtype}`));
    const all = out.every(({ tensor }) => !this.#unwanted.has(tensor));
    if (columns === 1 || kinds.size === 1 && all) return [{ ...request, epilogue: asked(out[0]) }];
    return out.flatMap((view, column) =>
      this.#unwanted.has(view.tensor) ? [] : [{
        ...request,
        columns: 1 as const,
        epilogue: asked(view),
        b: b.filter((_, i) => i % columns === column),
        out: [view],
      }]
    );
  }

  /**
   * Records an element-wise kernel with the block's activation. An output that `adds` is added to what is there. So is a
   * gradient that is added to a caller's tensor; one that nobody asked for is left out.
   */
  elementwise({ label, inputs, outputs }: BlockElementwise): void {
    const kept = outputs.filter(({ to }) => !this.#unwanted.has(to.tensor));
    if (kept.length === 0) return;
    const used = Object.entries(inputs).filter(([name]) =>
      kept.some(({ value }) => new RegExp(`\\b${name}\\b`).test(value))
    );
    const added = kept.map(({ to, adds = false }) => adds || this.#adds(to));
    const before = kept.flatMap(({ to }, i) => added[i] ? [[`before_${i}`, to] as const] : []);
    elementwise(this.recorder, {
      label,
      inputs: Object.fromEntries([...used, ...before]),
      outputs: kept.map(({ to, value }, i) => ({ to, value: added[i] ? `before_${i} + (${value})` : value })),
      activation: this.activation,
    });
  }

  #adds({ tensor }: View): boolean {
    return Object.values(this.asked.into ?? {}).includes(tensor);
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

  /** New gradients of gate and up, in the form of the weights, with views of them. */
  emptyGateUpGradients(): {
    tensors: { dGate: Tensor; dUp: Tensor } | { dGateUp: Tensor };
    dGate: View;
    dUp: View;
    /** [dGate | dUp] as one matrix. It throws a TypeError if they are not stored so. */
    dGateUp(): View;
  } {
    const both = "gateUp" in this.inputs.weights;
    const made = (both ? ["dGateUp"] as const : ["dGate", "dUp"] as const).map((name) =>
      this.#gradient(name)
    );
    const [first, second] = made;
    const gateUp = gateUpOf(this.form, made);
    return {
      tensors: both ? { dGateUp: first } : { dGate: first, dUp: second },
      dGate: gateUp.gate,
      dUp: gateUp.up,
      dGateUp: () => whole(gateUp),
    };
  }

  /** The gradient of x, [T, D]: new, or the caller's that it is added to. */
  emptyInputGradient(): View {
    const { tokens, dim } = this.problem;
    return { ...matrix(this.#gradient("dx", [tokens, dim])), rows: tokens, cols: dim };
  }

  /** A new gradient of gate or of up, [D, H], where they are separate. */
  emptyProjectionGradient(label: "dGate" | "dUp"): View {
    return weightMatrix(this.form, this.#gradient(label));
  }

  /** A new gradient of down, [H, D]. */
  emptyDownGradient(): View {
    return weightMatrix(this.form, this.#gradient("dDown"));
  }

  #gradient(label: GradientName, shape = weightShapes(this.form, this.problem)[inputOf(label)]): Tensor {
    const { into = {}, dtypes = {} } = this.asked;
    const given = into[label];
    if (given) return given;
    const dtype = dtypes[label] ?? gradientDtype(label, this.problem);
    const made = this.recorder.empty(shape, dtype, { purpose: "gradient", label });
    if (!this.wants(label)) this.#unwanted.add(made);
    return made;
  }

  #empty(shape: number[], purpose: Purpose, label: string): Tensor {
    return this.recorder.empty(shape, this.problem.dtype, { purpose, label });
  }
}

function whole({ both }: GateUp): View {
  if (both) return both;
  throw new TypeError("Cannot see gate and up as one matrix as they are not stored so");
}

/** Disposes tensors that are not needed any more. */
export function release(...tensors: Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
