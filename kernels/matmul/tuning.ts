import type { MatmulShape, SubgroupOperands } from "./config.ts";
import { MOST_SLICES, type Tail } from "./splits.ts";
import { isSubgroupTileName, type SubgroupTileName } from "./subgroup/tile.ts";
import { isTileName, type TileName, TILES } from "./tiles.ts";

/**
 * Schema of a tuning table.
 *
 * @example A table of this form
 * ```ts
 * import { TUNING_SCHEMA } from "@swiglu/webgpu";
 *
 * console.log(JSON.stringify({ schema: TUNING_SCHEMA, adapter: "my GPU", entries: [] }));
 * ```
 */
export const TUNING_SCHEMA = "swiglu-tuning/1";

/**
 * One way of computing a product, as a tuning table names it.
 *
 * @example K in four slices
 * ```ts
 * import type { TunedChoice } from "@swiglu/webgpu";
 *
 * const choice: TunedChoice = { tile: "wide", splits: 4 };
 * console.log(choice);
 * ```
 */
export interface TunedChoice {
  /** A name in `TILES`, or that of a tile of subgroup matrices: "128x128x32/64x64 of 16x16x16". */
  readonly tile: TileName | SubgroupTileName;
  /** Slices of K. */
  readonly splits: number;
  /** Whether B of layout nt is copied transposed first. Default: false. */
  readonly transposeB?: boolean;
  /** The last rows, computed apart in slices of K; only beside `splits` of 1. Default: none. */
  readonly tail?: { readonly tileRows: number; readonly splits: number };
}

/**
 * What the search found for one product.
 *
 * @example Of one product
 * ```ts
 * import type { TuningEntry } from "@swiglu/webgpu";
 *
 * const tiles = (entries: readonly TuningEntry[]) => entries.map(({ product, tile }) => `${product}: ${tile}`);
 * console.log(tiles([]));
 * ```
 */
export interface TuningEntry extends TunedChoice {
  /** The product, by {@linkcode productKey}. */
  readonly product: string;
  /** TFLOP/s. */
  readonly tflops: number;
  /** What the rule chooses, and how fast that is. */
  readonly ruled: TunedChoice & { readonly tflops: number };
  /** Candidates that failed, and why: a wrong result disqualifies, however fast. */
  readonly failed: readonly (TunedChoice & { readonly reason: string })[];
}

/**
 * Results of a search on one adapter.
 *
 * @example An empty one
 * ```ts
 * import { TUNING_SCHEMA, type TuningTable } from "@swiglu/webgpu";
 *
 * const table: TuningTable = { schema: TUNING_SCHEMA, adapter: "my GPU", entries: [] };
 * console.log(table.entries.length);
 * ```
 */
export interface TuningTable {
  /** Tells tables of this form from others. */
  readonly schema: typeof TUNING_SCHEMA;
  /** The adapter's name, as `Capabilities.name` tells it. */
  readonly adapter: string;
  /** One for each product. */
  readonly entries: readonly TuningEntry[];
}

/**
 * A tuning table that cannot be used.
 *
 * @example A file that is no table
 * ```ts
 * import { parseTuning, TuningError } from "@swiglu/webgpu";
 *
 * try {
 *   parseTuning("{}", "tuning.json");
 * } catch (error) {
 *   if (!(error instanceof TuningError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 */
export class TuningError extends TypeError {
  /** Tells this error from others. */
  override name = "TuningError";
}

const tables = new Map<string, ReadonlyMap<string, TunedChoice>>();
let revision = 0;

/** Names a product in a tuning table: everything that its choice of tile depends on. */
export function productKey(shape: MatmulShape): string {
  const { layout, m, n, k, products, columns, gatedA, dtype, arithmetic, operands = null } = shape;
  const becoming = operands === null ? "" : `/${operands}`;
  return `${layout} ${m}x${n}x${k} ${dtype}/${arithmetic}${becoming} ${products}x${columns}${
    gatedA ? " gated" : ""
  }`;
}

const KEY = new RegExp(
  /^(nn|nt|tn) ([1-9]\d{0,9})x([1-9]\d{0,9})x([1-9]\d{0,9}) (float32|float16|bfloat16)\/(float32|float16)(?:\/(float16|rounded|split|float32))? ([12])x([12])( gated)?$/,
);

/**
 * The product that a key names.
 *
 * @throws {TuningError} If it names none.
 */
export function parseProductKey(key: string): MatmulShape {
  const parts = KEY.exec(key);
  if (!parts) {
    throw new TuningError(
      `Cannot read a product's key as it has another form: current value is "${key.slice(0, 80)}"`,
    );
  }
  const [, layout, m, n, k, dtype, arithmetic, operands, products, columns, gated] = parts;
  return {
    layout: layout as MatmulShape["layout"],
    m: Number(m),
    n: Number(n),
    k: Number(k),
    dtype: dtype as MatmulShape["dtype"],
    arithmetic: arithmetic as MatmulShape["arithmetic"],
    products: Number(products) as 1 | 2,
    columns: Number(columns) as 1 | 2,
    gatedA: gated !== undefined,
    ...operands ? { operands: operands as SubgroupOperands } : {},
  };
}

