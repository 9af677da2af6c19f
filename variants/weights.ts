import type { Tensor } from "../kernels/gpu/tensor.ts";
import { columnRange, halves, matrix, rowRange, type View } from "../kernels/view.ts";

/**
 * What a row of a weight belongs to: `"in,out"` has a row for each input, as x W needs it, and `"out,in"` a row for each output, as
 * PyTorch, safetensors and GGUF store it.
 *
 * @example All of them
 * ```ts
 * import { type WeightLayout, WEIGHT_LAYOUTS } from "@swiglu/webgpu";
 *
 * const layouts: readonly WeightLayout[] = WEIGHT_LAYOUTS;
 * console.log(layouts.join(" and "));
 * ```
 */
export type WeightLayout = typeof WEIGHT_LAYOUTS[number];

/**
 * Every {@linkcode WeightLayout}.
 *
 * @example
 * ```ts
 * import { WEIGHT_LAYOUTS } from "@swiglu/webgpu";
 *
 * console.log(WEIGHT_LAYOUTS); // [ "in,out", "out,in" ]
 * ```
 */
export const WEIGHT_LAYOUTS = ["in,out", "out,in"] as const;

/**
 * Weights with gate and up as two tensors.
 *
 * A shape cannot always tell the layout: if D = H, weights [out, in] that are given as [in, out] pass all checks, and every
 * result is wrong.
 *
 * @example As a PyTorch module keeps them
 * ```ts
 * import { requestGpu, type SeparateWeights, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const weights = {
 *   gate: Tensor.empty(gpu, [96, 32]),
 *   up: Tensor.empty(gpu, [96, 32]),
 *   down: Tensor.empty(gpu, [32, 96]),
 *   layout: "out,in",
 * } satisfies SeparateWeights;
 * for (const tensor of [weights.gate, weights.up, weights.down]) tensor.dispose();
 * ```
 */
export interface SeparateWeights {
  /** W_gate, [D, H]; with layout "out,in" [H, D]. */
  readonly gate: Tensor;
  /** W_up, as gate. */
  readonly up: Tensor;
  /** W_down, [H, D]; with layout "out,in" [D, H]. */
  readonly down: Tensor;
  /** Of all three. Default: "in,out". */
  readonly layout?: WeightLayout;
}

/**
 * Weights with gate and up in one tensor.
 *
 * A shape cannot always tell the layout: where D = H, a down [out, in] that is given as [in, out] passes all checks, and every
 * result is wrong.
 *
 * @example One tensor for gate and up
 * ```ts
 * import { type CombinedWeights, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const weights: CombinedWeights = { gateUp: Tensor.empty(gpu, [32, 2, 96]), down: Tensor.empty(gpu, [96, 32]) };
 * weights.gateUp.dispose();
 * weights.down.dispose();
 * ```
 */
export interface CombinedWeights {
  /**
   * W_gate and W_up:
   *
   * | layout | gate first | interleaved |
   * | --- | --- | --- |
   * | "in,out" | [D, 2, H], as in AlphaFold3 | [D, H, 2], as in gpt-oss |
   * | "out,in" | [2H, D] | [2H, D], a row of gate and one of up in turn |
   */
  readonly gateUp: Tensor;
  /** W_down, [H, D]; with layout "out,in" [D, H]. */
  readonly down: Tensor;
  /** Of both. Default: "in,out". */
  readonly layout?: WeightLayout;
  /** Whether outputs of gate and up take turns in gateUp. Default: false, all of gate's come first. */
  readonly interleaved?: boolean;
}

/**
 * The weights of a block, in any form.
 *
 * @example Any form will do
 * ```ts
 * import { swiglu, type Gpu, type Tensor, type Weights } from "@swiglu/webgpu";
 *
 * const twice = (gpu: Gpu, x: Tensor, weights: Weights) => {
 *   using first = swiglu(gpu, x, weights);
 *   return swiglu(gpu, first, weights);
 * };
 * console.log(twice.length);
 * ```
 */
export type Weights = SeparateWeights | CombinedWeights;

/** How weights are stored. Gradients of weights have the same form. */
export interface WeightForm {
  readonly parts: "separate" | "combined";
  readonly layout: WeightLayout;
  readonly interleaved: boolean;
}

