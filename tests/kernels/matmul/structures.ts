/** Everything that can differ between two matrix products besides their sizes. */
import type { DType } from "../../../kernels/gpu/dtype.ts";
import type { Epilogue, Layout, Precision } from "../../../kernels/matmul/config.ts";
import type { TileChoice } from "../../../kernels/matmul/choose.ts";
import { type Tile, tileName } from "../../../kernels/matmul/tile.ts";

/** What a product computes. */
export interface Structure {
  readonly layout: Layout;
  readonly epilogue: Epilogue;
  readonly products: 1 | 2;
  readonly columns: 1 | 2;
  readonly gatedA: boolean;
}

/** How its operands are stored, and by which tile it is computed. */
export interface Config extends Structure {
  readonly dtype: DType;
  readonly precision: Precision;
  readonly aligned: { readonly a: boolean; readonly b: boolean; readonly out: boolean };
  /** Whether the matrices of a side lie in one tensor. */
  readonly together: boolean;
  /** Whether "gated-backward" and its like write over g and u. */
  readonly inPlace: boolean;
  /** null: what shape and device choose, stream kernels included. */
  readonly choice: TileChoice | null;
}

const LAYOUTS: readonly Layout[] = ["nn", "nt", "tn"];
const ONE_OR_TWO = [1, 2] as const;

/** Which numbers of column blocks an epilogue takes. */
const COLUMNS: Readonly<Record<Structure["epilogue"], readonly (1 | 2)[]>> = {
  "store": [1, 2],
  "accumulate": [1, 2],
  "gated": [2],
  "gated-save": [2],
  "gated-backward": [1],
  "gated-backward-save": [1],
};

/**
 * Every structure that the kernels take: only A^T is gated while it is loaded. Gated epilogues of a gated A or of two
 * products, which no formula asks for, are left out.
 */
export function everyStructure(): Structure[] {
  const epilogues = Object.keys(COLUMNS) as Structure["epilogue"][];
  const all = LAYOUTS.flatMap((layout) =>
    epilogues.flatMap((epilogue) =>
      COLUMNS[epilogue].flatMap((columns) =>
        ONE_OR_TWO.flatMap((products) =>
          [false, true].map((gatedA) => ({ layout, epilogue, products, columns, gatedA }))
        )
      )
    )
  );
  return all.filter(({ layout, epilogue, products, gatedA }) =>
    !(layout !== "tn" && gatedA) &&
    !(epilogue.startsWith("gated") && (gatedA || products === 2))
  );
}

/** The structures that variants record for weights [in, out]. Those of [out, in] are among the generator's. */
export const USED: readonly Structure[] = [
  { layout: "nn", epilogue: "store", products: 1, columns: 1, gatedA: false },
  { layout: "nn", epilogue: "gated", products: 1, columns: 2, gatedA: false },
  { layout: "nn", epilogue: "gated-save", products: 1, columns: 2, gatedA: false },
  { layout: "nt", epilogue: "store", products: 1, columns: 1, gatedA: false },
  { layout: "nt", epilogue: "store", products: 2, columns: 1, gatedA: false },
  { layout: "nt", epilogue: "accumulate", products: 1, columns: 1, gatedA: false },
  { layout: "nt", epilogue: "gated-backward", products: 1, columns: 1, gatedA: false },
  { layout: "nt", epilogue: "gated-backward-save", products: 1, columns: 1, gatedA: false },
  { layout: "tn", epilogue: "store", products: 1, columns: 1, gatedA: false },
  { layout: "tn", epilogue: "store", products: 1, columns: 2, gatedA: false },
  { layout: "tn", epilogue: "store", products: 1, columns: 1, gatedA: true },
];

/** Names a structure in the names of tests: "tn gated A store, 2 columns". */
export function describe({ layout, epilogue, products, columns, gatedA }: Structure): string {
  return [
    `${layout}${gatedA ? " gated A" : ""} ${epilogue}`,
    products === 2 ? "2 products" : "",
    columns === 2 ? "2 columns" : "",
  ].filter(Boolean).join(", ");
}

/** Names a whole config in the names of tests and in failure messages. */
export function describeConfig(config: Config): string {
  const { dtype, precision, aligned, together, inPlace, choice } = config;
  const vectors = (["a", "b", "out"] as const).filter((side) => aligned[side]);
  return [
    describe(config),
    dtype,
    precision === "default" ? "" : precision,
    vectors.length > 0 ? `vectors of ${vectors.join("/")}` : "no vectors",
    together ? "sides in one tensor" : "",
    inPlace ? "in place" : "",
    choice ? `tile ${tileName(choice.tile)}, K in ${choice.splits}` : "",
  ].filter(Boolean).join(", ");
}

/** Operands that vectors of four fit, or do not. */
export const ALIGNED = { a: true, b: true, out: true };
export const UNALIGNED = { a: false, b: false, out: false };

/** A tile smaller than any that is ever chosen: little text, and its own edges. */
export function miniFor({ columns }: Structure): Tile {
  return columns === 1 ? MINI : { ...MINI, tileN: 16, threadN: 8 };
}

/** The smallest tile of one column block. */
export const MINI: Tile = {
  tileM: 8,
  tileN: 8,
  tileK: 4,
  threadM: 4,
  threadN: 4,
  lanesM: 2,
  lanesN: 2,
  group: 2,
  reuse: "a",
  ahead: 1,
};

/** A config with what most tests leave as it is. */
export function configOf(
  structure: Structure,
  init: Partial<Config> & Pick<Config, "dtype" | "aligned" | "choice">,
): Config {
  const inPlace = structure.epilogue.startsWith("gated-backward");
  return { ...structure, precision: "default", together: false, inPlace, ...init };
}
