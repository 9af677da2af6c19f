/**
 * How the sums of subgroup matrices come to the outputs.
 *
 * Elements of a matrix are opaque: no thread can read one. So subgroups store matrices to workgroup memory, where the tiles
 * of A and B lay until then, and threads read vectors of four sums from there. There is no room for all sums at once.
 *
 * Words:
 *
 * - **patch**: the part of a tile that one subgroup computes, a grid of result matrices (`tile.ts`).
 * - **pass**: one turn of storing and reading. Every subgroup stores the same row of its matrices, or some columns of it.
 * - **passage**: the workgroup memory that holds what one subgroup stores of one column block in a pass.
 * - **item**: four adjoining places of a row in a pass. In two column blocks it has a vector of sums of each.
 * - **stretch**: terms of K after which sums are taken out of the matrices. Between stretches a thread **keeps** the sums of
 *   its items in an array of its own.
 *
 * @module
 */

import { lines, range } from "../../text.ts";
import { mayAdd, operandCounts, operandDtype } from "../config.ts";
import { epilogueWgsl, outputsRead } from "../epilogue.ts";
import { placeOf, type SubgroupConfig, vectorsIn } from "./config.ts";
import { sumName } from "./sums.ts";
import { passageOf, subgroupsOf, threadsOf } from "./tile.ts";

/** Module scope: what takes the sums to the outputs. */
export function finishWgsl(config: SubgroupConfig): string {
  const { epilogue, columns, activation, storage, slots } = config;
  const counts = operandCounts(config);
  const outputs = slots.slice(counts.a + counts.b);
  const adds = mayAdd({ dtype: operandDtype(config), arithmetic: "float32" });
  return epilogueWgsl({ epilogue, mayAdd: adds, columns, activation, storage, slots: outputs });
}

/** Takes all sums out of the matrices in passes, and hands them to the epilogue, or keeps them if more stretches follow. */
export function finish(config: SubgroupConfig): string {
  return lines(
    passesOf(config).map((pass) =>
      lines([
        "  workgroupBarrier();",
        ifPatch(config, stores(config, pass)),
        "  workgroupBarrier();",
        config.keeps
          ? `${keep(config, pass)}\n  if (until >= end) {\n${handOver(config, pass)}\n  }`
          : handOver(config, pass),
      ])
    ),
  );
}

/** Calls the epilogue with four sums of each column block, and with what the outputs held. */
function handOver(config: SubgroupConfig, pass: Pass): string {
  const { tile, columns, epilogue } = config;
  const values = range(columns).map((block) => {
    const sum = sumsAt(config, block);
    return `      let v${block} = ${config.keeps ? sum : unscaled(config, sum, block)};`;
  });
  const was = range(outputsRead(epilogue)).map((output) => `get_${output}(row, col)`);
  // Slices of K are stored one after the other.
  const outRow = epilogue === "store" ? "group.z * p.m + row" : "row";
  const second = columns === 2 ? "v1" : "vec4f()";
  const across = tile.tileN / tile.patchN;
  return `  for (var item = tid; item < ${itemsOf(config)}u + zero; item += ${threadsOf(tile)}u) {
${itemPlace(config)}
    let row = origin_a + owner / ${across}u * ${tile.patchM}u + ${pass.row}u + row_in;
    let col = origin_b + owner % ${across}u * ${tile.patchN / columns}u + ${pass.col}u + col_in * 4u;
    if (row < p.m && col < p.n) {
${lines(values)}
      epilogue(${[outRow, "col", "v0", second, ...was].join(", ")});
    }
  }`;
}

/** A sum without the scales of its operands. */
function unscaled({ magnitudes }: SubgroupConfig, sum: string, block: number): string {
  return magnitudes === null ? sum : `${sum} * unscale_${block}.x * unscale_${block}.y`;
}

/** Items that a thread takes out of one pass. */
const perThread = (config: SubgroupConfig) => Math.ceil(itemsOf(config) / threadsOf(config.tile));

/** Declares where a thread keeps sums. */
export function keptSums(config: SubgroupConfig): string {
  return `  var kept: array<vec4f, ${passesOf(config).length * perThread(config) * config.columns}>;`;
}

/**
 * Adds the sums of earlier stretches to those in workgroup memory. If more stretches follow, the thread keeps the total. Else
 * it writes the total back to workgroup memory, where the same thread reads it for the epilogue.
 *
 * Indices of `kept` are added to `zero`, whose value no compiler knows: with known indices it would hold `kept` in registers,
 * which the matrices need. So `kept` lies in device memory. All of a pass is loaded from there before the first is added, as
 * each load alone would be waited for.
 */
