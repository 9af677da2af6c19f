import type { Capabilities } from "../gpu/device.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Layout } from "./config.ts";
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
  /** Layout nt: whether B is copied transposed first, so that the kernel reads rows along N. Default: false. */
  readonly transposeB?: boolean;
}

/** Workgroups from which a large GPU is busy: three on each of 132 multiprocessors. */
const BUSY = 396;

/** Slices of K are at least this long, so that their sums cost little beside their products. */
const LEAST_SLICE = 128;

/** Partial sums of a split product take at most this much memory, and so stay in a last-level cache. */
const MOST_PARTIAL_BYTES = 32 * 2 ** 20;

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
  const tile = ruledTile(shape, capabilities);
  return { tile, splits: capabilities.software ? softwareSplits(shape, tile) : ruledSplits(shape, tile) };
}

function ruledTile(shape: MatmulShape, { software }: Capabilities): Tile {
  const { layout, m, n, columns, products, arithmetic } = shape;
  if (software) return TILES.software;
  if (arithmetic === "float16") return TILES.half;
  if (m <= 32) return TILES.low;
  if (layout === "nt" && tilesOf(TILES.square, { m, n, columns }) >= BUSY / 2) return TILES.square;
  return layout === "nn" && columns === 1 || products === 2 ? TILES.wideB : TILES.wide;
}

/** Where the output has too few tiles to fill a device, K is split until it has enough. */
function ruledSplits({ m, n, k, columns, products }: MatmulShape, tile: Tile): number {
  const tiles = tilesOf(tile, { m, n, columns });
  if (tiles >= BUSY) return 1;
  const wanted = Math.ceil(2 * BUSY / tiles);
  const byLength = Math.floor(k * products / LEAST_SLICE);
  const byMemory = Math.floor(MOST_PARTIAL_BYTES / (4 * m * n * columns));
  return Math.max(1, Math.min(wanted, byLength, byMemory));
}

/** Numbers of slices worth a trial: one, a few, and those that just fill a GPU like an H200 one to four times. */
export function splitsToTry({ m, n, k, columns, products }: MatmulShape, tile: Tile): number[] {
  const tiles = tilesOf(tile, { m, n, columns });
  const filling = [1, 2, 3, 4].map((times) => Math.floor(times * BUSY / tiles));
  const most = Math.floor(k * products / LEAST_SLICE);
  return [...new Set([1, 2, 3, ...filling])].filter((splits) =>
    splits >= 1 && (splits === 1 || splits <= most)
  );
}

/** One slice does where there is one core for each tile, unless its loop has too many turns. */
function softwareSplits({ k, products }: MatmulShape, { tileK }: Tile): number {
  return Math.ceil(k * products / tileK / SOFTWARE_TURNS);
}

function tilesOf(tile: Tile, { m, n, columns }: Pick<MatmulShape, "m" | "n" | "columns">): number {
  return Math.ceil(m / tile.tileM) * Math.ceil(n / (tile.tileN / columns));
}