/** The tuned choice for a product on an adapter, where a table in use has one. */
export function tunedChoice(shape: MatmulShape, adapter: string): TunedChoice | null {
  return tables.get(adapter)?.get(productKey(shape)) ?? null;
}

/** Changes whenever a table comes into use, as plans that were made before may no longer hold. */
export function tuningRevision(): number {
  return revision;
}

/**
 * Makes every later product on the table's adapter take its choices. A later table wins over an earlier one.
 *
 * @throws {TuningError} Naming the place and the rule that the table breaks.
 *
 * @example For one adapter
 * ```ts
 * import { TUNING_SCHEMA, useTuning } from "@swiglu/webgpu";
 *
 * useTuning({ schema: TUNING_SCHEMA, adapter: "my GPU", entries: [] });
 * ```
 */
export function useTuning(table: TuningTable): void {
  checkTable(table, "table");
  const choices = new Map(tables.get(table.adapter));
  for (const { product, tile, splits, transposeB = false, tail } of table.entries) {
    choices.set(product, { tile, splits, transposeB, ...tail && { tail } });
  }
  tables.set(table.adapter, choices);
  revision++;
}

/**
 * Reads a tuning table. It is data from outside, so everything in it is checked.
 *
 * @throws {TuningError} Naming the place and the rule that it breaks.
 *
 * @example What `deno task tune` wrote
 * ```ts
 * import { parseTuning, TUNING_SCHEMA, useTuning } from "@swiglu/webgpu";
 *
 * const text = JSON.stringify({ schema: TUNING_SCHEMA, adapter: "my GPU", entries: [] });
 * useTuning(parseTuning(text, "tuning.json"));
 * ```
 */
export function parseTuning(text: string, name: string): TuningTable {
  let table: unknown;
  try {
    table = JSON.parse(text);
  } catch {
    throw new TuningError(`Cannot use ${name} as it must be JSON`);
  }
  return checkTable(table as Partial<TuningTable> | null, name);
}

function checkTable(table: Partial<TuningTable> | null, name: string): TuningTable {
  const refuse = (rule: string): never => {
    throw new TuningError(`Cannot use ${name} as ${rule}`);
  };
  if (typeof table !== "object" || table === null || table.schema !== TUNING_SCHEMA) {
    refuse(
      `its schema must be "${TUNING_SCHEMA}": current value is ${
        JSON.stringify(table?.schema)?.slice(0, 80)
      }`,
    );
  }
  const { adapter, entries } = table as Partial<TuningTable>;
  if (typeof adapter !== "string" || adapter === "") refuse("adapter must be a name");
  if (!Array.isArray(entries)) refuse("entries must be a list");
  for (const [i, entry] of (entries as unknown[]).entries()) checkEntry(entry, `entries[${i}]`, refuse);
  return table as TuningTable;
}

function checkEntry(entry: unknown, place: string, refuse: (rule: string) => never): void {
  if (typeof entry !== "object" || entry === null) refuse(`${place} must be an object`);
  const { product, tile, splits, transposeB = false, tail, tflops } = entry as Partial<TuningEntry>;
  if (typeof product !== "string" || !KEY.test(product)) refuse(`${place}.product must name a product`);
  const onMatrices = isSubgroupTileName(tile);
  if (!onMatrices && (typeof tile !== "string" || !isTileName(tile))) {
    refuse(`${place}.tile must be one of ${Object.keys(TILES)}, or name a tile of subgroup matrices`);
  }
  if (onMatrices && !parseProductKey(product).operands) {
    refuse(`${place}.tile must be one of ${Object.keys(TILES)} as the product takes no subgroup matrices`);
  }
  if (onMatrices && (transposeB || tail !== undefined)) {
    refuse(`${place} must have neither transposeB nor tail as its tile is one of subgroup matrices`);
  }
  if (!isWhole(splits, { from: 1, to: MOST_SLICES })) {
    refuse(`${place}.splits must be from 1 to ${MOST_SLICES}`);
  }
  if (tail !== undefined && (splits !== 1 || !isTail(tail))) {
    refuse(`${place}.tail must have tileRows from 1 and splits from 2 to ${MOST_SLICES}, beside splits of 1`);
  }
  if (typeof transposeB !== "boolean" || transposeB && !product.startsWith("nt ")) {
    refuse(`${place}.transposeB must be true or false, and true for layout nt only`);
  }
  if (!Number.isFinite(tflops) || tflops! <= 0) refuse(`${place}.tflops must be above 0`);
}

function isTail(value: unknown): value is Tail {
  if (typeof value !== "object" || value === null) return false;
  const { tileRows, splits } = value as Partial<Tail>;
  return isWhole(tileRows, { from: 1, to: 2 ** 20 }) && isWhole(splits, { from: 2, to: MOST_SLICES });
}

function isWhole(value: unknown, { from, to }: { from: number; to: number }): boolean {
  return Number.isInteger(value) && value as number >= from && value as number <= to;
}
