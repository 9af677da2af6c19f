import { activationWgsl, uniformsWgsl } from "../activation_wgsl.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { lines, range } from "../text.ts";
import { type MatmulConfig, mayAdd, operandCounts, operandDtype, usedActivation } from "./config.ts";
import { epilogueWgsl, outputsRead } from "./epilogue.ts";
import { loaders, wordLength } from "./operands.ts";
import { lastStep, wholeSteps } from "./k_loop.ts";
import { accumulator, accumulators, summedUp, totals } from "./sums.ts";
import { threadsOf, type Tile } from "./tile.ts";

/** Uniform fields of a matmul kernel, in order. */
export function uniformFields(
  config: Pick<MatmulConfig, "columns" | "gatedA" | "epilogue">,
): string[] {
  const counts = operandCounts(config);
  return [
    ...["m", "n", "k", "tiles_m", "tiles_n", "splits", "accumulate", "wide", "stride_a", "stride_b"],
    ...range(counts.a).map((i) => `a_${i}`),
    ...range(counts.b).map((i) => `b_${i}`),
    ...range(counts.out).flatMap((i) => [`out_${i}`, `stride_out_${i}`]),
  ];
}

/**
 * Declares where the tile of a workgroup begins: at row `origin_a`, and in each column block at column `origin_b`.
 * Workgroups beyond the last tile return.
 */
export function tileOrigins(
  { tileM, tileN, group }: Pick<Tile, "tileM" | "tileN" | "group">,
  columns: number,
): string {
  return `  let id = group.y * groups.x + group.x;
  if (id >= p.tiles_m * p.tiles_n) { return; }
  // ${group} rows of tiles run column by column, so that concurrent workgroups share operands in the cache.
  let band = id / (${group}u * p.tiles_n);
  let band_rows = min(p.tiles_m - band * ${group}u, ${group}u);
  let in_band = id - band * ${group}u * p.tiles_n;
  let tile_n = in_band / band_rows;
  let origin_a = (band * ${group}u + in_band - tile_n * band_rows) * ${tileM}u;
  let origin_b = tile_n * ${tileN / columns}u;`;
}

/**
 * The WGSL of one matrix product. Tiles of A and B go through registers to shared memory, transposed so that K is the outer
 * index of both. The next tile, or the next two, are loaded while the current one is multiplied.
 */
export function matmulWgsl(config: MatmulConfig): string {
  const { tile, columns } = config;
  const operands = loaders(config);
  return `${config.arithmetic === "float16" ? "enable f16;\n" : ""}${
    uniformsWgsl(uniformFields(config), usedActivation(config))
  }
${
    config.storage.map((storage, slot) =>
      storageWgsl(`s${slot}`, slot, { ...storage, words: wordLength(config, slot) })
    ).join("\n")
  }
@group(0) @binding(${config.storage.length}) var<uniform> p: Params;
${packingWgsl(config.storage.map((storage) => storage.dtype))}
${operands.a.declaration}
${operands.b.declaration}
${config.gatedA && !config.epilogue.startsWith("gated") ? activationWgsl(config.activation) : ""}
${finishWgsl(config)}

@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
${tileOrigins(tile, columns)}
${threadPlace(tile, columns)}
${operands.a.setup}
${operands.b.setup}
${accumulators(tile)}
${totals(config)}
  let steps = p.k / ${tile.tileK}u;
  let first = group.z * steps / p.splits;
  let end = (group.z + 1u) * steps / p.splits;
${wholeSteps(config, operands)}
  let rest = p.k - steps * ${tile.tileK}u;
  if (rest > 0u && group.z == p.splits - 1u) {
    let k0 = steps * ${tile.tileK}u;
${lastStep(config, operands)}
  }
${summedUp(config)}
${finish(config)}
}
`;
}

/**
 * Declares where a thread's first vectors lie in the shared tiles: `a_first`, and `b_first` within each column block.
 * Neighbouring lanes differ in M, so that a 128-bit shared load of four by eight lanes takes two passes instead of four.
 */
