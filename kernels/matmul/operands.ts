import { range } from "../text.ts";
import { type MatmulConfig, operandCounts } from "./config.ts";
import { type Loader, loader } from "./loader.ts";
import { threadsOf, type Tile } from "./tile.ts";

/** The loaders of both operands of a product. */
export interface Loaders {
  readonly a: Loader;
  readonly b: Loader;
}

/**
 * Elements that one load of each operand gives.
 *
 * - Rows along M or N: four.
 * - A with rows along K: one word, that is one float32 or two of a 16-bit type. Transposing it then moves no registers (8
 *   loads of 4 bytes were 1 to 5 % faster on an H200 than 4 loads of 8).
 * - B with rows along K: four if the tile has a block of 4 x 4 for each thread, else two. If it is two, A is loaded by twos
 *   as well, because both may lie in one buffer, which is declared once.
 */
function loadLengths({ layout, tile, columns, storage, slots }: MatmulConfig): Record<"a" | "b", 1 | 2 | 4> {
  const short = layout === "nt" && tile.tileN / columns * tile.tileK / 16 < threadsOf(tile);
  const word = short || storage[slots[0]].dtype !== "float32" ? 2 : 1;
  return { a: layout === "tn" ? 4 : word, b: short ? word : 4 };
}

/** Elements of the words by which a storage buffer is loaded, if it is loaded by words. */
export function wordLength(config: MatmulConfig, slot: number): 1 | 2 | undefined {
  const counts = operandCounts(config);
  const lengths = loadLengths(config);
  const operands = [...range(counts.a).map(() => lengths.a), ...range(counts.b).map(() => lengths.b)];
  return operands.find((length, i): length is 1 | 2 => length < 4 && config.slots[i] === slot);
}

/** The loaders of a kernel. */
export function loaders(config: MatmulConfig): Loaders {
  const { layout, tile, columns, gatedA, activation, slots } = config;
  const counts = operandCounts(config);
  const along = { a: layout === "tn" ? "outer" : "k", b: layout === "nt" ? "k" : "outer" } as const;
  const named = (name: "a" | "b", parts: number, first: number) => {
    const own = slots.slice(first, first + parts).map((slot) => ({
      slot,
      ...config.storage[slot],
    }));
    const aligned = own.every((storage) => storage.aligned);
    const length = loadLengths(config)[name];
    const load = (length === 4 ? ["load", "vector"] : ["load_word", "word"])[Number(aligned)];
    return {
      loads: own.map(({ slot }) => `${load}_s${slot}`),
      length,
      unit: aligned ? length : 1,
      offsets: own.map((_, part) => `p.${name}_${part}`),
      parts,
    } as const;
  };
  const vector = config.arithmetic === "float16" ? "vec4<f16>" : "vec4f";
  const shared = { tile, threads: threadsOf(tile), vector, activation } as const;
  const a = {
    name: "a",
    outer: tile.tileM,
    gated: gatedA,
    ...shared,
    ...named("a", gatedA ? 2 : 1, 0),
  } as const;
  const b = {
    name: "b",
    outer: tile.tileN,
    gated: false,
    ...shared,
    ...named("b", columns, counts.a),
  } as const;
  return { a: loader(a, along.a), b: loader(b, along.b) };
}

/** Vector `j` of a thread in the shared tile of B, counted from `b_first`. */
export function vectorPlace(j: number, { tileN, threadN, lanesN }: Tile, columns: number): number {
  const perBlock = threadN / 4 / columns;
  return Math.floor(j / perBlock) * (tileN / 4 / columns) + (j % perBlock) * lanesN;
}