/** Every form. */
export const WEIGHT_FORMS: readonly WeightForm[] = WEIGHT_LAYOUTS.flatMap((layout) => [
  { parts: "separate", layout, interleaved: false },
  { parts: "combined", layout, interleaved: false },
  { parts: "combined", layout, interleaved: true },
]);

/** The form that weights say that they have. */
export function formOf(weights: Weights): WeightForm {
  const { layout = "in,out" } = weights;
  return "gateUp" in weights
    ? { parts: "combined", layout, interleaved: weights.interleaved ?? false }
    : { parts: "separate", layout, interleaved: false };
}

/** Names a form in keys and in messages. */
export function formName({ parts, layout, interleaved }: WeightForm): string {
  return `${parts} ${layout}${interleaved ? " interleaved" : ""}`;
}

/** The tensors of weights by name, in a plain object with nothing else in it. A caller's object may have getters of a class. */
export function namedWeights(weights: Weights): Readonly<Record<string, Tensor>> {
  const { down } = weights;
  if ("gateUp" in weights) return { gateUp: weights.gateUp, down };
  return { gate: weights.gate, up: weights.up, down };
}

/** The tensors of gate and up: one of each, or the one that holds both. */
export function gateUpTensors(weights: Weights): Tensor[] {
  return "gateUp" in weights ? [weights.gateUp] : [weights.gate, weights.up];
}

/** The shape of each tensor of a form, by name: gate and up first. Those of experts have a dimension of them first. */
export function weightShapes(
  form: WeightForm,
  { experts, ...sizes }: { readonly dim: number; readonly hiddenDim: number; readonly experts?: number },
): Readonly<Record<string, number[]>> {
  const shapes = blockShapes(form, sizes);
  if (experts === undefined) return shapes;
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, [experts, ...shape]]));
}

function blockShapes(
  { parts, layout, interleaved }: WeightForm,
  { dim, hiddenDim }: { dim: number; hiddenDim: number },
): Readonly<Record<string, number[]>> {
  const turned = layout === "out,in";
  const down = turned ? [dim, hiddenDim] : [hiddenDim, dim];
  if (parts === "separate") {
    const projection = down.toReversed();
    return { gate: projection, up: projection, down };
  }
  if (turned) return { gateUp: [2 * hiddenDim, dim], down };
  return { gateUp: interleaved ? [dim, hiddenDim, 2] : [dim, 2, hiddenDim], down };
}

/** Tensors of a form, by name, as weights. */
export function weightsOf(
  { layout, interleaved }: WeightForm,
  tensors: Readonly<Record<string, Tensor>>,
): Weights {
  const said = { ...layout === "out,in" && { layout }, ...interleaved && { interleaved } };
  return { ...tensors, ...said } as unknown as Weights;
}

/** W_gate and W_up, or their gradients, as products take them: [D, H]. */
export interface GateUp {
  readonly gate: View;
  readonly up: View;
  /** [gate | up] as one [D, 2H] matrix, where they are stored so. */
  readonly both: View | null;
}

/** Gate and up inside the tensors of a form, which {@linkcode gateUpTensors} lists. */
export function gateUpOf({ layout, interleaved }: WeightForm, tensors: readonly Tensor[]): GateUp {
  const transposed = layout === "out,in";
  const [first, second] = tensors.map((tensor) => ({ ...matrix(tensor), transposed }));
  if (second) return { gate: first, up: second, both: null };
  const { tensor, stride } = first;
  if (transposed) {
    const count = first.rows / 2;
    if (!interleaved) {
      return { gate: rowRange(first, 0, count), up: rowRange(first, count, count), both: first };
    }
    const gate = { ...first, rows: count, stride: 2 * stride };
    return { gate, up: { ...gate, offset: stride }, both: null };
  }
  if (!interleaved) {
    const { gate, up } = halves(tensor);
    return { gate, up, both: columnRange(gate, 0, 2 * gate.cols) };
  }
  const [count, hiddenDim] = tensor.shape;
  const gate = { tensor, rows: count, cols: hiddenDim, stride: 2 * hiddenDim, offset: 0, step: 2 };
  return { gate, up: { ...gate, offset: 1 }, both: null };
}

/** A weight that is one matrix, or its gradient, as products take it: [H, D] of down, [D, H] of separate gate or up. */
export function weightMatrix({ layout }: WeightForm, tensor: Tensor): View {
  return { ...matrix(tensor), transposed: layout === "out,in" };
}
