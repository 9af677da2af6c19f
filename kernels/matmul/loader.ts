import type { Activation } from "../activation.ts";
import { gateFormulas } from "../activation_wgsl.ts";
import { lines, range } from "../text.ts";
import { PADDING, type Tile } from "./tile.ts";

/**
 * Moves one operand from device memory through registers into its shared tile, as WGSL text.
 *
 * There is no branch between a load and its use. The load would have to finish where the branch ends, and that wait would
 * undo the prefetch (39.6 against 46.7 TFLOP/s on an H200).
 */
export interface Loader {
  /** Module scope: the shared tile. */
  readonly declaration: string;
  /** Runs once. Each thread's place in the tile, in units of the operand's buffer. */
  readonly setup: string;
  /** The place of the tile that begins at `k0`. */
  readonly begin: string;
  /** Moves the place on by one tile. */
  readonly advance: string;
  /** Declares a set of registers. */
  registers(set: string): string;
  /** Fills a set from the tile. Elements beyond the matrix hold anything. */
  fetch(set: string): string;
  /** Writes a set to the shared tile. */
  commit(set: string): string;
  /** The shared tile's row for index `k` along K, a number or a WGSL name. */
  row(k: number | string): string;
}

/** What a loader needs to know of its operand. */
export interface LoaderInit {
  readonly name: "a" | "b";
  /** Size of the tile along M or N. */
  readonly outer: number;
  readonly tile: Tile;
  readonly threads: number;
  /** WGSL type of four elements in registers and in the shared tile. */
  readonly vector: "vec4f" | "vec4<f16>";
  /** How many matrices the operand has: gate and up lie side by side in the tile, g and u become one h. */
  readonly parts: number;
  /** Whether they are g and u of a gated A. */
  readonly gated: boolean;
  /** Of a gated A. */
  readonly activation: Activation;
  /** Names of the parts' load functions. */
  readonly loads: readonly string[];
  /** Names of the parts' element offsets. */
  readonly offsets: readonly string[];
  /** Elements that the load functions give. */
  readonly length: 1 | 2 | 4;
  /** Elements of the unit in which the load functions count: as many as they load if all is aligned, else 1. */
  readonly unit: 1 | 2 | 4;
}

const SIZE = { a: "m", b: "n" } as const;

/** Deals `count` items, `per` a row, to threads. Gives WGSL for the row and the column of a thread's items. */
class Deal {
  readonly items: number[];
  /** Rows that all threads cover together: the item index steps by this many. */
  readonly rowsPerPass: number;
  readonly #count: number;
  readonly #twoRows: boolean;
  /** A thread's number. Threads without an item take the last rows. Columns need no bound: a mask keeps them inside. */
  readonly #thread: string;

  /** With `twoRows`, eight neighbouring threads take four items of each of two rows, if there are so many. */
  constructor(count: number, readonly per: number, readonly threads: number, { twoRows = false } = {}) {
    this.#count = count;
    this.items = range(Math.ceil(count / threads));
    this.rowsPerPass = Math.min(count, threads) / per;
    this.#twoRows = twoRows && per >= 4 && this.rowsPerPass % 2 === 0;
    this.#thread = count < threads ? `min(tid, ${count - 1}u)` : "tid";
  }

  /** Row of a thread's first item. Its `i`-th item lies `i * rowsPerPass` rows further on. */
  get row(): string {
    const bits = Math.log2(this.per);
    const thread = this.#thread;
    return this.#twoRows
      ? `(((${thread} >> ${bits + 1}u) << 1u) | ((tid >> 2u) & 1u))`
      : `(${thread} >> ${bits}u)`;
  }

  get col(): string {
    const mask = this.per - 1;
    return this.#twoRows ? `((tid & 3u) | ((tid >> 1u) & ${mask & ~3}u))` : `(tid & ${mask}u)`;
  }

  /**
   * Small tiles have fewer items than threads. The other threads store nothing, but they load what another thread loads,
   * so that no branch comes between a load and its use.
   */
  guard(text: string): string {
    return this.#count < this.threads ? `if (tid < ${this.#count}u) {\n${text}\n}` : text;
  }
}

/** The loader for an operand. Rows along M or N go straight into the tile; rows along K are transposed on the way. */
export function loader(init: LoaderInit, along: "outer" | "k"): Loader {
  return along === "outer" ? directLoader(init) : blockLoader(init);
}

/**
 * Tells where a tile lies. Each part has one uniform place, which one addition moves on, and each item has a fixed place in
 * the tile. Beside the 1,024 multiply-adds and 64 loads of a step, NVIDIA's compiler then emits 62 more instructions. It
 * emits 102 where places are computed from `k0` in elements (51 against 49.5 TFLOP/s on an H200).
 */
function places({ name, parts, offsets, unit, tile }: LoaderInit, along: "outer" | "k") {
  const place = (part: number) => `${name}_place_${part}`;
  const inUnits = (elements: string) => unit === 1 ? elements : `(${elements}) >> ${Math.log2(unit)}u`;
  const stride = along === "outer" ? `p.stride_${name}` : "1u";
  return {
    inUnits,
    place,
    begin: lines(
      range(parts).map((part) => `var ${place(part)} = ${inUnits(`${offsets[part]} + k0 * ${stride}`)};`),
    ),
    advance: lines(range(parts).map((part) => `${place(part)} += ${inUnits(`${tile.tileK}u * ${stride}`)};`)),
  };
}

