import type { Tile } from "./tile.ts";

const LANES = { lanesM: 4, lanesN: 8, group: 8 };

/**
 * Every tile that a choice can return.
 *
 * 8 x 8 outputs a thread need 126 to 151 registers, so that 12 or 16 warps fit a multiprocessor, which has 64 Ki. 8 x 16
 * outputs need 240 and leave 8 warps, too few to hide the loads (45 against 51 TFLOP/s on an H200). A multiprocessor gives
 * Vulkan's workgroups some 50 KiB of shared memory together, which rules out deeper or doubled tiles.
 *
 * @example Their sizes
 * ```ts
 * import { TILES } from "@swiglu/webgpu";
 *
 * for (const [name, { tileM, tileN, tileK }] of Object.entries(TILES)) console.log(name, tileM, tileN, tileK);
 * ```
 */
export const TILES = {
  /** For a CPU, where a thread is a loop. Its little code compiles soon, which counts for more than many sums in registers. */
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
    ahead: 1,
  },
  /** For up to 16 rows, where no stream kernel is faster. Each multiprocessor has 64 KiB of B on its way to registers. */
  few: { tileM: 16, tileN: 256, tileK: 8, threadM: 4, threadN: 8, ...LANES, reuse: "b", ahead: 2 },
  /** For A^T B of a short K, which mostly writes the output. As many warps as possible hide the waits of each. */
  flat: { tileM: 64, tileN: 64, tileK: 8, threadM: 4, threadN: 8, ...LANES, reuse: "a", ahead: 1 },
  /** For a few dozen rows. */
  low: { tileM: 32, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "b", ahead: 1 },
  wide: { tileM: 64, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "a", ahead: 1 },
  /** For float16 sums. An element has half the bytes, so a step along K has twice as many. A float16 sum has only 32 terms. */
  half: { tileM: 64, tileN: 128, tileK: 32, threadM: 8, threadN: 8, ...LANES, reuse: "b", ahead: 1 },
  square: { tileM: 128, tileN: 128, tileK: 16, threadM: 8, threadN: 8, ...LANES, reuse: "a", ahead: 1 },
} as const satisfies Record<string, Tile>;

/** Whether a name is one in {@linkcode TILES}. */
export function isTileName(name: string): name is TileName {
  return Object.hasOwn(TILES, name);
}

/**
 * Name of a tile in {@linkcode TILES}.
 *
 * @example A choice for a tuning table
 * ```ts
 * import type { TileName } from "@swiglu/webgpu";
 *
 * const tile: TileName = "wide";
 * console.log(tile);
 * ```
 */
export type TileName = keyof typeof TILES;
