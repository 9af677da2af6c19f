import type { SubgroupMatrixConfig } from "../../gpu/capabilities.ts";
import type { Layout, SubgroupOperands } from "../config.ts";
import { TileError } from "../tile.ts";
import { componentOf } from "./operands.ts";

export type { SubgroupOperands };

/**
 * How a workgroup covers the output with subgroup matrices: a tile of tileM x tileN, walked along K in steps of tileK.
 *
 * Each subgroup owns a patch of patchM x patchN, a grid of result matrices that stay in its registers.
 */
export interface SubgroupTile {
  /** Rows of the output. */
  readonly tileM: number;
  /** Columns of the output, of all column blocks together. */
  readonly tileN: number;
  /** Step along K. */
  readonly tileK: number;
  /** Rows of a subgroup. */
  readonly patchM: number;
  /** Columns of a subgroup, of all column blocks together. */
  readonly patchN: number;
  /** Shape of one matrix: result M x N, of operands M x K and K x N. */
  readonly matrix: { readonly M: number; readonly N: number; readonly K: number };
  /** Threads of a subgroup at most. */
  readonly subgroupSize: number;
  /** Rows of tiles that run together, so that their operands stay in the last-level cache. */
  readonly group: number;
}

/**
 * Terms of K that matrices add up before threads keep the sums as float32.
 *
 * Tensor cores cut sums off where multiply-adds round them. Of split operands, three products of each matrix along K are cut,
 * each by 2e-8 of the sum on average. After 256 terms the error is 1.2e-6, after 320 1.3e-6, after 512 2.1e-6 and after 1,024
 * 4.0e-6 (on an H200); y, the third product in a row, has it three times. A kernel runs at 97 TFLOP/s with 256 terms and at 100
 * with 320.
 */
export const STRETCH = 320;

/** Elements of float16 in 16 bytes. */
export const EIGHT = 8;

/** Rows of tiles that run together, of every tile that is chosen. */
export const TILE_ROWS = 8;

/** Elements of a shared tile in 16 bytes. */
export function elementsIn16Bytes(operands: SubgroupOperands): 4 | 8 {
  return componentOf(operands) === "f16" ? EIGHT : 4;
}

/** Vectors of 16 bytes by which a row of a shared tile is longer: the rows of a matrix would meet in few banks without it. */
const PADDING = 1;

/** What decides how much of a workgroup's memory a tile takes. */
export interface SubgroupUse {
  readonly layout: Layout;
  readonly operands: SubgroupOperands;
  /** Matrices B that share A. */
  readonly columns: 1 | 2;
}