function threadPlace({ tileM, threadM, threadN, lanesM, lanesN }: Tile, columns: number): string {
  const lanes = lanesM * lanesN;
  const warpsM = tileM / (threadM * lanesM);
  const pair = Math.min(2, lanesM);
  const low = Math.log2(pair);
  const laneM = lanesM === 1
    ? "0u"
    : `((lane & ${pair - 1}u) | ((lane >> ${low + Math.log2(lanesN)}u) << ${low}u))`;
  return `  let lane = tid & ${lanes - 1}u;
  let warp = tid >> ${Math.log2(lanes)}u;
  let a_first = (warp & ${warpsM - 1}u) * ${lanesM * threadM / 4}u + ${laneM};
  let b_first = (warp >> ${Math.log2(warpsM)}u) * ${lanesN * threadN / 4 / columns}u + ((lane >> ${low}u) & ${
    lanesN - 1
  }u);`;
}

/** The functions that take the sums to the outputs, at module scope. */
function finishWgsl(config: MatmulConfig): string {
  const { epilogue, columns, activation, storage, slots, arithmetic } = config;
  const adds = mayAdd({ dtype: operandDtype(config), arithmetic });
  const counts = operandCounts(config);
  const outputs = slots.slice(counts.a + counts.b);
  return epilogueWgsl({ epilogue, mayAdd: adds, columns, activation, storage, slots: outputs });
}

/**
 * Hands each row and vector of a thread to the epilogue, except for those outside the matrix. Slices of K are stored one
 * after the other.
 *
 * Some epilogues read what the outputs held. They get it for two rows before either is stored, because a load from a buffer
 * that is also written waits for the stores before it (1.35 against 1.01 ms for dg and du of K = 128 on an H200; four rows
 * gain no more). With 256 threads it is one row, or two workgroups would not find the registers on one multiprocessor.
 *
 * These loads precede all branches, because a load inside a branch must finish there (7.48 against 7.37 ms of K = 4,096).
 * Threads outside the matrix therefore load too, from the row after the last one: nobody writes it, so there is no race.
 */
function finish({ tile, columns, epilogue }: MatmulConfig): string {
  const perBlock = tile.threadN / 4 / columns;
  const reads = range(outputsRead(epilogue));
  const vector = (i: number, j: number) =>
    `vec4f(${range(4).map((c) => accumulator(i, j * 4 + c)).join(", ")})`;
  const at = (i: number) => epilogue === "store" ? `group.z * p.m + row_${i}` : `row_${i}`;
  const call = (i: number, j: number) => {
    const second = columns === 2 ? vector(i, j + perBlock) : "vec4f(0)";
    const was = reads.map((output) => `was_${output}_${i}_${j}`);
    return `if (col_${j} < p.n) { epilogue(${
      [at(i), `col_${j}`, vector(i, j), second, ...was].join(", ")
    }); }`;
  };
  const rowsAtOnce = reads.length > 0 && threadsOf(tile) <= 128 ? 2 : 1;
  const rows = range(tile.threadM / rowsAtOnce).map((first) => {
    const own = range(rowsAtOnce).map((i) => first * rowsAtOnce + i);
    const each = (text: (i: number, j: number) => string) =>
      lines(own.flatMap((i) => range(perBlock).map((j) => text(i, j))));
    return `  {
${lines(own.map((i) => `let row_${i} = row + ${(i >> 2) * tile.lanesM * 4 + (i & 3)}u;`))}
${
      each((i, j) =>
        lines(reads.map((output) =>
          `let was_${output}_${i}_${j} = get_${output}(select(p.m, min(row_${i}, p.m), col_${j} < p.n), select(0u, col_${j}, col_${j} < p.n));`
        ))
      )
    }
${lines(own.map((i) => `if (row_${i} < p.m) {\n${lines(range(perBlock).map((j) => call(i, j)))}\n}`))}
  }`;
  });
  const cols = range(perBlock).map((j) =>
    `  let col_${j} = origin_b + (b_first + ${j * tile.lanesN}u) * 4u;`
  );
  return lines(["  let row = origin_a + a_first * 4u;", ...cols, ...rows]);
}
