import { PADDING, type Tile } from "./tile.ts";

/** One operand's way from device memory through registers into its shared tile, as WGSL text. */
export interface Loader {
  /** Module scope: the shared tile. */
  readonly declaration: string;
  /** Once, before the loop over K: each thread's addresses, and the registers. */
  readonly setup: string;
  /** Fills the registers from the tile that begins at `k0`; with `tail`, elements from K on are zero. */
  fetch(product: number, tail: boolean): string;
  /** Writes the registers to the shared tile. */
  readonly commit: string;
}

/** What a loader needs to know of its operand. */
export interface LoaderInit {
  /** "a" or "b". */
  readonly name: "a" | "b";
  /** Size of the tile along M or N. */
  readonly outer: number;
  readonly tile: Tile;
  readonly threads: number;
  /** Matrices that lie side by side in the tile (gate and up), or that the prologue combines (g and u). */
  readonly parts: number;
  /** Whether the parts are g and u of a gated A rather than side by side. */
  readonly gated: boolean;
  /** Names of the operands' load functions: [product][part]. */
  readonly loads: readonly (readonly string[])[];
  /** Names of the operands' element offsets: [product][part]. */
  readonly offsets: readonly (readonly string[])[];
}

const SIZE = { a: "m", b: "n" } as const;

/** Rows and columns of the `i`-th item of a thread when `per` items make a row; sizes are powers of two. */
function split(i: number, { threads, per }: { threads: number; per: number }): { row: string; col: string } {
  const index = i === 0 ? "tid" : `(tid + ${i * threads}u)`;
  return { row: `(${index} >> ${Math.log2(per)}u)`, col: `(${index} & ${per - 1}u)` };
}

/** Text for items 0 to `per thread`, the last ones guarded where the threads outnumber them. */
function forItems(init: { count: number; threads: number }, text: (i: number) => string): string {
  const { count, threads } = init;
  return Array.from({ length: Math.ceil(count / threads) }, (_, i) => {
    const whole = (i + 1) * threads <= count;
    return whole ? text(i) : `if (tid < ${count - i * threads}u) {\n${text(i)}\n}`;
  }).join("\n");
}

const lines = <T>(items: Iterable<T>, text: (item: T) => string) => [...items].map(text).join("\n");
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/**
 * An operand whose rows run along M or N: vectors go to the shared tile as they come.
 * A part's tile is tileK rows of `outer / parts` columns; a gated pair shares one tile.
 */
export function directLoader(init: LoaderInit): Loader {
  const { name, tile, threads, parts, gated } = init;
  const width = gated ? init.outer : init.outer / parts;
  const per = width / 4;
  const count = tile.tileK * per;
  const items = range(Math.ceil(count / threads));
  const reg = (part: number, i: number) => `${name}_reg_${part}_${i}`;
  const at = (i: number) => split(i, { threads, per });
  const setup = lines(items, (i) =>
    `let ${name}_k_${i} = ${at(i).row};
let ${name}_at_${i} = ${name}_k_${i} * p.stride_${name} + min(origin_${name} + ${at(i).col} * 4u, (p.${SIZE[name]} - 1u) & ~3u);
${lines(range(parts), (part) => `var ${reg(part, i)} = vec4f(0);`)}`);
  const shared = (part: number, i: number) =>
    `tile_${name}[${name}_k_${i}][${at(i).col}${gated || part === 0 ? "" : ` + ${part * per}u`}]`;
  return {
    declaration: declare(init),
    setup,
    fetch: (product, tail) =>
      `let ${name}_step = k0 * p.stride_${name};\n` + forItems({ count, threads }, (i) =>
        lines(range(parts), (part) => {
          const value = `${init.loads[product][part]}(${init.offsets[product][part]} + ${name}_step + ${name}_at_${i})`;
          return `${reg(part, i)} = ${tail ? `select(vec4f(0), ${value}, k0 + ${name}_k_${i} < p.k)` : value};`;
        })),
    commit: forItems({ count, threads }, (i) =>
      gated
        ? `${shared(0, i)} = activate(${reg(0, i)}) * ${reg(1, i)};`
        : lines(range(parts), (part) => `${shared(part, i)} = ${reg(part, i)};`)),
  };
}

/**
 * An operand whose rows run along K: each thread takes blocks of 4 x 4, transposes them in registers and
 * stores vectors along M or N. Rows beyond the matrix repeat its last one; their outputs are never stored.
 */
export function transposingLoader(init: LoaderInit): Loader {
  const { name, outer, tile, threads } = init;
  const per = tile.tileK / 4;
  const count = outer / 4 * per;
  const items = range(Math.ceil(count / threads));
  const reg = (i: number, row: number) => `${name}_reg_${i}_${row}`;
  const at = (i: number) => split(i, { threads, per });
  const setup = lines(items, (i) =>
    `let ${name}_k_${i} = ${at(i).col} * 4u;
let ${name}_row_${i} = ${at(i).row};
` + lines(range(4), (row) =>
      `let ${name}_at_${i}_${row} = min(origin_${name} + ${name}_row_${i} * 4u + ${row}u, p.${SIZE[name]} - 1u) * p.stride_${name} + ${name}_k_${i};
var ${reg(i, row)} = vec4f(0);`));
  return {
    declaration: declare(init),
    setup,
    fetch: (product, tail) =>
      forItems({ count, threads }, (i) =>
        lines(range(4), (row) => {
          const value = `${init.loads[product][0]}(${init.offsets[product][0]} + k0 + ${name}_at_${i}_${row})`;
          return `${reg(i, row)} = ${tail ? `before_end(${value}, k0 + ${name}_k_${i})` : value};`;
        })),
    commit: forItems({ count, threads }, (i) =>
      lines(["x", "y", "z", "w"].entries(), ([c, component]) => {
        const column = range(4).map((row) => `${reg(i, row)}.${component}`).join(", ");
        return `tile_${name}[${name}_k_${i}${c === 0 ? "" : ` + ${c}u`}][${name}_row_${i}] = vec4f(${column});`;
      })),
  };
}

function declare({ name, outer, tile }: LoaderInit): string {
  return `var<workgroup> tile_${name}: array<array<vec4f, ${outer / 4 + PADDING}>, ${tile.tileK}>;`;
}

/** Zeroes the components of a vector along K that lie at or beyond K. */
export const BEFORE_END = `
fn before_end(v: vec4f, k: u32) -> vec4f {
  return select(vec4f(0), v, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(p.k));
}`;
