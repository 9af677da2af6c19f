import { activationWgsl } from "../activation.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { type MatmulConfig, operandCounts } from "./config.ts";
import { epilogueWgsl } from "./epilogue.ts";
import { type Loader, loader } from "./loader.ts";
import { range } from "./text.ts";
import { blockLength, threadsOf, type Tile } from "./tile.ts";

/** Uniform fields of a matmul kernel, in order. */
export function uniformFields(
  config: Pick<MatmulConfig, "products" | "columns" | "gatedA" | "epilogue">,
): string[] {
  const counts = operandCounts(config);
  return [
    ...["m", "n", "k", "tiles_m", "tiles_n", "splits", "accumulate", "stride_a", "stride_b"],
    ...range(counts.a).map((i) => `a_${i}`),
    ...range(counts.b).map((i) => `b_${i}`),
    ...range(counts.out).flatMap((i) => [`out_${i}`, `stride_out_${i}`]),
  ];
}

interface Loaders {
  readonly a: Loader;
  readonly b: Loader;
}

/**
 * The WGSL of one matrix product: tiles of A and B go through registers to shared memory, transposed so that K is
 * the outer index of both; the next tile is fetched while the current one is multiplied.
 */
export function matmulWgsl(config: MatmulConfig): string {
  const { tile, columns, products } = config;
  const both = loaders(config);
  return `${config.arithmetic === "float16" ? "enable f16;\n" : ""}struct Params { ${
    uniformFields(config).map((field) => `${field}: u32`).join(", ")
  } }
${
    config.storage.map((storage, slot) =>
      storageWgsl(`s${slot}`, slot, { ...storage, pairs: pairSlots(config).includes(slot) })
    ).join("\n")
  }
@group(0) @binding(${config.storage.length}) var<uniform> p: Params;
${packingWgsl(config.storage.map((storage) => storage.dtype))}
${both.a.declaration}
${both.b.declaration}
${config.gatedA && !config.epilogue.startsWith("gated") ? activationWgsl(config.activation) : ""}
${finishWgsl(config)}

@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let id = group.y * groups.x + group.x;
  if (id >= p.tiles_m * p.tiles_n) { return; }
  // ${tile.group} rows of tiles run column by column, so that concurrent workgroups share operands in the cache.
  let band = id / (${tile.group}u * p.tiles_n);
  let band_rows = min(p.tiles_m - band * ${tile.group}u, ${tile.group}u);
  let in_band = id - band * ${tile.group}u * p.tiles_n;
  let tile_n = in_band / band_rows;
  let origin_a = (band * ${tile.group}u + in_band - tile_n * band_rows) * ${tile.tileM}u;
  let origin_b = tile_n * ${tile.tileN / columns}u;
${threadPlace(tile, columns)}
${both.a.setup}
${both.b.setup}
${accumulators(tile)}
  // Slice group.z of all steps, the products' one after the other.
  let steps = p.k / ${tile.tileK}u;
  let first = group.z * (steps * ${products}u) / p.splits;
  let end = (group.z + 1u) * (steps * ${products}u) / p.splits;
${range(products).map((product) => wholeSteps(config, product, both)).join("\n")}
  let rest = p.k - steps * ${tile.tileK}u;
  if (rest > 0u && group.z == p.splits - 1u) {
    let k0 = steps * ${tile.tileK}u;
${range(products).map((product) => lastStep(config, product, both)).join("\n")}
  }
${finish(config)}
}
`;
}

/** Elements that loads of each operand give: two or four of rows along K, four of the others. */
function loadLengths({ layout, tile }: MatmulConfig): Record<"a" | "b", 2 | 4> {
  return {
    a: layout === "tn" ? 4 : blockLength(tile.tileM, tile),
    b: layout === "nt" ? blockLength(tile.tileN, tile) : 4,
  };
}

/** The storage buffers that are loaded by pairs. */
function pairSlots(config: MatmulConfig): number[] {
  const counts = operandCounts(config);
  const lengths = loadLengths(config);
  return config.slots.filter((_, i) =>
    i < counts.a ? lengths.a === 2 : i < counts.a + counts.b && lengths.b === 2
  );
}

function loaders(config: MatmulConfig): Loaders {
  const { layout, tile, products, columns, gatedA, slots } = config;
  const counts = operandCounts(config);
  const named = (name: "a" | "b", parts: number, first: number) => {
    const own = slots.slice(first, first + products * parts);
    const aligned = own.every((slot) => config.storage[slot].aligned);
    const length = loadLengths(config)[name];
    const load = aligned ? { 2: "pair", 4: "vector" }[length] : { 2: "load_two", 4: "load" }[length];
    const each = (text: (operand: number) => string) =>
      range(products).map((product) => range(parts).map((part) => text(product * parts + part)));
    return {
      loads: each((operand) => `${load}_s${own[operand]}`),
      unit: aligned ? length : 1,
      offsets: each((operand) => `p.${name}_${operand}`),
      parts,
    } as const;
  };
  const vector = config.arithmetic === "float16" ? "vec4<f16>" : "vec4f";
  const shared = { tile, threads: threadsOf(tile), vector } as const;
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
  return { a: loader(a, layout === "tn" ? "outer" : "k"), b: loader(b, layout === "nt" ? "k" : "outer") };
}

