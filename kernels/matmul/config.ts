import { type Activation, activationKey } from "../activation.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Storage } from "../storage.ts";
import { type Tile, tileName } from "./tile.ts";

/** Which operands are stored transposed: C = A B (nn), A B^T (nt), A^T B (tn). */
export type Layout = "nn" | "nt" | "tn";

/** What happens to the finished sums. */
export type Epilogue =
  /** out = sums, one output for each column block. Of slices of K, all slices one after the other, which a reduction adds. */
  | "store"
  /** out += sums. Mostly the kernel of "store" does it: see {@linkcode mayAdd}. */
  | "accumulate"
  /** h = act(g) * u of the two column blocks. */
  | "gated"
  /** As "gated", and g and u are written too. */
  | "gated-save"
  /** The sums are dh. dg = dh u act'(g) and du = dh act(g), from g and u, over which they may be written. */
  | "gated-backward"
  /** As "gated-backward", and h = act(g) * u is written too. */
  | "gated-backward-save";

/**
 * How exactly products are computed.
 *
 * - `"highest"`: float32 multiply-adds. Sums of up to 64 terms are added up in a second level, and slices of 4,096 terms in
 *   a third; few rows take slices of 512. Long sums so stay exact (1e-6 where all terms have one sign, at any length).
 * - `"default"`: float32 multiply-adds, one sum over all of K or a slice of it (2e-6 of random terms at K = 4,096). On tensor
 *   cores, where the device has them: float16 and bfloat16 as they are, with float32 sums. From 128 rows and columns on also
 *   float32: each operand is split in two float16, which make three products, and sums of 320 terms are added up as float32
 *   (1.3e-6). One scale for each matrix brings it into float16's range; of values below 2^-14 of the largest, what is less
 *   than 2^-39 of the largest is lost.
 * - `"tf32"`: float32 operands are rounded to 11 significant bits on tensor cores, where the device has them (5e-4). A power of
 *   two from the largest magnitude of each matrix brings them into float16's range; what is 2^-24 of the largest or less
 *   loses bits. Everything else is as in `"default"`.
 * - `"fastest"`: as `"tf32"`: the fastest method in which no token changes another.
 *
 * Where a device has matrices of float32 instead (Apple's), a tuning table may choose them for all but `"highest"`. They
 * multiply float32 as it is.
 *
 * Two more are only taken by name, as each can spoil numbers that the others keep:
 *
 * - `"float16-sums"`: float16 tensors are summed in float16 over one tile's K (32 terms), and those sums in float32, where
 *   the device has f16 arithmetic. Terms below 6e-8 are lost, so scale gradients up to 1 or more. A partial sum beyond 65,504
 *   becomes infinite even if the whole sum is small. The rounding error is some 4 times that of `"default"` for operands near
 *   1. float32 and bfloat16 tensors are computed as by `"default"`.
 * - `"strassen"`: large products of float32 tensors take one level of Strassen's method: an eighth less arithmetic, for
 *   workspaces. It adds rows of different tokens: **a NaN, an infinity or an outlier of one token reaches the token half the
 *   batch away**, with an error relative to the larger one. The rounding error is some 2.4 times that of `"default"`. float16
 *   and bfloat16 tensors are computed as by `"default"`, whose sums of quarters could overflow.
 *
 * @example Exact sums
 * ```ts
 * import type { Precision } from "@swiglu/webgpu";
 *
 * const precision: Precision = "highest";
 * console.log({ precision });
 * ```
 */
export type Precision = typeof PRECISIONS[number];

/**
 * Every {@linkcode Precision}.
 *
 * @example All of them
 * ```ts
 * import { PRECISIONS } from "@swiglu/webgpu";
 *
 * console.log(PRECISIONS.join(", ")); // highest, default, tf32, fastest, ...
 * ```
 */
export const PRECISIONS = ["highest", "default", "tf32", "fastest", "float16-sums", "strassen"] as const;

/** What operands become on subgroup matrices. */
export type SubgroupOperands =
  /** float16 tensors as they are. */
  | "float16"
  /** Rounded to float16, 11 significant bits, while they are loaded. */
  | "rounded"
  /** Split in two float16, 22 significant bits, while they are loaded: three products of matrices. */
  | "split"
  /** float32 as they are, and what 16 bits hold as float32, on a device whose matrices multiply that. */
  | "float32";

/** What the choice of a tile depends on. */
export interface MatmulShape {
  readonly layout: Layout;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly products: 1 | 2;
  readonly columns: 1 | 2;
  readonly gatedA: boolean;
  readonly dtype: DType;
  readonly arithmetic: "float32" | "float16";
  /** What the operands may become on the device's subgroup matrices; null: nothing. Default: null. */
  readonly operands?: SubgroupOperands | null;
  /** Default: "store". */
  readonly epilogue?: Epilogue;
  /** Most bytes of workspace for slices of K. Default: what stays in a large cache. */
  readonly mostSliceBytes?: number;
}

