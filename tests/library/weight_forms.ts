/** Numbers of weights, or of their gradients, as each form stores them. */
import { type Gpu, Tensor } from "../../mod.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { type WeightForm, type Weights, weightShapes, weightsOf } from "../../variants/weights.ts";

/** Row-major gate and up [D, H], and down [H, D]. */
export interface Projections {
  readonly gate: ArrayLike<number>;
  readonly up: ArrayLike<number>;
  readonly down: ArrayLike<number>;
}

interface Sizes {
  readonly dim: number;
  readonly hiddenDim: number;
}

/** The numbers of each tensor of a form, by name. */
export function stored(
  { parts, layout, interleaved }: WeightForm,
  { gate, up, down }: Projections,
  { dim, hiddenDim }: Sizes,
): Record<string, Float64Array> {
  const turned = layout === "out,in";
  const own = (matrix: ArrayLike<number>, rows: number, columns: number) =>
    turned ? transposed(matrix, rows, columns) : Float64Array.from(matrix);
  const [g, u] = [gate, up].map((matrix) => own(matrix, dim, hiddenDim));
  const rest = { down: own(down, hiddenDim, dim) };
  if (parts === "separate") return { gate: g, up: u, ...rest };
  // [rows, 2, columns] of pieces that take turns.
  const piece = interleaved ? (turned ? dim : 1) : (turned ? dim * hiddenDim : hiddenDim);
  const gateUp = Float64Array.from({ length: 2 * g.length }, (_, i) => {
    const [turn, within] = [Math.floor(i / piece), i % piece];
    return (turn % 2 === 0 ? g : u)[Math.floor(turn / 2) * piece + within];
  });
  return { gateUp, ...rest };
}

function transposed(matrix: ArrayLike<number>, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => matrix[i % rows * columns + Math.floor(i / rows)],
  );
}

/** Uploads weights in a form. */
export function weightsIn(
  gpu: Gpu,
  form: WeightForm,
  { projections, sizes, dtype }: { projections: Projections; sizes: Sizes; dtype: DType },
): { weights: Weights; tensors: Record<string, Tensor> } {
  const shapes = weightShapes(form, sizes);
  const tensors = Object.fromEntries(
    Object.entries(stored(form, projections, sizes)).map(([name, values]) => [
      name,
      Tensor.from(gpu, values, shapes[name], { dtype, label: name }),
    ]),
  );
  return { weights: weightsOf(form, tensors), tensors };
}
