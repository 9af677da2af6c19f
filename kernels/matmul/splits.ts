import { range } from "../text.ts";
import type { MatmulShape } from "./config.ts";
import { threadsOf, type Tile } from "./tile.ts";

/**
 * The last rows of the output, whose K is split. Tiles rarely fill the last round of multiprocessors. Many small workgroups
 * there keep all of them busy to the end.
 */
export interface Tail {
  /** Rows of tiles. */
  readonly tileRows: number;
  /** Slices of K. */
  readonly splits: number;
}

/** Rows of `m` that are not in the tail: whole tiles. */
export function rowsBefore({ tileRows }: Tail, { tileM }: Pick<Tile, "tileM">, m: number): number {
  return Math.max(0, Math.ceil(m / tileM) - tileRows) * tileM;
}

/** What a tile covers of the output. */
export type TileSize = Pick<Tile, "tileM" | "tileN">;

/** Multiprocessors of an H200. WebGPU does not tell how many a GPU has, so the rule takes every GPU for an H200. */
export const MULTIPROCESSORS = 132;

/** Workgroups that keep all multiprocessors busy: three on each. */
const BUSY = 3 * MULTIPROCESSORS;

/**
 * What a last, incomplete round costs beyond its share, in workgroups. The index is the number of workgroups that a
 * multiprocessor has in that round. A full round has as many as it runs together: two of `square`, four of `few`, three of
 * the others. Measured on an H200: one workgroup of `square` alone takes 1.3 times as long as each of two. Three of `few` keep
 * the memory busy. Of the others, one alone takes 1.5 times as long as each of three, and each of two 1.05 times.
 */
const UNEVEN = {
  square: [0, 0.3],
  few: [0, 1.1, 0.6, 0.1],
  others: [0, 0.5, 0.1],
} as const;

/** The last multiprocessor ends later than the others by this part of the time, unless a tail keeps them busy. */
const DRIFT = 0.006;

/**
 * What a workgroup costs besides its products, and what a second launch costs. The unit of all costs is the time that a
 * workgroup of the `wide` tile takes for one index of K, 46 ns.
 */
const WORKGROUP_COST = 40;
const LAUNCH_COST = 60;

/** What a tail costs besides its products. (It takes 20 us if nothing runs beside it.) */
const TAIL_COST = 200;

/** Bytes of partial sums that cost as much as one index of K. They are written once and read once, mostly in a cache. */
const PARTIAL_BYTES = 186_000;

/** Slices of K are at least this long, so that their sums cost little beside their products. */
const LEAST_SLICE = 128;

/** Numbers of slices of a tail. */
const TAIL_SPLITS = [2, 4, 8];

/** A division other than the simplest is taken only if it costs less than this part of it. */
const LEAST_GAIN = 0.996;

/** More slices than this were never faster. */
export const MOST_SLICES = 64;

/** Partial sums of a split product take at most this much memory, and so stay in a large last-level cache. */
const MOST_PARTIAL_BYTES = 44 * 2 ** 20;

/** How a product may be divided among workgroups. */
export interface Division {
  readonly splits: number;
  readonly tail?: Tail;
  /** The time that it should take on an H200, in the unit of costs. */
  readonly cost: number;
}

/** The division that costs least, or the first one if a measurement could not tell them apart. */
export function leastCost<W extends Division>([first, ...others]: readonly W[]): W {
  const best = others.reduce((best, way) => way.cost < best.cost ? way : best, first);
  return best.cost < LEAST_GAIN * first.cost ? best : first;
}

/** How a product may be divided on a tile, the simplest division first. */
export function waysToSplit(shape: MatmulShape, tile: Tile): Division[] {
  const { m, n, k, columns, products, mostSliceBytes = MOST_PARTIAL_BYTES } = shape;
  const byLength = Math.floor(k / LEAST_SLICE);
  const byMemory = Math.floor(mostSliceBytes / (4 * m * n * columns * products));
  const most = Math.min(byLength, byMemory, Math.floor(MOST_SLICES / products));
  const slices = range(most).map((i) => (i + 1) * products).filter((splits) => splits > 1);
  const split = slices.map((splits) => ({ splits, cost: splitCost(shape, tile, splits) }));
  if (addsApart(shape)) return [{ splits: 1, cost: splitCost(shape, tile, products) }, ...split];
  return [{ splits: 1, cost: wholeCost(shape, tile) }, ...split, ...tailWays(shape, tile)];
}

/** Whether products are added up outside the output, in at least one slice each. `addsInPlace` says it of a request. */
function addsApart({ products, dtype }: MatmulShape): boolean {
  return products > 1 && dtype !== "float32";
}

/**
 * How many rows of the output are computed at once, so that their slices have room. If not all, as many as fill whole rounds
 * of multiprocessors.
 */
export function rowsAtOnce(
  { m, n, columns, mostSliceBytes = MOST_PARTIAL_BYTES }: MatmulShape,
  tile: TileSize,
  { slices, together = 1 }: { slices: number; together?: number },
): number {
  const fitting = Math.floor(mostSliceBytes / (4 * n * columns * slices));
  if (fitting >= m) return m;
  const tileRows = Math.max(1, Math.floor(fitting / tile.tileM));
  const perRow = tilesOf(tile, { m: 1, n, columns }) * slices;
  const round = together * MULTIPROCESSORS;
  const rounds = Math.floor(tileRows * perRow / round);
  return tile.tileM * (rounds > 0 ? Math.max(1, Math.floor(rounds * round / perRow)) : tileRows);
}

