import { lines, range } from "../../text.ts";
import { placeOf, type SubgroupConfig, vectorsIn } from "./config.ts";
import { componentOf } from "./operands.ts";
import { elementsIn16Bytes, partsOf, sharedTiles } from "./tile.ts";

/** Name of a result matrix. */
export const sumName = (row: number, col: number) => `sum_${row}_${col}`;

/** Matrices of a subgroup's patch, down and across. */
export function gridOf(
  { tile: { patchM, patchN, matrix } }: SubgroupConfig,
): { down: number; across: number } {
  return { down: patchM / matrix.M, across: patchN / matrix.N };
}

/** Declares a subgroup's sums, which are zero. */
export function sums(config: SubgroupConfig): string {
  return eachSum(config, (sum, zero) => `var ${sum} = ${zero};`);
}

/** Sets a subgroup's sums to zero again. */
export function clearSums(config: SubgroupConfig): string {
  return eachSum(config, (sum, zero) => `${sum} = ${zero};`);
}

function eachSum(config: SubgroupConfig, text: (sum: string, zero: string) => string): string {
  const { down, across } = gridOf(config);
  const { M, N } = config.tile.matrix;
  // Written, as a variable without a value kept that of the loop's turn before (Dawn of npm:webgpu 0.6.2).
  const zero = `subgroup_matrix_result<f32, ${N}, ${M}>()`;
  return lines(range(down).map((i) => range(across).map((j) => text(sumName(i, j), zero)).join(" ")));
}

/** Where a subgroup's patch begins in the shared tiles: `patch_a`, and `patch_b` within each column block. */
export function patchPlace({ tile: { tileN, patchM, patchN }, columns }: SubgroupConfig): string {
  const across = tileN / patchN;
  return `  let patch_a = subgroup / ${across}u * ${patchM}u;
  let patch_b = subgroup % ${across}u * ${patchN / columns}u;`;
}

/** All products of one step along K, whose tiles are in workgroup memory. */
export function multiply(config: SubgroupConfig): string {
  const { tile: { tileK, matrix } } = config;
  return lines(range(tileK / matrix.K).map((k) => `{\n${multiplyAt(config, k * matrix.K)}\n}`));
}

/** The parts of a split operand. Others have the first alone. */
const PARTS = ["high", "low"] as const;

/**
 * One matrix along K: all of A first, then a matrix of B at a time with each of them. The three products of split operands
 * go to the same sum, so each waits for the one before: the other rows' products stand between them.
 */
function multiplyAt(config: SubgroupConfig, k: number): string {
  const { down, across } = gridOf(config);
  const parts = PARTS.slice(0, partsOf(config.operands));
  const products = parts.length === 1 ? [["high", "high"]] as const : [
    ["low", "high"],
    ["high", "low"],
    ["high", "high"],
  ] as const;
  const a = range(down).flatMap((i) => parts.map((part) => loadA(config, { part, i, k })));
  const b = range(across).map((j) =>
    lines([
      "{",
      ...parts.map((part) => loadB(config, { part, j, k })),
      ...products.flatMap(([left, right]) =>
        range(down).map((i) => {
          const sum = sumName(i, j);
          return `${sum} = subgroupMatrixMultiplyAccumulate(a_${left}_${i}, b_${right}, ${sum});`;
        })
      ),
      "}",
    ])
  );
  return lines([...a, ...b]);
}

/** A part of an operand, and where along K. */
interface PartAlongK {
  readonly part: typeof PARTS[number];
  readonly k: number;
}

function loadA(config: SubgroupConfig, { part, i, k }: PartAlongK & { i: number }): string {
  const { tile, layout, operands } = config;
  const { M, K } = tile.matrix;
  const { stride } = sharedTiles(tile, config).a;
  const each = elementsIn16Bytes(operands);
  const low = part === "low" ? " + A_LOW" : "";
  const row = `(patch_a + ${i * M}u)`;
  const [order, at] = layout === "tn"
    ? ["col_major", `${k * stride}u + ${row} / ${each}u`]
    : ["row_major", `${row} * ${stride}u + ${k / each}u`];
  return `let a_${part}_${i} = subgroupMatrixLoad<subgroup_matrix_left<${
    componentOf(operands)
  }, ${K}, ${M}>, ${order}>(&memory, ${placeOf(config, `A_TILE${low} + ${at}`)}, ${
    vectorsIn(config, stride)
  }u);`;
}

function loadB(config: SubgroupConfig, { part, j, k }: PartAlongK & { j: number }): string {
  const { tile, layout, columns, operands } = config;
  const { N, K } = tile.matrix;
  const { stride } = sharedTiles(tile, config).b;
  const each = elementsIn16Bytes(operands);
  const low = part === "low" ? " + B_LOW" : "";
  const perBlock = tile.patchN / N / columns;
  const col = `(patch_b + ${Math.floor(j / perBlock) * tile.tileN / columns + j % perBlock * N}u)`;
  const [order, at] = layout === "nt"
    ? ["col_major", `${col} * ${stride}u + ${k / each}u`]
    : ["row_major", `${k * stride}u + ${col} / ${each}u`];
  return `let b_${part} = subgroupMatrixLoad<subgroup_matrix_right<${
    componentOf(operands)
  }, ${N}, ${K}>, ${order}>(&memory, ${placeOf(config, `B_TILE${low} + ${at}`)}, ${
    vectorsIn(config, stride)
  }u);`;
}