/**
 * The steps of one product that lie wholly inside K. What the next step needs is on its way while this one is
 * multiplied, in registers that no turn of the loop hands to the next: a compiler copies those. The last turn fetches
 * what is never multiplied.
 */
function wholeSteps(config: MatmulConfig, product: number, { a, b }: Loaders): string {
  const { tile } = config;
  const start = product === 0 ? "first" : `max(first, steps) - steps`;
  const stop = product === 0 ? "min(end, steps)" : `max(end, steps) - steps`;
  return `  {
    let start = ${start};
    let stop = ${stop};
    if (start < stop) {
      let k0 = start * ${tile.tileK}u;
${firstTile(product, { a, b })}
      for (var now = start; now < stop; now++) {
${a.advance}
${b.advance}
${a.fetch(product)}
${b.fetch(product)}
${summed(config, range(tile.tileK).map((k) => multiply(config, { a, b, k })).join("\n"))}
        workgroupBarrier();
${a.commit}
${b.commit}
        workgroupBarrier();
      }
    }
  }`;
}

/** Loads the tile that begins at `k0` and waits for it. */
function firstTile(product: number, { a, b }: Loaders): string {
  return `${a.begin(product)}
${b.begin(product)}
      {
${a.fetch(product)}
${b.fetch(product)}
${a.commit}
${b.commit}
      }
      workgroupBarrier();`;
}

/** The step that K ends inside: what was loaded from beyond is never multiplied. */
function lastStep(config: MatmulConfig, product: number, { a, b }: Loaders): string {
  return `    {
${firstTile(product, { a, b })}
${
    summed(
      config,
      `      for (var k = 0u; k < rest; k++) {
${multiply(config, { a, b, k: "k" })}
      }`,
    )
  }
      workgroupBarrier();
    }`;
}

/**
 * Where a thread's first vectors lie in the shared tiles: `a_first`, and `b_first` within each column block.
 * Neighbouring lanes differ in M, so that a 128-bit shared load of four times eight lanes takes two passes, not four.
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

const accumulator = (row: number, col: number) => `acc_${row}_${col}`;

function accumulators({ threadM, threadN }: Tile): string {
  return range(threadM).map((i) =>
    "  " + range(threadN).map((j) => `var ${accumulator(i, j)} = 0.0;`).join(" ")
  )
    .join("\n");
}

/** Vector `j` of a thread in the shared tile of B, counted from `b_first`. */
function vectorPlace(j: number, { tileN, threadN, lanesN }: Tile, columns: number): number {
  const perBlock = threadN / 4 / columns;
  return Math.floor(j / perBlock) * (tileN / 4 / columns) + (j % perBlock) * lanesN;
}

/**
 * One index of K: threadM x threadN multiply-adds, line by line, every other line backwards, so that each shares
 * an operand with the one before: a register file that reads two operands a cycle then keeps up.
 */
function multiply(
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
    // Four columns at a time; a product and a sum took as long as fma() on an H200.
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

/** The products of one step; of float16, into sums of their own that are then added to the float32 ones. */
function summed({ tile, arithmetic }: MatmulConfig, products: string): string {
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

/** Module scope: what takes the sums to the outputs. */
function finishWgsl(config: MatmulConfig): string {
  const { epilogue, columns, activation, storage, slots } = config;
  const counts = operandCounts(config);
  const outputs = slots.slice(counts.a + counts.b);
  return epilogueWgsl({ epilogue, columns, activation, storage, slots: outputs });
}

/** Hands each row and vector of a thread to the epilogue, guarded at the edges: slices [split][column block][row]. */
function finish({ tile, columns, epilogue }: MatmulConfig): string {
  const perBlock = tile.threadN / 4 / columns;
  const at = epilogue === "store" ? `group.z * ${columns}u * p.m + row` : "row";
  const vector = (i: number, j: number) =>
    `vec4f(${range(4).map((c) => accumulator(i, j * 4 + c)).join(", ")})`;
  const rows = range(tile.threadM).map((i) => {
    const row = `origin_a + (a_first + ${(i >> 2) * tile.lanesM}u) * 4u + ${i & 3}u`;
    const calls = range(perBlock).map((j) => {
      const second = columns === 2 ? vector(i, j + perBlock) : "vec4f(0)";
      return `if (col_${j} < p.n) { epilogue(${at}, col_${j}, ${vector(i, j)}, ${second}); }`;
    });
    return `  { let row = ${row};\n  if (row < p.m) {\n${calls.join("\n")}\n  } }`;
  });
  const cols = range(perBlock).map((j) =>
    `  let col_${j} = origin_b + (b_first + ${j * tile.lanesN}u) * 4u;`
  );
  return [...cols, ...rows].join("\n");
}
