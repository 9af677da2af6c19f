import type { Capabilities } from "../gpu/device.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Layout } from "./config.ts";
import { leastCost, type Tail, waysToSplit } from "./splits.ts";
import { fits, type Tile } from "./tile.ts";
import { TILES } from "./tiles.ts";
import { tunedChoice } from "./tuning.ts";

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
}

/** A tile, and into how many slices K is split. */
export interface TileChoice {
  /** How workgroups cover the output. */
  readonly tile: Tile;
  /** Slices of K that workgroups of their own add up. */
  readonly splits: number;
  /** The last rows apart, in slices of K that fill the last round of workgroups. Default: none. */
  readonly tail?: Tail;
  /** Layout nt: whether B is copied transposed first, so that the kernel reads rows along N. Default: false. */
  readonly transposeB?: boolean;
  /** Whether seven products of half size are computed so, by Strassen's method. Default: false; no table says so. */
  readonly strassen?: boolean;
}

/** Rows of A from which layout nn is faster than nt by more than a transposed copy of B costs: by up to 6 % here on. */
const TRANSPOSE_ROWS = 2048;

/**
 * Turns that loops may take on a software adapter: Mesa's llvmpipe leaves a loop after 65,535 of them, counted over all
 * loops of a thread in some versions (LP_MAX_TGSI_LOOP_ITERATIONS), and says nothing: longer sums would be wrong. Some
 * are left for the ends of slices.
 */
const SOFTWARE_TURNS = 65_535 - 128;

/** The tile for a shape on a device: as tuned there, else by rule. */
export function chooseTile(shape: MatmulShape, capabilities: Capabilities): TileChoice {
  const tuned = tunedChoice(shape, capabilities.name);
  const choice = tuned ? { ...tuned, tile: TILES[tuned.tile] } : ruledChoice(shape, capabilities);
  // A device may be asked for with less than its adapter has; this tile fits WebGPU's least limits.
  return fits(choice.tile, capabilities) ? choice : { ...choice, tile: TILES.wide };
}

/** The tile for a shape on a device, by rule. */
export function ruledChoice(shape: MatmulShape, capabilities: Capabilities): TileChoice {
  if (capabilities.software) {
    return { tile: TILES.software, splits: softwareSplits(shape, TILES.software), transposeB: false };
  }
  const transposeB = shape.layout === "nt" && shape.dtype === "float32" && shape.m >= TRANSPOSE_ROWS;
  const computed = transposeB ? { ...shape, layout: "nn" as const } : shape;
  const ways = ruledTiles(computed).flatMap(({ tile, whole, sliced }) =>
    waysToSplit(computed, tile).map((way) => ({
      ...way,
      tile,
      cost: way.cost / (way.splits === 1 ? whole : sliced),
    }))
  );
  const { cost: _, ...choice } = leastCost(ways);
  return { ...choice, transposeB };
}

/** A tile for a product, and its speed beside the first one's on an H200: of whole sums, and of slices of K. */
interface RuledTile {
  readonly tile: Tile;
  readonly whole: number;
  readonly sliced: number;
}

function ruledTiles(shape: MatmulShape): RuledTile[] {
  const { layout, m, k, columns, products, gatedA, dtype, arithmetic } = shape;
  const alone = (tile: Tile) => [{ tile, whole: 1, sliced: 1 }];
  if (m <= 16) return alone(TILES.few);
  if (arithmetic === "float16") return alone(TILES.half);
  if (m <= 32) return alone(TILES.low);
  const wide = alone(layout === "nn" && columns === 1 || products === 2 ? TILES.wideB : TILES.wide);
  if (gatedA) return wide;
  if (dtype !== "float32") return [...wide, SIXTEEN_BITS[layout]];
  return k < READING_K ? wide : [...wide, FLOAT32[layout]];
}

/** Indices of K from which reading an output, 1 ps at 4 TB/s, takes less than 2.5 % of computing it. */
const READING_K = 1024;

/** Slices are stored without a read, so that the kernel goes at the speed of the square tile without reads. */
const FLOAT32: Readonly<Record<Layout, RuledTile>> = {
  nn: { tile: TILES.squareReadsB, whole: 1.013, sliced: 0.96 },
  nt: { tile: TILES.squareReadsB, whole: 1.09, sliced: 1.06 },
  tn: { tile: TILES.squareReads, whole: 1.03, sliced: 0.97 },
};

const SIXTEEN_BITS: Readonly<Record<Layout, RuledTile>> = {
  nn: { tile: TILES.square, whole: 1.03, sliced: 1.03 },
  nt: { tile: TILES.square, whole: 1.05, sliced: 1.05 },
  tn: { tile: TILES.square, whole: 1.01, sliced: 1.01 },
};

/** One slice does where there is one core for each tile, unless its loop has too many turns. */
function softwareSplits({ k, products }: MatmulShape, { tileK }: Tile): number {
  return Math.ceil(k * products / tileK / SOFTWARE_TURNS);
}
