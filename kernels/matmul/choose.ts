import type { Capabilities } from "../gpu/device.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Layout } from "./config.ts";
import type { Tile } from "./tile.ts";

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
  readonly tile: Tile;
  readonly splits: number;
}

const LANES = { lanesM: 4, lanesN: 8, group: 8 };

/**
 * Every tile that a choice can return.
 *
 * 8 x 8 outputs a thread need about 140 registers, so 12 warps fit a multiprocessor of 64 Ki registers; 8 x 16 need
 * 228 and leave 8 warps, too few to hide the loads (43.4 against 49.5 TFLOP/s on an H200). A multiprocessor gives
 * Vulkan's workgroups some 50 KiB of shared memory together, which rules out deeper or doubled tiles.
 */
export const TILES = {
  /** On a CPU a thread is a loop: little code, which compiles soon, beats many registers. */
  software: {
    tileM: 16,
    tileN: 32,
    tileK: 8,
    threadM: 4,
    threadN: 8,
    lanesM: 4,
    lanesN: 4,
    group: 8,
    reuse: "b",
  },
  /** A few dozen rows. */
  low: { tileM: 32, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "b" },
  wide: { tileM: 64, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "a" },
  wideB: { tileM: 64, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "b" },
  /** float16 arithmetic: a tile of half the bytes, so twice the K, whose float16 sums stay short. */
  half: { tileM: 64, tileN: 128, tileK: 32, threadM: 8, threadN: 8, ...LANES, reuse: "b" },
  /** Both operands transposed on the way in: fewer vectors a thread leave it fewer registers short. */
  square: { tileM: 128, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "a" },
} as const satisfies Record<string, Tile>;

/** Workgroups from which a large GPU is busy: three on each of 132 multiprocessors. */
const BUSY = 396;

/** Slices of K are at least this long, so that their sums cost little beside their products. */
const LEAST_SLICE = 128;

/** Partial sums of a split product take at most this much memory, and so stay in a last-level cache. */
const MOST_PARTIAL_BYTES = 32 * 2 ** 20;

/** The tile for a shape on a device, by rule. */
export function chooseTile(shape: MatmulShape, capabilities: Capabilities): TileChoice {
  const tile = ruledTile(shape, capabilities);
  return { tile, splits: capabilities.software ? 1 : ruledSplits(shape, tile) };
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

function tilesOf(tile: Tile, { m, n, columns }: Pick<MatmulShape, "m" | "n" | "columns">): number {
  return Math.ceil(m / tile.tileM) * Math.ceil(n / (tile.tileN / columns));
}