function tailWays(shape: MatmulShape, tile: Tile): Division[] {
  return tailsOf(shape, tile).map((tail) => ({ splits: 1, tail, cost: tailCost(shape, tile, tail) }));
}

/** A multiprocessor has one rate, whether two or three workgroups share it. So the one with the most workgroups decides. */
function wholeCost(shape: MatmulShape, tile: Tile): number {
  const share = Math.ceil(tilesOf(tile, shape) / MULTIPROCESSORS);
  return shape.products * timeOf(tile, share) * sizeOf(tile) * (shape.k + WORKGROUP_COST);
}

/** The slices of all products run together, so their workgroups are counted together. */
function splitCost(shape: MatmulShape, tile: Tile, splits: number): number {
  const { k, products } = shape;
  const share = Math.ceil(tilesOf(tile, shape) * splits / MULTIPROCESSORS);
  const sums = timeOf(tile, share) * sizeOf(tile) * (k * products / splits + WORKGROUP_COST);
  return sums + slicesCost(shape, splits);
}

/** The tail's slices run while the last rounds of the other rows end. So all multiprocessors end within the time of one slice. */
function tailCost(shape: MatmulShape, tile: Tile, tail: Tail): number {
  const { m, k, products } = shape;
  const { splits } = tail;
  const first = rowsBefore(tail, tile, m);
  const rows = m - first;
  const before = Math.ceil(tilesOf(tile, { ...shape, m: first }) / MULTIPROCESSORS);
  const average = tilesOf(tile, shape) / MULTIPROCESSORS + aloneOf(tile) + 0.5 / splits;
  const pieces = tilesOf(tile, { ...shape, m: rows }) * (splits - 1) / MULTIPROCESSORS;
  const share = Math.max(timeOf(tile, before), average);
  const sums = share * (k + WORKGROUP_COST) + pieces * WORKGROUP_COST;
  return products * (sizeOf(tile) * sums + TAIL_COST + slicesCost({ ...shape, m: rows }, splits));
}

/** What slices cost besides their products: another launch, and sums that are written and read again. */
function slicesCost({ m, n, columns }: MatmulShape, splits: number): number {
  return LAUNCH_COST + 4 * m * n * columns * splits / PARTIAL_BYTES;
}

/** The time that a multiprocessor takes for `share` workgroups, in times of one. Registers decide how many run together. */
function timeOf(tile: Tile, share: number): number {
  const rounds = UNEVEN[threadsOf(tile) > 128 ? "square" : tile.tileM <= 16 ? "few" : "others"];
  return (1 + DRIFT) * share + rounds[share % rounds.length];
}

/** What it costs if a multiprocessor is left with one workgroup alone. */
const aloneOf = (tile: Tile) => threadsOf(tile) > 128 ? 0.2 : 0;

const sizeOf = ({ tileM, tileN }: Tile) => tileM * tileN / (64 * 128);

/**
 * Tails to consider: of one row of tiles up to about as many tiles as there are multiprocessors. None if all the tiles would
 * not keep the device busy.
 */
function tailsOf(shape: MatmulShape, tile: Tile): Tail[] {
  const { m, n, k, columns, mostSliceBytes = MOST_PARTIAL_BYTES } = shape;
  if (tilesOf(tile, shape) < BUSY) return [];
  const row = tilesOf(tile, { m: 1, n, columns });
  const most = Math.min(Math.ceil(MULTIPROCESSORS / row), Math.ceil(m / tile.tileM) - 1);
  return range(most).map((i) => i + 1).flatMap((tileRows) => {
    const partialBytes = 4 * tileRows * tile.tileM * n * columns;
    const allowed = TAIL_SPLITS.filter((splits) =>
      k / splits >= LEAST_SLICE && splits * partialBytes <= mostSliceBytes
    );
    return allowed.map((splits) => ({ tileRows, splits }));
  });
}

/** The tail that should serve a product best with a tile, if any can. */
export function tailToTry(shape: MatmulShape, tile: Tile): Tail | undefined {
  const ways = tailWays(shape, tile);
  return ways.length === 0 ? undefined : leastCost(ways).tail;
}

/** Numbers of slices that a search tries: one, a few, and those that just fill an H200 one to four times. */
export function splitsToTry({ m, n, k, columns, products }: MatmulShape, tile: Tile): number[] {
  const tiles = tilesOf(tile, { m, n, columns });
  const filling = [1, 2, 3, 4].map((times) => Math.floor(times * BUSY / tiles));
  const most = Math.min(Math.floor(k * products / LEAST_SLICE), MOST_SLICES);
  // Each product gets as many slices as the other.
  const slices = [2, 3, ...filling].map((splits) => Math.ceil(splits / products) * products);
  return [...new Set([1, ...slices])].filter((splits) => splits === 1 || splits > 1 && splits <= most);
}

function tilesOf(tile: TileSize, { m, n, columns }: Pick<MatmulShape, "m" | "n" | "columns">): number {
  return Math.ceil(m / tile.tileM) * Math.ceil(n / (tile.tileN / columns));
}
