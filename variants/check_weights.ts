import { checkOneOf, kindOf, readOnce } from "../kernels/gpu/arguments.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { checkDtype, checkTensor, hasShape } from "./checks.ts";
import { WEIGHT_FORMS, WEIGHT_LAYOUTS, type WeightForm, type Weights, weightShapes } from "./weights.ts";

/** Whose weights they are: of the block, or of the gated linear unit, which has no down. */
type Argument = "weights" | "weight";

const KINDS = { weights: "{ gate, up, down } or { gateUp, down }", weight: "{ gate, up } or { gateUp }" };

/**
 * Reads each part of a caller's weights once. {@linkcode checkWeights} checks the tensors later.
 *
 * @throws {TypeError | RangeError} If it is no object, has another name, or a layout that there is not.
 */
export function readWeights(argument: Argument, given: unknown): Weights {
  if (typeof given !== "object" || given === null) {
    throw new TypeError(
      `Cannot use ${argument} as they must be ${KINDS[argument]}: current value is ${kindOf(given)}`,
    );
  }
  const tensors = argument === "weights"
    ? ["gate", "up", "gateUp", "down"] as const
    : ["gate", "up", "gateUp"] as const;
  const { gate, up, gateUp, layout, interleaved, ...rest } = readOnce<string>(argument, given, [
    ...tensors,
    "layout",
    "interleaved",
  ]);
  const said = readForm(`${argument}.`, { layout, interleaved });
  if (gateUp === undefined) {
    if (said.interleaved) {
      throw new TypeError(
        `Cannot use ${argument}.interleaved as gate and up must be one tensor, gateUp: current value is two`,
      );
    }
    return { gate, up, ...rest, layout: said.layout } as Weights;
  }
  if (gate !== undefined || up !== undefined) {
    throw new TypeError(
      `Cannot use ${argument} as they must have either gateUp or gate and up: current value has both`,
    );
  }
  return { gateUp, ...rest, ...said } as Weights;
}

/**
 * Reads how weights are stored.
 *
 * @throws {TypeError | RangeError} If there is no such layout, or interleaved is neither true nor false.
 */
export function readForm(
  prefix: string,
  { layout = "in,out", interleaved = false }: { layout?: unknown; interleaved?: unknown },
): Pick<WeightForm, "layout" | "interleaved"> {
  checkOneOf(`${prefix}layout`, layout, WEIGHT_LAYOUTS);
  if (typeof interleaved !== "boolean") {
    throw new TypeError(
      `Cannot use ${prefix}interleaved as it must be true or false: current value is ${kindOf(interleaved)}`,
    );
  }
  return { layout: layout as WeightForm["layout"], interleaved };
}

/** Weights by the names of their tensors, and what they are multiplied with. */
export interface NamedWeights {
  /** What errors call a tensor. */
  readonly called: (name: string) => string;
  readonly form: WeightForm;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly x: Tensor;
  /** How many experts' weights each tensor has, one after the other. Default: it has no such dimension. */
  readonly experts?: number;
}

/**
 * Checks the tensors of weights, and gives H and their dtype.
 *
 * @throws {TypeError} If one is not usable, or their dtypes differ, or theirs and x's do and neither is float32.
 * @throws {RangeError} If a shape does not fit; the message tells the layout that would.
 */
export function checkWeights(gpu: Gpu, weights: NamedWeights): { hiddenDim: number; weightDtype: DType } {
  const { called, form, tensors, x, experts } = weights;
  const parts = Object.entries(tensors);
  for (const [name, tensor] of parts) checkTensor(gpu, tensor, called(name));
  const { hiddenDim, shapes } = fitting(form, weights);
  const wrong = parts.find(([name, tensor]) => !hasShape(tensor, shapes[name]));
  if (wrong) {
    const [name, { shape }] = wrong;
    const why = experts === undefined ? "" : `, as tokensPerExpert has ${experts}`;
    throw new RangeError(
      `Cannot use ${called(name)} as its shape must be [${shapes[name]}]${why}: current value is [${shape}]` +
        hint(weights),
    );
  }
  return { hiddenDim, weightDtype: checkedDtype({ called, parts, x }) };
}

/** The dtype of all weights. A product takes float32 beside 16 bits, but not float16 beside bfloat16. */
function checkedDtype(
  { called, parts, x }: Pick<NamedWeights, "called" | "x"> & { readonly parts: readonly [string, Tensor][] },
): DType {
  const [[first, { dtype }], ...others] = parts;
  if (dtype !== x.dtype && dtype !== "float32" && x.dtype !== "float32") {
    throw new TypeError(
      `Cannot use ${
        called(first)
      } as its dtype must be x's, ${x.dtype}, or float32: current value is ${dtype}`,
    );
  }
  for (const [name, tensor] of others) checkDtype(tensor, called(name), dtype, `${called(first)}'s`);
  return dtype;
}

/** H, if gate or gateUp has the form, and the shape of each tensor then. */
function fitting(form: WeightForm, { tensors: { gate, gateUp }, x, experts }: Omit<NamedWeights, "form">) {
  const hidden = gate
    ? (form.layout === "out,in" ? gate.shape[experts === undefined ? 0 : 1] ?? 1 : gate.columns)
    : gateUp.length / (2 * x.columns * (experts ?? 1));
  const hiddenDim = Math.max(1, Math.floor(hidden));
  return { hiddenDim, shapes: weightShapes(form, { dim: x.columns, hiddenDim, experts }) };
}

/** Tells the form of the same tensors that all shapes would fit, if there is one. */
function hint({ form, ...weights }: NamedWeights): string {
  const other = WEIGHT_FORMS.filter(({ parts }) => parts === form.parts).find((other) => {
    const { shapes } = fitting(other, weights);
    return Object.entries(weights.tensors).every(([name, tensor]) => hasShape(tensor, shapes[name]));
  });
  if (!other) return "";
  const differences = [
    other.layout === form.layout ? "" : `layout "${other.layout}"`,
    other.interleaved === form.interleaved ? "" : `interleaved ${other.interleaved}`,
  ];
  return `, which would fit ${differences.filter(Boolean).join(" and ")}`;
}
