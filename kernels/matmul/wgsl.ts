import { activationWgsl } from "../activation.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { type MatmulConfig, operandCounts } from "./config.ts";
import { epilogueWgsl } from "./epilogue.ts";
import { BEFORE_END, directLoader, type Loader, transposingLoader } from "./loader.ts";
import { type Tile, threadsOf } from "./tile.ts";

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Uniform fields of a matmul kernel, in order. */
export function uniformFields(config: Pick<MatmulConfig, "products" | "columns" | "gatedA" | "epilogue">): string[] {
  const counts = operandCounts(config);
  return [
    ...["m", "n", "k", "tiles_m", "tiles_n", "steps_per_split", "stride_a", "stride_b"],
    ...range(counts.a).map((i) => `a_${i}`),
    ...range(counts.b).map((i) => `b_${i}`),
    ...range(counts.out).flatMap((i) => [`out_${i}`, `stride_out_${i}`]),
  ];
}

/**
 * The WGSL of one matrix product: tiles of A and B go through registers to shared memory, transposed so that K is
 * the outer index of both; the next tile is fetched while the current one is multiplied.
 */
export function matmulWgsl(config: MatmulConfig): string {
  const { tile, columns } = config;
  const threads = threadsOf(tile);
  const { a, b } = loaders(config);
  return `struct Params { ${uniformFields(config).map((field) => `${field}: u32`).join(", ")} }
${config.storage.map((storage, slot) => storageWgsl(`s${slot}`, slot, storage)).join("\n")}
@group(0) @binding(${config.storage.length}) var<uniform> p: Params;
${packingWgsl(config.storage.map((storage) => storage.dtype))}
${a.declaration}
${b.declaration}
${config.gatedA && !config.epilogue.startsWith("gated") ? activationWgsl(config.activation) : ""}
${BEFORE_END}
${finishWgsl(config)}

@compute @workgroup_size(${threads})
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
${a.setup}
${b.setup}
${accumulators(tile)}
  let steps = (p.k + ${tile.tileK - 1}u) / ${tile.tileK}u;
  let first = group.z * p.steps_per_split;
  let end = min(first + p.steps_per_split, steps${config.products === 2 ? " * 2u" : ""});
  {
    let step = first;
${fetch(config, { a, b })}
  }
  for (var now = first; now < end; now++) {
${a.commit}
${b.commit}
    workgroupBarrier();
    if (now + 1u < end) {
      let step = now + 1u;
${fetch(config, { a, b })}
    }
${multiply(tile, columns)}
    workgroupBarrier();
  }
${finish(config)}
}
`;
}

function loaders(config: MatmulConfig): { a: Loader; b: Loader } {
  const { layout, tile, products, columns, gatedA, slots } = config;
  const threads = threadsOf(tile);
  const counts = operandCounts(config);
  const named = (name: "a" | "b", parts: number, first: number) => ({
    loads: range(products).map((product) => range(parts).map((part) => `load_s${slots[first + product * parts + part]}`)),
    offsets: range(products).map((product) => range(parts).map((part) => `p.${name}_${product * parts + part}`)),
    parts,
  });
  const a = { name: "a", outer: tile.tileM, tile, threads, gated: gatedA, ...named("a", gatedA ? 2 : 1, 0) } as const;
  const b = { name: "b", outer: tile.tileN, tile, threads, gated: false, ...named("b", columns, counts.a) } as const;
  return {
    a: layout === "tn" ? directLoader(a) : transposingLoader(a),
    b: layout === "nt" ? transposingLoader(b) : directLoader(b),
  };
}

/** Fetches step `step`: its product, its place along K, and guarded loads where K ends inside it. */
function fetch({ tile, products }: MatmulConfig, { a, b }: { a: Loader; b: Loader }): string {
  const product = (index: number) =>
    `let k0 = (step${index === 0 ? "" : " - steps"}) * ${tile.tileK}u;
if (k0 + ${tile.tileK}u <= p.k) {
${a.fetch(index, false)}
${b.fetch(index, false)}
} else {
${a.fetch(index, true)}
${b.fetch(index, true)}
}`;
  return products === 1 ? product(0) : `if (step < steps) {\n${product(0)}\n} else {\n${product(1)}\n}`;
}

