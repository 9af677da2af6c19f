import type { Activation } from "../activation.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { dtypeOf, stepOf, type View } from "../view.ts";
import type { TileChoice } from "./choose.ts";
import {
  type Epilogue,
  type Layout,
  type MatmulShape,
  operandCounts,
  type Precision,
  productDtype,
  type SubgroupOperands,
} from "./config.ts";
import { type Component, componentOn, subgroupOperandsOf } from "./subgroup/operands.ts";
import type { SubgroupTile } from "./subgroup/tile.ts";
import type { Tile } from "./tile.ts";
import { productKey } from "./tuning.ts";

/** One matrix product as the variants ask for it. */
export interface MatmulRequest {
  /** What it computes, for reports: "g, u, h". */
  readonly label: string;
  /** Which operands are stored transposed. */
  readonly layout: Layout;
  /** A of each product. With `gatedA`, its g and u. */
  readonly a: readonly View[];
  /** B of each product, or of each column block. */
  readonly b: readonly View[];
  /** Outputs, as the epilogue lists them. */
  readonly out: readonly View[];
  /** What happens to the sums. Default: "store". */
  readonly epilogue?: Epilogue;
  /** Products summed into one output. Default: 1. */
  readonly products?: 1 | 2;
  /** Matrices B that share A. Default: 1. */
  readonly columns?: 1 | 2;
  /** Whether A is act(g) * u, computed as it is loaded; layout tn only. Default: false. */
  readonly gatedA?: boolean;
  /** Of gatedA and the gated epilogues. Default: "silu". */
  readonly activation?: Activation;
  /** How exactly it is computed. Default: "default". */
  readonly precision?: Precision;
  /**
   * Most bytes of workspace for slices of K, if the tile is chosen by rule. A product that streams B takes what it needs.
   * Default: what stays in a large cache.
   */
  readonly mostSliceBytes?: number;
  /**
   * Rows of A for which the tile is chosen. It is for the last chunk of tokens, which may be shorter than the others: with
   * their rows it takes their kernels, and no other kernel is compiled. Default: its own rows.
   */
  readonly likeRows?: number;
  /** Overrides the tile that shape, dtype and device would choose. */
  readonly choice?: TileChoice<Tile | SubgroupTile>;
}

/** A request with its defaults filled in and its sizes known. */
export interface Sized
  extends
    Required<Omit<MatmulRequest, "choice" | "mostSliceBytes" | "likeRows">>,
    Pick<MatmulRequest, "mostSliceBytes" | "likeRows"> {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: DType;
  readonly arithmetic: "float32" | "float16";
  /** What the device's subgroup matrices multiply; null: it has none with float32 sums. */
  readonly component: Component | null;
  /** What the operands may become on them; null: the product stays with multiply-adds. */
  readonly operands: SubgroupOperands | null;
  /** What a tuning table calls it. */
  readonly product: string;
  /** The largest magnitudes of each product's operands, by which they are scaled. Default: they are not scaled. */
  readonly magnitudes?: readonly Tensor[];
}

/**
 * A request with its sizes.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together.
 */
export function withSizes(request: MatmulRequest, capabilities: Capabilities): Sized {
  const { products = 1, columns = 1, gatedA = false, epilogue = "store", activation = "silu" } = request;
  const { precision = "default" } = request;
  const isHalf = ({ tensor }: View) => tensor.dtype === "float16";
  const halves = precision === "float16-sums" && capabilities.shaderF16 &&
    [...request.a, ...request.b].every(isHalf);
  const component = componentOn(capabilities);
  const whole = { ...request, products, columns, gatedA, epilogue, activation, precision, component };
  return sizedAnew({ ...whole, arithmetic: halves ? "float16" : "float32" });
}

/**
 * A product whose operands were changed, with the sizes that they have now.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together.
 */
export function sizedAnew(product: Omit<Sized, "m" | "n" | "k" | "dtype" | "operands" | "product">): Sized {
  const { layout, a: [a], b: [b], component, precision } = product;
  const [m, k] = layout === "tn" ? [a.cols, a.rows] : [a.rows, a.cols];
  const n = layout === "nt" ? b.rows : b.cols;
  const dtype = productDtype([...product.a, ...product.b].map(({ tensor }) => tensor.dtype));
  productDtype([dtype, dtypeOf(product.out)]);
  const operands = component && subgroupOperandsOf(component, { precision, dtype });
  const shape = { ...product, m, n, k, dtype, operands };
  const sized = { ...shape, product: productKey(shapeToChooseBy(shape)) };
  checkStructure(sized);
  checkSizes(sized);
  return sized;
}

/** The shape for which the tile is chosen: its own, or that with `likeRows`. */
export function shapeToChooseBy<S extends MatmulShape & Pick<MatmulRequest, "likeRows">>(shape: S): S {
  const { layout, likeRows } = shape;
  if (likeRows === undefined) return shape;
  return { ...shape, [layout === "tn" ? "k" : "m"]: likeRows };
}

/** A gated A is combined while rows along M are loaded (`loader.ts`), so it needs tn. */
function checkStructure({ label, layout, products, gatedA, epilogue }: Sized): void {
  if (gatedA && layout !== "tn") {
    throw new RangeError(`Cannot compute ${label} as a gated A needs layout tn: current value is ${layout}`);
  }
  if (products === 2 && epilogue.startsWith("gated")) {
    throw new RangeError(
      `Cannot compute ${label} as the sum of two products must be stored: current value is ${epilogue}`,
    );
  }
}

function checkSizes(sized: Sized): void {
  const { m, n, k, layout, label } = sized;
  const one = operandCounts(sized);
  const counts = { a: sized.products * one.a, b: sized.products * one.b, out: one.out };
  const shapes = {
    a: layout === "tn" ? [k, m] : [m, k],
    b: layout === "nt" ? [n, k] : [k, n],
    out: [m, n],
  };
  for (const side of ["a", "b", "out"] as const) {
    const views = sized[side];
    if (views.length !== counts[side]) {
      throw new RangeError(
        `Cannot compute ${label} as it takes ${counts[side]} ${side}: current value is ${views.length}`,
      );
    }
    for (const view of views) {
      const fits = view.rows === shapes[side][0] && view.cols === shapes[side][1];
      const sameStride = (side === "out" || view.stride === views[0].stride) && stepOf(view) === 1;
      if (!fits || !sameStride) {
        throw new RangeError(
          `Cannot compute ${label} as ${view.tensor.label} must be [${shapes[side]}] with row stride ${
            views[0].stride
          }: ` +
            `current value is [${view.rows},${view.cols}] with ${view.stride}`,
        );
      }
    }
  }
}
