import { lines, range } from "../../text.ts";
import { mayAdd, operandCounts } from "../config.ts";
import { epilogueWgsl, outputsRead } from "../epilogue.ts";
import { placeOf, type SubgroupConfig, vectorsIn } from "./config.ts";
import { sumName } from "./sums.ts";
import { passageOf, subgroupsOf, threadsOf } from "./tile.ts";

/** Module scope: what takes the sums to the outputs. */
export function finishWgsl(config: SubgroupConfig): string {
  const { epilogue, columns, activation, storage, slots } = config;
  const counts = operandCounts(config);
  const outputs = slots.slice(counts.a + counts.b);
  const adds = mayAdd({ dtype: storage[slots[0]].dtype, arithmetic: "float32" });
  return epilogueWgsl({ epilogue, mayAdd: adds, columns, activation, storage, slots: outputs });
}

/**
 * Takes all sums out of the matrices, a pass after the other, and hands them to the epilogue. Where more stretches of K
 * follow, the thread keeps them instead.
 *
 * Elements of a matrix are opaque, so subgroups store some columns of matrices to the memory that held the tiles, and
 * threads read them as vectors from there.
 */
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
  const to = epilogue === "store" ? "group.z * p.m + row" : "row";
  const second = columns === 2 ? "v1" : "vec4f()";
  const across = tile.tileN / tile.patchN;
  return `  for (var item = tid; item < ${itemsOf(config)}u + zero; item += ${threadsOf(tile)}u) {
${itemPlace(config)}
    let row = origin_a + owner / ${across}u * ${tile.patchM}u + ${pass.row}u + row_in;
    let col = origin_b + owner % ${across}u * ${tile.patchN / columns}u + ${pass.col}u + col_in * 4u;
    if (row < p.m && col < p.n) {
${lines(values)}
      epilogue(${[to, "col", "v0", second, ...was].join(", ")});
    }
  }`;
}

/** A sum without the scales of its operands. */
function unscaled({ magnitudes }: SubgroupConfig, sum: string, block: number): string {
  return magnitudes === null ? sum : `${sum} * unscale_${block}.x * unscale_${block}.y`;
}

/** Vectors of four sums of a column block that a thread takes out of one pass. */
const perThread = (config: SubgroupConfig) => Math.ceil(itemsOf(config) / threadsOf(config.tile));

/** Where a thread keeps sums. */
export function keptSums(config: SubgroupConfig): string {
  return `  var kept: array<vec4f, ${passesOf(config).length * perThread(config) * config.columns}>;`;
}

/**
 * Adds the sums of earlier stretches to those in workgroup memory, or keeps the total where more stretches follow.
 *
 * All that was kept is loaded before the first is added: it comes from device memory, and each load alone would be waited
 * for. Places begin at `zero`, which a compiler does not know: it would put sums at known places into registers, which the
 * matrices need.
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
      was: `kept_${turn}_${block}`,
    }))
  );
  return lines([
    "  {",
    ...all.map(({ was }) => `    var ${was} = vec4f();`),
    `    if (start != first) { ${all.map(({ was, place }) => `${was} = ${place};`).join(" ")} }`,
    ...all.map(({ block, item, place, was }) =>
      `    ${whole ? "" : `if (${item} < ${itemsOf(config)}u) `}{
      let item = ${item};
${itemPlace(config)}
      let total = ${unscaled(config, sumsAt(config, block), block)} + ${was};
      if (until < end) { ${place} = total; } else { put_sums(at + ${blockVectors(config, block)}u, total); }
    }`
    ),
    "  }",
  ]);
}

/** The subgroup that an item comes from, its place in the pass, and that in workgroup memory. */
function itemPlace(config: SubgroupConfig): string {
  const { M } = config.tile.matrix;
  const { cols, stride } = passageOf(config.tile, config);
  return `    let owner = item / ${M * cols / 4}u;
    let row_in = item / ${cols / 4}u % ${M}u;
    let col_in = item % ${cols / 4}u;
    let at = ${passage(config, "owner", 0)} + row_in * ${stride}u + col_in;`;
}

/** Vectors of 16 bytes before those of a column block. */
const blockVectors = (config: SubgroupConfig, block: number) =>
  block * passageOf(config.tile, config).vectors;

const sumsAt = (config: SubgroupConfig, block: number) => `sums_at(at + ${blockVectors(config, block)}u)`;

/** Rows and columns of a patch that leave it together. */
interface Pass {
  readonly number: number;
  readonly row: number;
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

/** Vectors of four sums of one column block that leave all subgroups in one pass. */
function itemsOf(config: SubgroupConfig): number {
  const { tile } = config;
  return subgroupsOf(tile) * tile.matrix.M * passageOf(tile, config).cols / 4;
}

/** Where the passage of a subgroup and a column block begins, in vectors of 16 bytes. */
function passage(config: SubgroupConfig, subgroup: string, block: number): string {
  const { columns, tile } = config;
  const { vectors } = passageOf(tile, config);
  return `${subgroup} * ${columns * vectors}u + ${block * vectors}u`;
}

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

/** Text for the subgroups that have a patch: all of them, unless a device may run smaller ones. */
export function ifPatch({ varying, tile }: SubgroupConfig, text: string): string {
  return varying ? `  if (subgroup < ${subgroupsOf(tile)}u) {\n${text}\n  }` : text;
}
