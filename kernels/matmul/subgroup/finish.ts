import { lines, range } from "../../text.ts";
import { mayAdd, operandCounts } from "../config.ts";
import { epilogueWgsl, outputsRead } from "../epilogue.ts";
import type { SubgroupConfig } from "./config.ts";
import { gridOf, sumName } from "./sums.ts";
import { passageOf, subgroupsOf, sumsOf, threadsOf } from "./tile.ts";

/** Module scope: what takes the sums to the outputs. */
export function finishWgsl(config: SubgroupConfig): string {
  const { epilogue, columns, activation, storage, slots } = config;
  const counts = operandCounts(config);
  const outputs = slots.slice(counts.a + counts.b);
  const adds = mayAdd({ dtype: storage[slots[0]].dtype, arithmetic: "float32" });
  return epilogueWgsl({ epilogue, mayAdd: adds, columns, activation, storage, slots: outputs });
}

/**
 * Hands the sums to the epilogue. Elements of a matrix are opaque, so subgroups store some columns of matrices to the
 * memory that held the tiles, and threads read them as vectors from there.
 */
export function finish(config: SubgroupConfig): string {
  const { tile, columns } = config;
  const { down } = gridOf(config);
  const { cols } = passageOf(tile, config);
  const passes = tile.patchN / columns / cols;
  return lines(range(down).flatMap((i) => range(passes).map((pass) => finishPass(config, i, pass))));
}

function finishPass(config: SubgroupConfig, i: number, pass: number): string {
  const { tile, columns } = config;
  const { M } = tile.matrix;
  const { cols } = passageOf(tile, config);
  const items = subgroupsOf(tile) * M * cols / 4;
  const threads = threadsOf(tile);
  const across = tile.tileN / tile.patchN;
  return `  workgroupBarrier();
${ifPatch(config, stores(config, i, pass))}
  workgroupBarrier();
  for (var item = tid; item < ${items}u; item += ${threads}u) {
    let owner = item / ${M * cols / 4}u;
    let row_in = item / ${cols / 4}u % ${M}u;
    let col_in = item % ${cols / 4}u;
    let row = origin_a + owner / ${across}u * ${tile.patchM}u + ${i * M}u + row_in;
    let col = origin_b + owner % ${across}u * ${tile.patchN / columns}u + ${pass * cols}u + col_in * 4u;
    if (row < p.m && col < p.n) {
${handOver(config)}
    }
  }`;
}

/** Where the passage of a subgroup, a column block and a kind of sum begins. */
function passage(config: SubgroupConfig, subgroup: string, block: number, small: number): string {
  const { columns, operands, tile } = config;
  const { vectors } = passageOf(tile, config);
  const each = columns * sumsOf(operands);
  return `${subgroup} * ${each * vectors}u + ${(block * sumsOf(operands) + small) * vectors}u`;
}

function stores(config: SubgroupConfig, i: number, pass: number): string {
  const { tile, columns, operands } = config;
  const { cols, stride } = passageOf(tile, config);
  const matrices = cols / tile.matrix.N;
  const perBlock = tile.patchN / columns / tile.matrix.N;
  return lines(
    range(columns).flatMap((block) =>
      range(matrices).flatMap((j) =>
        range(sumsOf(operands)).map((small) => {
          const sum = sumName(i, block * perBlock + pass * matrices + j, small);
          const at = `${passage(config, "subgroup", block, small)} + ${j * tile.matrix.N / 4}u`;
          return `  subgroupMatrixStore<row_major>(&memory, ${at}, ${sum}, ${stride}u);`;
        })
      )
    ),
  );
}

/** Four sums of each column block, and what the outputs held, to the epilogue: slices of K one after the other. */
function handOver(config: SubgroupConfig): string {
  const { columns, operands, tile, epilogue } = config;
  const { stride } = passageOf(tile, config);
  const values = range(columns).map((block) => {
    const at = (small: number) =>
      `bitcast<vec4f>(memory[${passage(config, "owner", block, small)} + row_in * ${stride}u + col_in])`;
    const value = sumsOf(operands) === 1 ? at(0) : `joined(${at(0)}, ${at(1)})`;
    const scale = config.magnitudes === null ? "" : ` * unscale_${block}.x * unscale_${block}.y`;
    return `      let v${block} = ${value}${scale};`;
  });
  const was = range(outputsRead(epilogue)).map((output) => `get_${output}(row, col)`);
  const row = epilogue === "store" ? "group.z * p.m + row" : "row";
  const second = columns === 2 ? "v1" : "vec4f()";
  return lines([...values, `      epilogue(${[row, "col", "v0", second, ...was].join(", ")});`]);
}

/** Text for the subgroups that have a patch: all of them, unless a device may run smaller ones. */
export function ifPatch({ varying, tile }: SubgroupConfig, text: string): string {
  return varying ? `  if (subgroup < ${subgroupsOf(tile)}u) {\n${text}\n  }` : text;
}

/** Module scope: large and small products of split operands. Infinity times a part of zero is NaN, and does not count. */
export const JOINED_WGSL = `
fn joined(large: vec4f, small: vec4f) -> vec4f {
  let finite = (bitcast<vec4u>(large) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
  return select(large, large + small, finite);
}`;
