/**
 * How a workgroup covers the output: a tile of tileM x tileN, walked along K in steps of tileK.
 *
 * A thread owns threadM x threadN outputs in groups of four columns. Threads form groups of lanesM x lanesN lanes whose
 * outputs adjoin, so that the 32 lanes of a warp read few different words of shared memory.
 */
export interface Tile {
  /** Rows of the output. */
  readonly tileM: number;
  /** Columns of the output, of all column blocks together. */
  readonly tileN: number;
  /** Step along K. */
  readonly tileK: number;
  /** Rows of one thread. */
  readonly threadM: number;
  /** Columns of one thread. */
  readonly threadN: number;
  /** Adjoining threads along M. */
  readonly lanesM: number;
  /** Adjoining threads along N. */
  readonly lanesN: number;
  /** Rows of tiles that run together, so that their operands stay in the last-level cache. */
  readonly group: number;
  /** The operand that neighbouring multiply-adds share. Which one suits the register file differs by kernel. */
  readonly reuse: "a" | "b";
  /** How many tiles of each operand are on their way to registers while one is multiplied. */
  readonly ahead: 1 | 2;
}

/** The device limits that bound a tile. */
export interface TileLimits {
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

/** A tile that cannot be built. */
export class TileError extends RangeError {
  override name = "TileError";
}

/** Threads of one workgroup. */
export function threadsOf(tile: Tile): number {
  return (tile.tileM / tile.threadM) * (tile.tileN / tile.threadN);
}

/** Vectors of four that pad each row of a shared tile. Without them transposed stores would meet in one bank. */
export const PADDING = 1;

/** What the elements of shared tiles are. */
type Arithmetic = "float32" | "float16";

/** The most bytes of workgroup memory that a tile takes, with both operands padded. Devices do not check this, so the library does. */
export function workgroupBytes({ tileM, tileN, tileK }: Tile, arithmetic: Arithmetic): number {
  return tileK * (tileM + tileN + 8 * PADDING) * (arithmetic === "float16" ? 2 : 4);
}

/** Whether a device's limits leave room for a tile. */
export function fits(tile: Tile, limits: TileLimits, arithmetic: Arithmetic): boolean {
  return workgroupBytes(tile, arithmetic) <= limits.maxComputeWorkgroupStorageSize &&
    threadsOf(tile) <= limits.maxComputeInvocationsPerWorkgroup;
}

/** Short name of a tile for reports and kernel keys: "64x128x16/8x8a", "16x256x8/4x8b, 2 ahead". */
export function tileName(tile: Tile): string {
  const { tileM, tileN, tileK, threadM, threadN } = tile;
  const lanes = tile.lanesM === 4 && tile.lanesN === 8 ? "" : `/${tile.lanesM}x${tile.lanesN}`;
  const ahead = tile.ahead === 1 ? "" : `, ${tile.ahead} ahead`;
  return `${tileM}x${tileN}x${tileK}/${threadM}x${threadN}${lanes}${tile.reuse}${ahead}`;
}

/**
 * Checks a tile against its own rules, the column blocks it has to hold and the device's limits.
 *
 * @throws {TileError} Naming the field, the rule and the value.
 */
export function checkTile(
  tile: Tile,
  limits: TileLimits,
  { columns = 1, arithmetic = "float32" }: { columns?: 1 | 2; arithmetic?: Arithmetic } = {},
): void {
  const powers = ["tileN", "tileK", "threadN", "lanesM", "lanesN"] as const;
  for (const field of powers) {
    const value = tile[field];
    const least = field.startsWith("lanes") ? 1 : 4;
    if (!Number.isInteger(Math.log2(value)) || value < least) {
      refuse(field, `must be a power of two from ${least} up`, value);
    }
  }
  if (!Number.isInteger(tile.threadM / 4) || tile.threadM < 4) {
    refuse("threadM", "must be a multiple of 4 from 4 up", tile.threadM);
  }
  const { tileM, tileN, tileK, threadM, threadN, lanesM, lanesN, group } = tile;
  if (threadN < 4 * columns) {
    refuse("threadN", `must be at least 4 for each of ${columns} column blocks`, threadN);
  }
  const groups = tileM / (threadM * lanesM);
  if (!Number.isInteger(Math.log2(groups)) || groups < 1) {
    refuse("tileM", `must be threadM x lanesM = ${threadM * lanesM} by a power of two`, tileM);
  }
  if (tileN % (threadN * lanesN) !== 0) {
    refuse("tileN", `must be a multiple of threadN x lanesN = ${threadN * lanesN}`, tileN);
  }
  if (!Number.isInteger(group) || group < 1) refuse("group", "must be a whole number from 1 up", group);
  // A row of the shared tile has vectors along M or N; one along K has single elements.
  const row = Math.max(tileM / 4, tileN / 4, tileK);
  if (threadsOf(tile) < row) {
    refuse("threads", `must be at least ${row} to load a row of the tile at once`, threadsOf(tile));
  }
  // Rows along K are loaded in blocks of four rows by one, two or four elements.
  for (
    const [name, rows, lengths] of [["tileM", tileM, [1, 2]], ["tileN", tileN / columns, [2, 4]]] as const
  ) {
    const counts = lengths.map((length) => rows / 4 * tileK / length);
    if (counts.some((blocks) => blocks > threadsOf(tile) && blocks % threadsOf(tile) !== 0)) {
      refuse(name, `must give each of ${threadsOf(tile)} threads as many blocks of 4 rows to load`, rows);
    }
  }
  const most = limits.maxComputeInvocationsPerWorkgroup;
  if (threadsOf(tile) > most) refuse("threads", `must be at most ${most} on this device`, threadsOf(tile));
  const room = limits.maxComputeWorkgroupStorageSize;
  const bytes = workgroupBytes(tile, arithmetic);
  if (bytes > room) refuse("workgroup bytes", `must be at most ${room} on this device`, bytes);
}

function refuse(field: string, rule: string, value: number): never {
  throw new TileError(`Cannot build the matmul tile as ${field} ${rule}: current value is ${value}`);
}
