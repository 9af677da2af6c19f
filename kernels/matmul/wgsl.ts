import { activationWgsl } from "../activation.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { type MatmulConfig, operandCounts } from "./config.ts";
import { epilogueWgsl, outputsRead } from "./epilogue.ts";
import { type Loader, loader } from "./loader.ts";
import { lines, range } from "./text.ts";
import { threadsOf, type Tile } from "./tile.ts";

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
  const operands = loaders(config);
  return `${config.arithmetic === "float16" ? "enable f16;\n" : ""}struct Params { ${
    uniformFields(config).map((field) => `${field}: u32`).join(", ")
  } }
${
    config.storage.map((storage, slot) =>
      storageWgsl(`s${slot}`, slot, { ...storage, words: wordsOf(config, slot) })
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
${operands.a.setup}
${operands.b.setup}
${accumulators(tile)}
  // Slice group.z of all steps, the products' one after the other.
  let steps = p.k / ${tile.tileK}u;
  let first = group.z * (steps * ${products}u) / p.splits;
  let end = (group.z + 1u) * (steps * ${products}u) / p.splits;
${range(products).map((product) => wholeSteps(config, product, operands)).join("\n")}
  let rest = p.k - steps * ${tile.tileK}u;
  if (rest > 0u && group.z == p.splits - 1u) {
    let k0 = steps * ${tile.tileK}u;
${range(products).map((product) => lastStep(config, product, operands)).join("\n")}
  }
${finish(config)}
}
`;
}

/**
 * Elements that a load of each operand gives: vectors, but shorter ones of an A whose rows go along K, so that no registers
 * must be moved about to transpose it (8 loads of 4 bytes were 1 to 5 % faster on an H200 than 4 of 8), and of a B whose
 * tile has fewer blocks of 4 x 4 than there are threads; A is then loaded alike, as both may be of one buffer.
 */
function loadLengths({ layout, tile, storage, slots }: MatmulConfig): Record<"a" | "b", 1 | 2 | 4> {
  const short = layout === "nt" && tile.tileN * tile.tileK / 16 < threadsOf(tile);
  const word = short || storage[slots[0]].dtype !== "float32" ? 2 : 1;
  return { a: layout === "tn" ? 4 : word, b: short ? word : 4 };
}

/** Elements of the words by which a storage buffer is loaded. */
function wordsOf(config: MatmulConfig, slot: number): 1 | 2 | undefined {
  const counts = operandCounts(config);
  const lengths = loadLengths(config);
  const operands = [...range(counts.a).map(() => lengths.a), ...range(counts.b).map(() => lengths.b)];
  return operands.find((length, i): length is 1 | 2 => length < 4 && config.slots[i] === slot);
}