/** Where a thread's first vectors lie in the shared tiles: `a_first`, and `b_first` within each column block. */
function threadPlace({ tileM, threadM, threadN, lanesM, lanesN }: Tile, columns: number): string {
  const lanes = lanesM * lanesN;
  const warpsM = tileM / (threadM * lanesM);
  return `  let lane = tid & ${lanes - 1}u;
  let warp = tid >> ${Math.log2(lanes)}u;
  let a_first = (warp & ${warpsM - 1}u) * ${lanesM * threadM / 4}u + (lane >> ${Math.log2(lanesN)}u);
  let b_first = (warp >> ${Math.log2(warpsM)}u) * ${lanesN * threadN / 4 / columns}u + (lane & ${lanesN - 1}u);`;
}

const accumulator = (row: number, vector: number) => `acc_${row}_${vector}`;

function accumulators({ threadM, threadN }: Tile): string {
  return range(threadM).map((i) =>
    "  " + range(threadN / 4).map((j) => `var ${accumulator(i, j)} = vec4f(0);`).join(" ")
  ).join("\n");
}

/** Vector `j` of a thread in the shared tile of B, counted from `b_first`. */
function vectorPlace(j: number, { tileN, threadN, lanesN }: Tile, columns: number): number {
  const perBlock = threadN / 4 / columns;
  return Math.floor(j / perBlock) * (tileN / 4 / columns) + (j % perBlock) * lanesN;
}

function multiply(tile: Tile, columns: number): string {
  const plus = (name: string, offset: number) => offset === 0 ? name : `${name} + ${offset}u`;
  const step = (k: number) => {
    const a = range(tile.threadM / 4).map((i) => `let a${i} = tile_a[${k}][${plus("a_first", i * tile.lanesM)}];`);
    const b = range(tile.threadN / 4).map((j) =>
      `let b${j} = tile_b[${k}][${plus("b_first", vectorPlace(j, tile, columns))}];`
    );
    const sums = range(tile.threadM).flatMap((i) =>
      range(tile.threadN / 4).map((j) => {
        const sum = accumulator(i, j);
        return `${sum} = fma(vec4f(a${i >> 2}.${"xyzw"[i & 3]}), b${j}, ${sum});`;
      })
    );
    return `{ ${[...a, ...b].join(" ")}\n${sums.join("\n")} }`;
  };
  return range(tile.tileK).map(step).join("\n");
}

/** Module scope: what takes the sums to the outputs. */
function finishWgsl(config: MatmulConfig): string {
  const { epilogue, columns, activation, storage } = config;
  if (epilogue === "partial") {
    // [split][column block][row][columns rounded up to 4], float32
    return `fn epilogue(row: u32, col: u32, v0: vec4f, v1: vec4f, z: u32) {
  let at = p.out_0 + ((z * ${columns}u) * p.m + row) * p.stride_out_0 + col;
  store_s${config.slots[config.slots.length - 1]}(at, v0);
  ${columns === 2 ? `store_s${config.slots[config.slots.length - 1]}(at + p.m * p.stride_out_0, v1);` : ""}
}`;
  }
  const counts = operandCounts(config);
  return epilogueWgsl({ epilogue, columns, activation, storage, slots: config.slots.slice(counts.a + counts.b) });
}

/** Hands each row and vector of a thread to the epilogue, guarded at the edges. */
function finish({ tile, columns, epilogue }: MatmulConfig): string {
  const perBlock = tile.threadN / 4 / columns;
  const z = epilogue === "partial" ? ", group.z" : "";
  const rows = range(tile.threadM).map((i) => {
    const row = `origin_a + (a_first + ${(i >> 2) * tile.lanesM}u) * 4u + ${i & 3}u`;
    const calls = range(perBlock).map((j) => {
      const second = columns === 2 ? accumulator(i, j + perBlock) : "vec4f(0)";
      return `if (col_${j} < p.n) { epilogue(row, col_${j}, ${accumulator(i, j)}, ${second}${z}); }`;
    });
    return `  { let row = ${row};\n  if (row < p.m) {\n${calls.join("\n")}\n  } }`;
  });
  const cols = range(perBlock).map((j) => `  let col_${j} = origin_b + (b_first + ${j * tile.lanesN}u) * 4u;`);
  return [...cols, ...rows].join("\n");
}