/** A shared tile as an array of three levels. Constant steps within a thread's row then need no index check of their own. */
function shared(
  { name, outer, tile, vector }: LoaderInit,
  { rows, padding }: { rows: number; padding: number },
) {
  const row = `array<${vector}, ${outer / 4 + padding}>`;
  return {
    declaration: `var<workgroup> tile_${name}: array<array<${row}, ${rows}>, ${tile.tileK / rows}>;`,
    row: (k: number | string) =>
      typeof k === "number"
        ? `tile_${name}[${Math.floor(k / rows)}][${k % rows}]`
        : `tile_${name}[${k} >> ${Math.log2(rows)}u][${k} & ${rows - 1}u]`,
  };
}

/**
 * For rows along M or N, whose vectors go to the shared tile as they come. Each matrix has tileK rows of `outer / parts`
 * columns there, which threads take in strips of a power of two. g and u share all columns.
 */
function directLoader(init: LoaderInit): Loader {
  const { name, tile, threads, parts, gated } = init;
  const per = (gated ? init.outer : init.outer / parts) / 4;
  const strip = per & -per;
  const deal = new Deal(tile.tileK * strip, strip, threads);
  const tileAt = shared(init, { rows: deal.rowsPerPass, padding: 0 });
  const passes = deal.items.length;
  const items = range(passes * per / strip);
  const reg = (set: string, part: number, i: number) => `${name}_${set}_${part}_${i}`;
  const plus = (offset: number) => offset === 0 ? deal.col : `${deal.col} + ${offset}u`;
  const column = (i: number) => Math.floor(i / passes) * strip;
  const { inUnits, place, begin, advance } = places(init, "outer");
  const target = (part: number, i: number) =>
    `tile_${name}[${i % passes}][${deal.row}][${plus(column(i) + (gated ? 0 : part * per))}]`;
  const each = (text: (part: number, i: number) => string) =>
    lines(items.flatMap((i) => range(parts).map((part) => text(part, i))));
  return {
    ...tileAt,
    setup: lines(
      items.map((i) =>
        `let ${name}_at_${i} = ` + inUnits(
          `(${deal.row} + ${i % passes * deal.rowsPerPass}u) * p.stride_${name} + ` +
            `min(origin_${name} + ${column(i) === 0 ? deal.col : `(${plus(column(i))})`} * 4u, (p.${
              SIZE[name]
            } - 1u) & ~3u)`,
        ) + ";"
      ),
    ),
    begin,
    advance,
    registers: (set) => each((part, i) => `var ${reg(set, part, i)} = ${init.vector}();`),
    fetch: (set) =>
      each((part, i) => `${reg(set, part, i)} = ${init.loads[part]}(${place(part)} + ${name}_at_${i});`),
    commit: (set) =>
      deal.guard(
        gated
          ? lines(items.map((i) => {
            const [g, u] = [0, 1].map((part) => `vec4f(${reg(set, part, i)})`);
            return `${target(0, i)} = ${init.vector}(${
              gateFormulas(init.activation).hidden(`activate(${g})`, u)
            });`;
          }))
          : each((part, i) => `${target(part, i)} = ${reg(set, part, i)};`),
      ),
  };
}

/**
 * For rows along K. Each thread takes blocks of four rows, transposes them in registers, and stores vectors along M or N. Two
 * threads must not write components of one vector, because an implementation may write the whole vector for each. Rows
 * beyond the matrix repeat its last one, and their outputs are never stored.
 * Of matrices side by side, a thread takes the same blocks of each.
 */
function blockLoader(init: LoaderInit): Loader {
  const { name, outer, tile, threads, vector, length, parts } = init;
  const per = tile.tileK / length;
  const vectors = outer / 4 / parts;
  // A row of the tile is one vector longer than the banks go round, so that what eight threads store lies in all banks.
  const deal = new Deal(vectors * per, per, threads, { twoRows: length === 2 });
  const reg = (set: string, part: number, i: number, row: number) => `${name}_${set}_${part}_${i}_${row}`;
  const rowsOfItems = (text: (i: number, row: number) => string) =>
    lines(deal.items.flatMap((i) => range(4).map((row) => text(i, row))));
  const each = (text: (part: number, i: number, row: number) => string) =>
    lines(range(parts).map((part) => rowsOfItems((i, row) => text(part, i, row))));
  const rowOf = (i: number, part = 0) => `(${deal.row} + ${i * deal.rowsPerPass + part * vectors}u)`;
  const { inUnits, place, begin, advance } = places(init, "k");
  const scalar = vector === "vec4f" ? "f32" : "f16";
  const loaded = length === 1 ? scalar : `vec${length}<${scalar}>`;
  return {
    ...shared(init, { rows: length, padding: PADDING }),
    setup: rowsOfItems((i, row) =>
      `let ${name}_at_${i}_${row} = ` + inUnits(
        `min(origin_${name} + ${rowOf(i)} * 4u + ${row}u, p.${
          SIZE[name]
        } - 1u) * p.stride_${name} + ${deal.col} * ${length}u`,
      ) + ";"
    ),
    begin,
    advance,
    registers: (set) => each((part, i, row) => `var ${reg(set, part, i, row)} = ${loaded}();`),
    fetch: (set) =>
      each((part, i, row) =>
        `${reg(set, part, i, row)} = ${init.loads[part]}(${place(part)} + ${name}_at_${i}_${row});`
      ),
    commit: (set) =>
      deal.guard(lines(
        range(parts).flatMap((part) =>
          deal.items.flatMap((i) =>
            range(length).map((c) => {
              const element = length === 1 ? "" : `[${c}]`;
              const column = range(4).map((row) => reg(set, part, i, row) + element).join(", ");
              return `tile_${name}[${deal.col}][${c}][${rowOf(i, part)}] = ${vector}(${column});`;
            })
          )
        ),
      )),
  };
}