/** Terms of K that the first of two levels adds up. Moving a sum to the second level costs one add, 1/64 of the multiply-adds. */
export const LEVEL_TERMS = 64;

/** Everything that decides the WGSL text of one matmul kernel. Sizes are not in it: they are uniforms. */
export interface MatmulConfig {
  readonly layout: Layout;
  readonly tile: Tile;
  /** Type of the shared tiles, and of the sums over one step along K. Sums of steps are always float32. */
  readonly arithmetic: "float32" | "float16";
  /**
   * Levels of the sums. With 1, each term is added to one sum, and the error of K terms of one sign grows as K. With 2, sums
   * of {@linkcode LEVEL_TERMS} terms are added up in another sum.
   */
  readonly levels: 1 | 2;
  /** Matrices B that share A, each with its own outputs: gate and up. */
  readonly columns: 1 | 2;
  /** Whether A is h = act(g) * u, computed while g and u are loaded; layout tn only. */
  readonly gatedA: boolean;
  readonly epilogue: Epilogue;
  /** Of gatedA and the gated epilogues. */
  readonly activation: Activation;
  /** The storage buffers, in binding order. */
  readonly storage: readonly Storage[];
  /** The storage buffer of each operand: A's, then B's, then the outputs'. */
  readonly slots: readonly number[];
}

/** How many A's, B's and outputs one product has. */
export function operandCounts(
  { columns, gatedA, epilogue }: Pick<MatmulConfig, "columns" | "gatedA"> & { readonly epilogue: Epilogue },
) {
  return { a: gatedA ? 2 : 1, b: columns, out: outputCount(epilogue, columns) };
}

function outputCount(epilogue: Epilogue, columns: number): number {
  switch (epilogue) {
    case "store":
    case "accumulate":
      return columns;
    case "gated":
      return 1;
    case "gated-save":
      return 3;
    case "gated-backward":
      return 4;
    case "gated-backward-save":
      return 5;
  }
}

/** The activation, if the text of this config contains it. */
export function usedActivation(
  { gatedA, epilogue, activation }: Pick<MatmulConfig, "gatedA" | "epilogue" | "activation">,
): Activation | null {
  return gatedA || epilogue.startsWith("gated") ? activation : null;
}

/**
 * Whether the kernel of "store" can also add, if a uniform says so. The sum of two products then needs one kernel, not two.
 * Kernels of 16-bit storage with float32 sums cannot. They rarely add, and a driver would take a fifth longer to compile them.
 */
export function mayAdd({ dtype, arithmetic }: Pick<MatmulShape, "dtype" | "arithmetic">): boolean {
  return arithmetic === "float16" || dtype === "float32";
}

/** The epilogue of the kernel for an epilogue, and its uniform `accumulate`: "store" can also add, where {@linkcode mayAdd} says so. */
export function kernelEpilogue(epilogue: Epilogue, { mayAdd }: { mayAdd: boolean }) {
  return epilogue === "accumulate" && mayAdd
    ? { epilogue: "store" as const, accumulate: 1 }
    : { epilogue, accumulate: 0 };
}

/**
 * The dtype by which a product is planned: that of its operands, or float32 where one is float32 and the other has 16 bits.
 *
 * @throws {TypeError} If one is float16 and another bfloat16.
 */
export function productDtype(dtypes: readonly DType[]): DType {
  const distinct = [...new Set(dtypes)];
  if (distinct.length === 1) return distinct[0];
  if (distinct.length === 2 && distinct.includes("float32")) return "float32";
  throw new TypeError(
    `Cannot multiply tensors as their dtypes must agree, or one be float32: current value is ${
      distinct.join(", ")
    }`,
  );
}

type OperandConfig = Pick<MatmulConfig, "storage" | "slots" | "columns" | "gatedA" | "epilogue">;

/** As {@linkcode productDtype}, of the operands that a config declares. */
export function operandDtype({ storage, slots, ...config }: OperandConfig): DType {
  const { a, b } = operandCounts(config);
  return productDtype(slots.slice(0, a + b).map((slot) => storage[slot].dtype));
}

/** A key that two configs share only if their WGSL is the same. */
export function configKey(config: MatmulConfig): string {
  const activation = usedActivation(config);
  const storage = config.storage.map((s) =>
    `${s.dtype}${s.access === "read" ? "r" : "w"}${s.aligned ? "4" : "1"}${s.half ? "h" : ""}${
      s.wideIf ? "e" : ""
    }`
  );
  return [
    config.layout,
    tileName(config.tile),
    config.tile.group,
    config.arithmetic,
    config.columns,
    ...config.levels === 2 ? ["two levels"] : [],
    config.gatedA,
    config.epilogue,
    activation === null ? "" : activationKey(activation),
    storage.join(),
    config.slots.join(),
  ].join("|");
}