/** The device limits that bound a tile. */
export interface SubgroupLimits {
  readonly subgroupMatrices: readonly SubgroupMatrixConfig[];
  readonly subgroupMaxSize: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

/** Subgroups of one workgroup. */
export function subgroupsOf({ tileM, tileN, patchM, patchN }: SubgroupTile): number {
  return (tileM / patchM) * (tileN / patchN);
}

/** Threads of one workgroup. */
export function threadsOf(tile: SubgroupTile): number {
  return subgroupsOf(tile) * tile.subgroupSize;
}

/** How many matrices an operand becomes: a split one becomes a high and a low part. */
export function partsOf(operands: SubgroupOperands): number {
  return operands === "split" ? 2 : 1;
}

/** A tile of an operand in workgroup memory: its rows and columns as they lie in device memory. */
export interface SharedTile {
  readonly rows: number;
  readonly cols: number;
  /** Vectors of 16 bytes from one row to the next. */
  readonly stride: number;
  /** Vectors of 16 bytes of one of its parts. */
  readonly vectors: number;
}

/** The shared tiles of both operands. */
export function sharedTiles(
  { tileM, tileN, tileK }: SubgroupTile,
  { layout, operands }: Pick<SubgroupUse, "layout" | "operands">,
): Record<"a" | "b", SharedTile> {
  const shared = (rows: number, cols: number): SharedTile => {
    const stride = cols / elementsIn16Bytes(operands) + PADDING;
    return { rows, cols, stride, vectors: rows * stride };
  };
  return {
    a: layout === "tn" ? shared(tileK, tileM) : shared(tileM, tileK),
    b: layout === "nt" ? shared(tileN, tileK) : shared(tileK, tileN),
  };
}

/** Vectors of workgroup memory, 16 bytes each, that the tiles of both operands take. */
function tileVectors(tile: SubgroupTile, use: SubgroupUse): number {
  const { a, b } = sharedTiles(tile, use);
  return partsOf(use.operands) * (a.vectors + b.vectors);
}

/** How sums come out of a workgroup: some columns of matrices at a time, by way of the memory that tiles no longer need. */
export interface Passage {
  /** Columns of one column block that a subgroup puts there at once. */
  readonly cols: number;
  /** Vectors of four from one row to the next. */
  readonly stride: number;
  /** Vectors of four that one matrix row of one column block takes. */
  readonly vectors: number;
}

/** The widest passage that the tiles' own memory has room for, or else that of one matrix. */
export function passageOf(tile: SubgroupTile, use: SubgroupUse): Passage {
  const { matrix, patchN } = tile;
  const { columns } = use;
  const room = tileVectors(tile, use) / (subgroupsOf(tile) * columns);
  const passage = (cols: number) => ({ cols, stride: cols / 4 + 1, vectors: matrix.M * (cols / 4 + 1) });
  let cols = patchN / columns;
  while (cols > matrix.N && passage(cols).vectors > room) cols /= 2;
  return passage(cols);
}

/** Vectors of 16 bytes that a workgroup needs. */
export function workgroupVectors(tile: SubgroupTile, use: SubgroupUse): number {
  const passages = subgroupsOf(tile) * use.columns;
  return Math.max(tileVectors(tile, use), passages * passageOf(tile, use).vectors);
}

/**
 * Name of a tile of subgroup matrices in reports and tuning tables: rows, columns and K of a workgroup, rows and columns of a
 * subgroup, then the sizes of one matrix.
 *
 * @example A choice for a tuning table
 * ```ts
 * import type { SubgroupTileName } from "@swiglu/webgpu";
 *
 * const tile: SubgroupTileName = "128x128x32/64x64 of 16x16x16";
 * console.log(tile);
 * ```
 */
export type SubgroupTileName =
  `${number}x${number}x${number}/${number}x${number} of ${number}x${number}x${number}`;

/** The name of a tile. */
export function subgroupTileName(tile: SubgroupTile): SubgroupTileName {
  const { tileM, tileN, tileK, patchM, patchN, matrix: { M, N, K } } = tile;
  return `${tileM}x${tileN}x${tileK}/${patchM}x${patchN} of ${M}x${N}x${K}`;
}

const NAME = /^(\d{1,4})x(\d{1,4})x(\d{1,4})\/(\d{1,4})x(\d{1,4}) of (\d{1,3})x(\d{1,3})x(\d{1,3})$/;

/** Whether a value has the form of a {@linkcode SubgroupTileName}. */
export function isSubgroupTileName(name: unknown): name is SubgroupTileName {
  return typeof name === "string" && NAME.test(name);
}

/** The tile that a name of {@linkcode subgroupTileName} stands for on a device, or null if it is none. */
export function subgroupTileNamed(
  name: string,
  { subgroupMaxSize }: Pick<SubgroupLimits, "subgroupMaxSize">,
): SubgroupTile | null {
  const sizes = NAME.exec(name);
  if (!sizes) return null;
  const [tileM, tileN, tileK, patchM, patchN, M, N, K] = sizes.slice(1).map(Number);
  const matrix = { M, N, K };
  return { tileM, tileN, tileK, patchM, patchN, matrix, subgroupSize: subgroupMaxSize, group: TILE_ROWS };
}

/** Whether a tile is one of subgroup matrices. */
export function isSubgroupTile(tile: object): tile is SubgroupTile {
  return "matrix" in tile;
}

/** Whether a device has the matrices of a tile and room for it. */
export function subgroupFits(tile: SubgroupTile, limits: SubgroupLimits, use: SubgroupUse): boolean {
  return hasMatrix(tile, limits, use) && tile.subgroupSize === limits.subgroupMaxSize &&
    16 * workgroupVectors(tile, use) <= limits.maxComputeWorkgroupStorageSize &&
    threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup;
}

function hasMatrix(
  { matrix }: SubgroupTile,
  { subgroupMatrices }: SubgroupLimits,
  { operands }: SubgroupUse,
): boolean {
  const component = componentOf(operands);
  return subgroupMatrices.some(({ componentType, resultComponentType, M, N, K }) =>
    componentType === component && resultComponentType === "f32" &&
    M === matrix.M && N === matrix.N && K === matrix.K
  );
}

/** Whether {@linkcode checkSubgroupTile} has nothing against a tile. */
export function isUsable(tile: SubgroupTile, limits: SubgroupLimits, use: SubgroupUse): boolean {
  try {
    checkSubgroupTile(tile, limits, use);
    return true;
  } catch (error) {
    if (error instanceof TileError) return false;
    throw error;
  }
}

/**
 * Checks a tile against its own rules, the column blocks it has to hold and the device's limits.
 *
 * @throws {TileError} Naming the field, the rule and the value.
 */
export function checkSubgroupTile(tile: SubgroupTile, limits: SubgroupLimits, use: SubgroupUse): void {
  const { columns, operands } = use;
  const { tileM, tileN, patchM, patchN, matrix, group } = tile;
  for (const field of ["tileM", "tileN", "tileK", "patchM", "patchN"] as const) {
    const value = tile[field];
    if (!Number.isInteger(Math.log2(value)) || value < EIGHT) {
      refuse(field, `must be a power of two from ${EIGHT} up`, value);
    }
  }
  multiple("tileM", tileM, "patchM", patchM);
  multiple("tileN", tileN, "patchN", patchN);
  multiple("patchM", patchM, "matrix.M", matrix.M);
  multiple("patchN", patchN, "matrix.N for each column block", matrix.N * columns);
  multiple("tileK", tile.tileK, "matrix.K", matrix.K);
  if (!Number.isInteger(group) || group < 1) refuse("group", "must be a whole number from 1 up", group);
  if (!hasMatrix(tile, limits, use)) {
    const { M, N, K } = matrix;
    refuse("matrix", `must be one of the device's from ${componentOf(operands)} to f32`, `${M}x${N}x${K}`);
  }
  if (tile.subgroupSize !== limits.subgroupMaxSize) {
    refuse("subgroupSize", `must be the device's, ${limits.subgroupMaxSize}`, tile.subgroupSize);
  }
  // Column blocks that share the tile may also be multiplied one by one.
  const row = Math.max(tileM, tileN, tile.tileK) / (operands === "float16" ? EIGHT : 4);
  if (threadsOf(tile) < row) {
    refuse("threads", `must be at least ${row} to load a row of the tile at once`, threadsOf(tile));
  }
  if (threadsOf(tile) > limits.maxComputeInvocationsPerWorkgroup) {
    refuse("threads", `must be at most ${limits.maxComputeInvocationsPerWorkgroup}`, threadsOf(tile));
  }
  const bytes = 16 * workgroupVectors(tile, use);
  if (bytes > limits.maxComputeWorkgroupStorageSize) {
    refuse(
      "workgroup memory",
      `must be at most ${limits.maxComputeWorkgroupStorageSize} bytes (maxComputeWorkgroupStorageSize)`,
      bytes,
    );
  }
}

function multiple(field: string, value: number, of: string, divisor: number): void {
  if (value % divisor !== 0) refuse(field, `must be a multiple of ${of} = ${divisor}`, value);
}

function refuse(field: string, rule: string, value: number | string): never {
  throw new TileError(`Cannot build the subgroup tile as ${field} ${rule}: current value is ${value}`);
}