function keep(config: SubgroupConfig, { number }: Pass): string {
  const { columns, tile } = config;
  const each = perThread(config);
  const whole = itemsOf(config) % threadsOf(tile) === 0;
  const all = range(each).flatMap((turn) =>
    range(columns).map((block) => ({
      block,
      item: `tid + ${turn * threadsOf(tile)}u`,
      place: `kept[zero + ${(number * each + turn) * columns + block}u]`,
      earlier: `kept_${turn}_${block}`,
    }))
  );
  return lines([
    "  {",
    ...all.map(({ earlier }) => `    var ${earlier} = vec4f();`),
    `    if (start != first) { ${all.map(({ earlier, place }) => `${earlier} = ${place};`).join(" ")} }`,
    ...all.map(({ block, item, place, earlier }) =>
      `    ${whole ? "" : `if (${item} < ${itemsOf(config)}u) `}{
      let item = ${item};
${itemPlace(config)}
      let total = ${unscaled(config, sumsAt(config, block), block)} + ${earlier};
      if (until < end) { ${place} = total; } else { put_sums(at + ${blockVectors(config, block)}u, total); }
    }`
    ),
    "  }",
  ]);
}

/** Declares which subgroup an item comes from, its row and column in the pass, and where it is in workgroup memory. */
function itemPlace(config: SubgroupConfig): string {
  const { M } = config.tile.matrix;
  const { cols, stride } = passageOf(config.tile, config);
  return `    let owner = item / ${M * cols / 4}u;
    let row_in = item / ${cols / 4}u % ${M}u;
    let col_in = item % ${cols / 4}u;
    let at = ${passage(config, "owner", 0)} + row_in * ${stride}u + col_in;`;
}

/** Vectors of 16 bytes from a subgroup's first passage to that of a column block. */
const blockVectors = (config: SubgroupConfig, block: number) =>
  block * passageOf(config.tile, config).vectors;

/** The sums of an item in a column block, after {@linkcode itemPlace}. */
const sumsAt = (config: SubgroupConfig, block: number) => `sums_at(at + ${blockVectors(config, block)}u)`;

/** One pass, and where in its patch each subgroup takes sums. */
interface Pass {
  readonly number: number;
  /** The first row in the patch. */
  readonly row: number;
  /** The first column in the patch, counted in each column block. */
  readonly col: number;
}

function passesOf(config: SubgroupConfig): Pass[] {
  const { tile, columns } = config;
  const { cols } = passageOf(tile, config);
  const across = tile.patchN / columns / cols;
  return range(tile.patchM / tile.matrix.M * across).map((number) => ({
    number,
    row: Math.floor(number / across) * tile.matrix.M,
    col: number % across * cols,
  }));
}

/** Items of all subgroups in one pass. */
function itemsOf(config: SubgroupConfig): number {
  const { tile } = config;
  return subgroupsOf(tile) * tile.matrix.M * passageOf(tile, config).cols / 4;
}

/** WGSL of where the passage of a subgroup and a column block begins, in vectors of 16 bytes. */
function passage(config: SubgroupConfig, subgroup: string, block: number): string {
  const { columns, tile } = config;
  const { vectors } = passageOf(tile, config);
  return `${subgroup} * ${columns * vectors}u + ${block * vectors}u`;
}

/** Stores a subgroup's matrices of one pass to its passages. */
function stores(config: SubgroupConfig, { row, col }: Pass): string {
  const { tile, columns } = config;
  const { M, N } = tile.matrix;
  const { cols, stride } = passageOf(tile, config);
  const perBlock = tile.patchN / columns / N;
  return lines(
    range(columns).flatMap((block) =>
      range(cols / N).map((j) => {
        const at = `${passage(config, "subgroup", block)} + ${j * N / 4}u`;
        const sum = sumName(row / M, block * perBlock + col / N + j);
        return `  subgroupMatrixStore<row_major>(&memory, ${placeOf(config, at)}, ${sum}, ${
          vectorsIn(config, stride)
        }u);`;
      })
    ),
  );
}

/** Text for the subgroups that have a patch. If a device may run smaller subgroups, there are more, and the last have none. */
export function ifPatch({ varying, tile }: SubgroupConfig, text: string): string {
  return varying ? `  if (subgroup < ${subgroupsOf(tile)}u) {\n${text}\n  }` : text;
}
