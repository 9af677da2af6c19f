import { lines, range } from "../text.ts";
import { LEVEL_TERMS, type MatmulConfig } from "./config.ts";
import { type Loaders, vectorPlace } from "./operands.ts";
import type { Tile } from "./tile.ts";

/** Name of a thread's sum. */
export const accumulator = (row: number, col: number) => `acc_${row}_${col}`;

/** Declares a thread's sums. */
export function accumulators({ threadM, threadN }: Tile): string {
  return range(threadM).map((i) =>
    "  " + range(threadN).map((j) => `var ${accumulator(i, j)} = 0.0;`).join(" ")
  ).join("\n");
}

const total = (row: number, col: number) => `total_${row}_${col}`;

/** A text for each of a thread's sums. */
function eachSum({ threadM, threadN }: Tile, text: (i: number, j: number) => string): string {
  return lines(range(threadM).map((i) => "  " + range(threadN).map((j) => text(i, j)).join(" ")));
}

/** Declares the second level of the sums, if there is one. */
export function totals({ tile, levels }: MatmulConfig): string {
  return levels === 1 ? "" : eachSum(tile, (i, j) => `var ${total(i, j)} = 0.0;`);
}

/**
 * Adds the first level of the sums to the second, after each {@linkcode LEVEL_TERMS} terms. It stands at the end of a turn of
 * the loop over `now`.
 *
 * @param stepsOfTurn Steps along K that a turn takes.
 */
export function flush({ tile, levels }: MatmulConfig, stepsOfTurn: number): string {
  if (levels === 1) return "";
  const steps = Math.max(stepsOfTurn, LEVEL_TERMS / tile.tileK);
  const add = eachSum(tile, (i, j) => `${total(i, j)} += ${accumulator(i, j)}; ${accumulator(i, j)} = 0.0;`);
  return `if (((now - first) & ${steps - 1}u) == ${steps - stepsOfTurn}u) {\n${add}\n}`;
}

/** Adds the second level to the first, which then has the whole sums. */
export function summedUp({ tile, levels }: MatmulConfig): string {
  return levels === 1 ? "" : eachSum(tile, (i, j) => `${accumulator(i, j)} += ${total(i, j)};`);
}

/**
 * Multiplies one index of K, which takes threadM x threadN multiply-adds. They go line by line, every other line backwards,
 * so that each shares an operand with the one before it. A register file that reads two operands a cycle then keeps up.
 */
export function multiply(
  { tile, columns, arithmetic }: MatmulConfig,
  { a, b, k }: Loaders & { k: number | string },
): string {
  const plus = (name: string, offset: number) => offset === 0 ? name : `${name} + ${offset}u`;
  const vectorsA = range(tile.threadM / 4).map((i) =>
    `let a${i} = ${a.row(k)}[${plus("a_first", i * tile.lanesM)}];`
  );
  const vectorsB = range(tile.threadN / 4).map((j) =>
    `let b${j} = ${b.row(k)}[${plus("b_first", vectorPlace(j, tile, columns))}];`
  );
  const read = [...vectorsA, ...vectorsB].join(" ");
  if (arithmetic === "float16") {
    // Four columns at a time. A product and a sum take as long as fma() (on an H200).
    const sums = range(tile.threadM).flatMap((i) =>
      range(tile.threadN / 4).map((j) =>
        `${halfSum(i, j)} = b${j} * a${i >> 2}.${"xyzw"[i & 3]} + ${halfSum(i, j)};`
      )
    );
    return `{ ${read}\n${sums.join("\n")} }`;
  }
  const [outer, inner] = tile.reuse === "b" ? [tile.threadN, tile.threadM] : [tile.threadM, tile.threadN];
  const sums = range(outer).flatMap((line) =>
    range(inner).map((step) => {
      const at = line % 2 === 0 ? step : inner - 1 - step;
      const [i, j] = tile.reuse === "b" ? [at, line] : [line, at];
      const sum = accumulator(i, j);
      return `${sum} = fma(a${i >> 2}.${"xyzw"[i & 3]}, b${j >> 2}.${"xyzw"[j & 3]}, ${sum});`;
    })
  );
  return `{ ${read}\n${sums.join("\n")} }`;
}

const halfSum = (row: number, vector: number) => `half_${row}_${vector}`;

/** Wraps the products of one step. Those of float16 go to sums of their own, which are then added to the float32 sums. */
export function summed({ tile, arithmetic }: MatmulConfig, products: string): string {
  if (arithmetic === "float32") return products;
  const each = (text: (i: number, j: number) => string) =>
    range(tile.threadM).map((i) => range(tile.threadN / 4).map((j) => text(i, j)).join(" ")).join("\n");
  return `${each((i, j) => `var ${halfSum(i, j)} = vec4<f16>();`)}
${products}
${
    each((i, j) =>
      range(4).map((c) => `${accumulator(i, j * 4 + c)} += f32(${halfSum(i, j)}.${"xyzw"[c]});`).join(" ")
    )
  }`;
}
