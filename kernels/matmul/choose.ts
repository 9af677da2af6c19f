import type { Capabilities } from "../gpu/capabilities.ts";
import type { Layout, MatmulShape, Precision } from "./config.ts";
import { leastCost, type Tail, waysToSplit } from "./splits.ts";
import type { SubgroupTile } from "./subgroup/tile.ts";
import { fits, threadsOf, type Tile } from "./tile.ts";
import { TILES } from "./tiles.ts";

/** A tile, of multiply-adds if not said otherwise, and into how many slices K is split. */
export interface TileChoice<T extends Tile | SubgroupTile = Tile> {
  /** How workgroups cover the output. */
  readonly tile: T;
  /** Slices of K, of all products together, that workgroups of their own add up; 1 also stands for one slice of each product. */
  readonly splits: number;
  /** The last rows, computed apart, in slices of K that fill the last round of workgroups. Default: none. */
  readonly tail?: Tail;
  /** Whether B of layout nt is copied transposed first, so that the kernel reads rows along N. Default: false. */
  readonly transposeB?: boolean;
  /** Whether precision "strassen" computes the product as seven of half its size. Default: false. For tests; no table says so. */
  readonly strassen?: boolean;
}

/**
 * Rows of A from which a transposed copy of B pays. Layout nn is faster than nt; the copy costs most of that, and 1 % is left
 * (on an H200). Operands of 16 bits with sums of float32 gain nothing.
 */
const TRANSPOSE_ROWS = 2048;

/**
 * Turns that loops may take on a software adapter. Mesa's llvmpipe leaves a loop after 65,535 turns without a word
 * (LP_MAX_TGSI_LOOP_ITERATIONS), so that longer sums would be wrong. Some versions count the turns of all loops of a thread,
 * so some are left for the ends of slices.
 */
const SOFTWARE_TURNS = 65_535 - 128;

/** Terms of K that "highest" adds up in one slice of a tile: 64 sums of 64 terms, a third level of which adds the slices. */
const HIGHEST_SLICE = 4096;

/**
 * The choice with as many slices of K as the result needs to be right, whoever made the choice: on a software adapter no
 * loop may have too many turns, and "highest" bounds the length of a sum.
 */
export function withLeastSlices<T extends Tile | SubgroupTile>(
  choice: TileChoice<T>,
  { k, products, precision }: Pick<MatmulShape, "k" | "products"> & { readonly precision: Precision },
  { software }: Pick<Capabilities, "software">,
): TileChoice<T> {
  const { tile, tail: _, ...whole } = choice;
  const byTurns = software ? Math.ceil(k / tile.tileK / SOFTWARE_TURNS) : 1;
  const byTerms = precision === "highest" ? Math.ceil(k / HIGHEST_SLICE) : 1;
  const slices = Math.max(byTurns, byTerms);
  if (slices === 1) return choice;
  return { tile, ...whole, splits: Math.max(choice.splits, slices * products) };
}

/** The tile of multiply-adds for a shape on a device, by rule. */
export function ruledChoice(shape: MatmulShape, capabilities: Capabilities): TileChoice {
  if (capabilities.software) {
    // One slice does where there is one core for each tile.
    return { tile: TILES.software, splits: 1, transposeB: false };
  }
  const { layout, m, dtype, arithmetic } = shape;
  const transposeB = layout === "nt" && m >= TRANSPOSE_ROWS &&
    (dtype === "float32" || arithmetic === "float16");
  const computed = transposeB ? { ...shape, layout: "nn" as const } : shape;
  const fitting = ruledTiles(computed).filter(({ tile }) => fits(tile, capabilities, arithmetic));
  const ways = (fitting.length > 0 ? fitting : [leastTile(shape)]).flatMap(({ tile, speed }) =>
    waysToSplit(computed, tile)
      .filter(({ splits }) => splits > 1 || !waits(computed, tile))
      .map((way) => ({ ...way, tile, cost: way.cost / speed }))
  );
  const { cost: _, ...choice } = leastCost(ways);
  return { ...choice, transposeB };
}

/** A tile for a product, and its speed beside the first one's on an H200. */
interface RuledTile {
  readonly tile: Tile;
  readonly speed: number;
}

/**
 * Rows of both operands of A^T B up to which the tile `flat` writes the output fastest. On an H200 it writes 11,008 x 4,096 in
 * 49 us for one row (others: 53) and in 66 us for 16 rows (others: 86).
 */
const FLAT_ROWS = 16;

function ruledTiles({ layout, m, k, gatedA, arithmetic, dtype }: MatmulShape): RuledTile[] {
  const alone = (tile: Tile) => [{ tile, speed: 1 }];
  if (m <= 16) return alone(TILES.few);
  if (layout === "tn" && k <= FLAT_ROWS) return alone(TILES.flat);
  if (arithmetic === "float16") return alone(TILES.half);
  if (m <= 32) return alone(TILES.low);
  return gatedA ? alone(TILES.wide) : [...alone(TILES.wide), {
    tile: TILES.square,
    speed: SQUARE_SPEED[dtype === "float32" ? "float32" : "short"][layout],
  }];
}

/** A tile that fits the least limits that WebGPU allows, in float32 too. */
function leastTile({ m }: MatmulShape): RuledTile {
  return { tile: m <= 16 ? TILES.few : TILES.wide, speed: 1 };
}

/**
 * K that is long enough to hide what the square tile waits for. At K = 128 it takes 1.35 ms and the wide tile 1.01; at 4,096
 * it takes 7.37 and the wide tile 7.47 (on an H200).
 */
const LONG_K = 2048;

/**
 * True if the tile would stall: its epilogue reads what it overwrites, its many threads leave no registers to prefetch that,
 * and K is too short to hide the wait.
 */
function waits({ k, epilogue }: MatmulShape, tile: Tile): boolean {
  return epilogue !== undefined && epilogue.startsWith("gated-backward") && threadsOf(tile) > 128 &&
    k < LONG_K;
}

/**
 * Speed of the square tile beside the wide one. Twice as many threads share the work of transposing and widening. With 16
 * bits it counts for 1.5 % more than was measured, so that most products share kernels: a driver takes up to three quarters
 * of a second to compile each.
 */
const SQUARE_SPEED: Readonly<Record<"float32" | "short", Readonly<Record<Layout, number>>>> = {
  float32: { nn: 1.018, nt: 1.015, tn: 0.995 },
  short: { nn: 1.045, nt: 1.055, tn: 0.98 },
};