function loaders(config: MatmulConfig): Loaders {
  const { layout, tile, products, columns, gatedA, slots } = config;
  const counts = operandCounts(config);
  const along = { a: layout === "tn" ? "outer" : "k", b: layout === "nt" ? "k" : "outer" } as const;
  const named = (name: "a" | "b", parts: number, first: number) => {
    const own = slots.slice(first, first + products * parts).map((slot) => ({
      slot,
      ...config.storage[slot],
    }));
    const aligned = own.every((storage) => storage.aligned);
    const length = loadLengths(config)[name];
    const load = (length === 4 ? ["load", "vector"] : ["load_word", "word"])[Number(aligned)];
    const each = (text: (operand: number) => string) =>
      range(products).map((product) => range(parts).map((part) => text(product * parts + part)));
    return {
      loads: each((operand) => `${load}_s${own[operand].slot}`),
      length,
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
  return { a: loader(a, along.a), b: loader(b, along.b) };
}

/**
 * The steps of one product that lie wholly inside K. What the next step needs is on its way while this one is
 * multiplied, in registers that no turn of the loop hands to the next: a compiler copies those. The last turn fetches
 * what is never multiplied.
 *
 * Two tiles ahead, a turn of the loop takes two steps, so that the registers which it does hand on are the ones that it
 * was given: nothing to copy. A last single step is multiplied by a loop of its own.
 */
function wholeSteps(config: MatmulConfig, product: number, loaders: Loaders): string {
  const { tile } = config;
  const start = product === 0 ? "first" : `max(first, steps) - steps`;
  const stop = product === 0 ? "min(end, steps)" : `max(end, steps) - steps`;
  const { advance, registers, fetch, commit } = both(loaders);
  const step = (fetched: string, committed: string) =>
    `${advance}
${fetch(product, fetched)}
{
${summed(config, range(tile.tileK).map((k) => multiply(config, { ...loaders, k })).join("\n"))}
}
workgroupBarrier();
${commit(committed)}
workgroupBarrier();`;
  const loop = tile.ahead === 1
    ? `for (var now = start; now < stop; now++) {
${registers("now")}
${step("now", "now")}
}`
    : `${advance}
${registers("odd")}
${fetch(product, "odd")}
for (var now = start; now + 1u < stop; now += 2u) {
${registers("even")}
${step("even", "odd")}
${step("odd", "even")}
}
if (((stop - start) & 1u) == 1u) {
${multiplyUpTo(`${tile.tileK}u`, config, loaders)}
workgroupBarrier();
}`;
  return `  {
    let start = ${start};
    let stop = ${stop};
    if (start < stop) {
      let k0 = start * ${tile.tileK}u;
${firstTile(product, loaders)}
${loop}
    }
  }`;
}

/** What is said of both operands, one after the other. */
function both({ a, b }: Loaders) {
  const each = (text: (loader: Loader) => string) => lines([text(a), text(b)]);
  return {
    begin: (product: number) => each((loader) => loader.begin(product)),
    advance: each((loader) => loader.advance),
    registers: (set: string) => each((loader) => loader.registers(set)),
    fetch: (product: number, set: string) => each((loader) => loader.fetch(product, set)),
    commit: (set: string) => each((loader) => loader.commit(set)),
  };
}

/** Loads the tile that begins at `k0` and waits for it. */
function firstTile(product: number, loaders: Loaders): string {
  const { begin, registers, fetch, commit } = both(loaders);
  return `${begin(product)}
{
${registers("now")}
${fetch(product, "now")}
${commit("now")}
}
workgroupBarrier();`;
}

/** The step that K ends inside: what was loaded from beyond is never multiplied. */
function lastStep(config: MatmulConfig, product: number, loaders: Loaders): string {
  return `    {
${firstTile(product, loaders)}
${multiplyUpTo("rest", config, loaders)}
      workgroupBarrier();
    }`;
}

/** Multiplies the first indices of K in the shared tiles, in little code. */
function multiplyUpTo(count: string, config: MatmulConfig, loaders: Loaders): string {
  return summed(
    config,
    `for (var k = 0u; k < ${count}; k++) {\n${multiply(config, { ...loaders, k: "k" })}\n}`,
  );
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

/**
 * Hands each row and vector of a thread to the epilogue, guarded at the edges: slices [split][column block][row].
 *
 * What outputs held is read two rows at a time, before either is stored: a buffer that is written keeps its order, and each
 * read would wait for the one before (1.35 against 1.01 ms for dg and du of K = 128 on an H200; four rows: as two). Two
 * workgroups of 256 threads would no longer find registers for it on one multiprocessor.
 */
function finish({ tile, columns, epilogue }: MatmulConfig): string {
  const perBlock = tile.threadN / 4 / columns;
  const reads = range(outputsRead(epilogue));
  const vector = (i: number, j: number) =>
    `vec4f(${range(4).map((c) => accumulator(i, j * 4 + c)).join(", ")})`;
  const at = (i: number) => epilogue === "store" ? `group.z * ${columns}u * p.m + row_${i}` : `row_${i}`;
  const call = (i: number, j: number) => {
    const second = columns === 2 ? vector(i, j + perBlock) : "vec4f(0)";
    const was = reads.map((output) => `was_${output}_${i}_${j}`);
    return `if (col_${j} < p.n) { epilogue(${
      [at(i), `col_${j}`, vector(i, j), second, ...was].join(", ")
    }); }`;
  };
  const together = reads.length > 0 && threadsOf(tile) <= 128 ? 2 : 1;
  const rows = range(tile.threadM / together).map((first) => {
    const own = range(together).map((i) => first * together + i);
    const each = (text: (i: number, j: number) => string) =>
      lines(own.flatMap((i) => range(perBlock).map((j) => text(i, j))));
    return `  {
${lines(own.map((i) => `let row_${i} = origin_a + (a_first + ${(i >> 2) * tile.lanesM}u) * 4u + ${i & 3}u;`))}
${
      each((i, j) =>
        lines(reads.map((output) =>
          `let was_${output}_${i}_${j} = get_${output}(min(row_${i}, p.m - 1u), min(col_${j}, (p.n - 1u) & ~3u));`
        ))
      )
    }
${lines(own.map((i) => `if (row_${i} < p.m) {\n${lines(range(perBlock).map((j) => call(i, j)))}\n}`))}
  }`;
  });
  const cols = range(perBlock).map((j) =>
    `  let col_${j} = origin_b + (b_first + ${j * tile.lanesN}u) * 4u;`
  );
  return lines([...cols, ...rows]);
}
