import type { DType } from "../kernels/gpu/dtype.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import type { CombinedWeights, WeightForm, Weights } from "./weights.ts";

/**
 * The names of gradients. Those of gate and up are two or one, as the weights are.
 *
 * @example Of weights that are three tensors
 * ```ts
 * import type { GradientName } from "@swiglu/webgpu";
 *
 * const names: GradientName[] = ["dx", "dGate", "dUp", "dDown"];
 * console.log(names.join(", "));
 * ```
 */
export type GradientName = "dx" | "dGate" | "dUp" | "dGateUp" | "dDown";

/**
 * What a block can be differentiated by, whose weights are `W`.
 *
 * @example Frozen weights: only x
 * ```ts
 * import type { CombinedWeights, Wrt } from "@swiglu/webgpu";
 *
 * const wrt: Wrt<CombinedWeights>[] = ["x"]; // or "gateUp", "down"
 * console.log(wrt);
 * ```
 */
export type Wrt<W extends Weights = Weights> =
  | "x"
  | "down"
  | (W extends CombinedWeights ? "gateUp" : "gate" | "up");

/**
 * Gradients of a loss: dx [..., D], and those of the weights in the form `W` that these have. They are dGate, dUp and
 * dDown, or dGateUp and dDown, each with the shape of its weight. The caller disposes them.
 *
 * @example Gradients have the form of the weights
 * ```ts
 * import type { CombinedWeights, Gradients, SeparateWeights } from "@swiglu/webgpu";
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

/**
 * Gradients by some inputs.
 *
 * @example dx alone
 * ```ts
 * import type { GradientsBy, SeparateWeights } from "@swiglu/webgpu";
 *
 * const shapeOf = ({ dx }: GradientsBy<SeparateWeights, "x">) => dx.shape;
 * console.log(shapeOf.length);
 * ```
 */
export type GradientsBy<W extends Weights, K extends string> = [Wrt<W>] extends [K] ? Gradients<W>
  : Pick<Gradients<W>, Extract<keyof Gradients<W>, K extends "x" ? "dx" : `d${Capitalize<K>}`>>;

/**
 * Which gradients are computed, and where they go.
 *
 * @example Gradients of two micro-batches, added up in float32
 * ```ts
 * import { requestGpu, swigluWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const tensor = (...shape: number[]) =>
 *   Tensor.from(gpu, new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5), shape, { dtype: "bfloat16" });
 * const [x, gate, up, down] = [tensor(4, 8), tensor(8, 12), tensor(8, 12), tensor(12, 8)];
 * const zeros = ({ shape, length }: Tensor) => Tensor.from(gpu, new Float32Array(length), shape);
 * const into = { dGate: zeros(gate), dUp: zeros(up), dDown: zeros(down) }; // float32, of bfloat16 weights
 * for (let batch = 0; batch < 2; batch++) {
 *   const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down }, { wrt: ["gate", "up", "down"], into });
 *   backward(y); // adds to the tensors of into, and computes no dx
 *   y.dispose();
 * }
 * console.log(await into.dDown.read());
 * for (const each of [x, gate, up, down, ...Object.values(into)]) each.dispose();
 * ```
 */
export interface GradientOptions<K extends string = string> {
  /**
   * What is differentiated by: "x", "gate", "up", "down", or "gateUp" where gate and up are one tensor. Nothing is computed
   * or kept for other gradients alone, and backward gives no others. Default: all.
   */
  readonly wrt?: readonly K[];
  /**
   * Tensors that gradients are added to, by the gradients' names, in place of new ones: of the gradient's shape, and float32 or
   * of its dtype. backward gives them back. They must not share bytes with x, weights, dy or each other. Default: none.
   */
  readonly into?: Partial<Readonly<Record<GradientName, Tensor>>>;
}

/** What is asked of the gradients of a block. */
export interface Asked {
  /** Those that are computed. Default: all. */
  readonly wanted?: ReadonlySet<GradientName>;
  /** Tensors that gradients are added to, in place of new ones. Default: none. */
  readonly into?: Partial<Record<GradientName, Tensor>>;
  /** Types of new gradients, where these are not the problem's. */
  readonly dtypes?: Partial<Record<GradientName, DType>>;
}

/** What is asked of the gradients of a block that is only planned. */
export interface PlannedAsked {
  readonly wanted?: ReadonlySet<GradientName>;
  readonly into: Partial<Record<GradientName, DType>>;
}

/** Everything, as new tensors. */
export const ALL: Asked = {};

/** Where a block may end: at y = h W_down, or at h = act(x W_gate) * (x W_up). */
export const BLOCK_OUTPUTS = ["y", "h"] as const;

/** Where a block ends. */
export type BlockOutput = typeof BLOCK_OUTPUTS[number];

/** The gradients of a block with weights of a form. */
export function gradientNames(
  { parts }: Pick<WeightForm, "parts">,
  output: BlockOutput = "y",
): GradientName[] {
  const down = output === "y" ? ["dDown" as const] : [];
  return parts === "combined" ? ["dx", "dGateUp", ...down] : ["dx", "dGate", "dUp", ...down];
}

/** What a gradient is of, as `wrt` names it: x of dx, gateUp of dGateUp. */
export function inputOf(name: GradientName): string {
  return name[1].toLowerCase() + name.slice(2);
}

/** The gradient of an input. */
export function gradientOf(input: string): string {
  return input === "x" ? "dx" : `d${input[0].toUpperCase()}${input.slice(1)}`;
}

/** Whether a gradient is asked for. */
export function wants({ wanted }: Asked, name: GradientName): boolean {
  return wanted?.has(name) ?? true;
}

/** Names what is asked, for keys: which gradients, and of which types those are that are added to. */
export function askedKey({ wanted, into = {} }: Asked): string {
  const added = Object.entries(into).map(([name, { dtype }]) => `${name} += ${dtype}`);
  return [...wanted ? [...wanted] : ["all"], ...added].sort().join(", ");
}

/**
 * What is asked of a variant that takes weights in a form of its own: the same of dx and dDown, and one new gradient of gate
 * and up, float32 if it is added to float32 later.
 */
export function askedInForm(asked: Asked, own: WeightForm): Asked {
  const { wanted, into = {} } = asked;
  const parts: GradientName[] = gradientNames(own).filter((name) => name !== "dx" && name !== "dDown");
  const wide = parts.some((name) => into[name]?.dtype === "float32");
  const rest = [...wanted ?? []].filter((name) => !parts.includes(name));
  const joined = parts.some((name) => wants(asked, name)) ? ["dGateUp" as const] : [];
  return {
    ...wanted && { wanted: new Set([...rest, ...joined]) },
    into: Object.fromEntries(Object.entries(into).filter(([name]) => !parts.includes(name as GradientName))),
    ...wide && { dtypes: { dGateUp: "float32" } },
  };
}
