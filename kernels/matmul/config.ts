import { type Activation, activationKey } from "../activation.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Storage } from "../storage.ts";
import { type Tile, tileName } from "./tile.ts";

/** Which operands are stored transposed: C = A B (nn), A B^T (nt), A^T B (tn). */
export type Layout = "nn" | "nt" | "tn";

/** What happens to the finished sums. */
export type Epilogue =
  /** out = sums, one output for each column block; slices of K one after the other, for a reduction to add. */
  | "store"
  /** out += sums: by the kernel of "store" where many products need both, see {@linkcode mayAdd}. */
  | "accumulate"
  /** h = act(g) * u of the two column blocks. */
  | "gated"
  /** As "gated", and g and u are written too. */
  | "gated-save"
  /** The sums are dh: dg = dh u act'(g), du = dh act(g), from g and u, in place where the outputs are g and u. */
  | "gated-backward"
  /** As "gated-backward", and h = act(g) * u is written too. */
  | "gated-backward-save";

/**
 * How products are added up: "highest" and "default" take float32 throughout. "fastest" adds float16 operands in
 * float16 over one tile's K and those sums in float32, where the device has f16 arithmetic; large products of float32 and
 * float16 take one level of Strassen's method: an eighth less arithmetic, and workspaces. On K = 4,096 and 11,008 the
 * rounding error was 2.4 times that of "default" in float32 and, with float16 sums, 7.6 times in float16. bfloat16 is
 * computed as by "default".
 *
 * @example What the device does fastest
 * ```ts
 * import type { Precision } from "../../mod.ts";
 *
 * const precision: Precision = "fastest";
 * console.log({ precision });
 * ```
 */
export type Precision = typeof PRECISIONS[number];

/**
 * Every {@linkcode Precision}.
 *
 * @example All of them
 * ```ts
 * import { PRECISIONS } from "../../mod.ts";
 *
 * console.log(PRECISIONS.join(", ")); // highest, default, fastest
 * ```
 */
export const PRECISIONS = ["highest", "default", "fastest"] as const;

/** What a choice of tile depends on. */
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
  /** Default: "store". */
  readonly epilogue?: Epilogue;
  /** Most bytes of workspace for slices of K. Default: what stays in a large cache. */
  readonly mostSliceBytes?: number;
}

/** Everything that decides the WGSL text of one matmul kernel. Sizes are not in it: they are uniforms. */
export interface MatmulConfig {
  readonly layout: Layout;
  readonly tile: Tile;
  /** Type of the shared tiles and of the sums over one step along K; sums of steps are always float32. */
  readonly arithmetic: "float32" | "float16";
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

/** Operand counts of one product: how many A's, B's and outputs `slots` lists. */
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

/** Whether the text of this config contains the activation. */
export function usesActivation({ gatedA, epilogue }: Pick<MatmulConfig, "gatedA" | "epilogue">): boolean {
  return gatedA || epilogue.startsWith("gated");
}

/**
 * Whether the kernel of "store" also adds, told by a uniform: one less to compile where two products are added up, or
 * those of Strassen's method in float16. Else a driver would compile it a fifth longer: sums of 16 bits are rarely added to.
 */
export function mayAdd({ dtype, arithmetic }: Pick<MatmulShape, "dtype" | "arithmetic">): boolean {
  return arithmetic === "float16" || dtype === "float32";
}

/** A key that two configs share only when their WGSL is the same. */
export function configKey(config: MatmulConfig): string {
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
    config.gatedA,
    config.epilogue,
    usesActivation(config) ? activationKey(config.activation) : "",
    storage.join(),
    config.slots.join(),
  ].join("|");
}
