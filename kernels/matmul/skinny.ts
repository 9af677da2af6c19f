import type { Kernel } from "../gpu/kernel.ts";
import { type Storage, storageWgsl } from "../storage.ts";
import { lines, range } from "./text.ts";

/**
 * Rows of A up to which this kernel is the fastest stream of B. Where B is [K, N] it takes 0.95 of the time of the tile `few`
 * for one row on an H200, 1.02 for 4 and 1.25 for 8; for [N, K] that tile is slower.
 */
export const SKINNY_ROWS = { nn: 3, nt: 6 } as const;

/** Threads of a workgroup: eight groups of 32 lanes. */
const LANES = 32;
const GROUPS = 8;
const THREADS = LANES * GROUPS;

/** Rows of B^T that one group of lanes multiplies at once, so that a row of A read from shared memory serves four. */
const ROWS = 4;

/** Everything that decides the WGSL text of a skinny kernel. */
export interface SkinnyConfig {
  /** B as stored: [K, N] (nn) or [N, K] (nt). */
  readonly layout: "nn" | "nt";
  /** Rows of A: 1 to {@linkcode SKINNY_ROWS} of the layout. */
  readonly m: number;
  readonly a: Storage;
  readonly b: Storage;
}

/** Columns of the output that one workgroup computes. */
export function skinnyColumns(layout: "nn" | "nt"): number {
  return layout === "nn" ? LANES * 4 : GROUPS * ROWS;
}

/** Bytes of shared memory that every device has, and what of them the sums of a workgroup take at most. */
const LEAST_WORKGROUP_BYTES = 16384;
const SUMS_BYTES = 4 * GROUPS * ROWS * (LANES + 1);

/** Indices of K that are staged in shared memory at once, as float32 of every row of A. */
export function skinnyChunk({ m }: Pick<SkinnyConfig, "m">): number {
  return Math.min(1024, 2 ** Math.floor(Math.log2((LEAST_WORKGROUP_BYTES - SUMS_BYTES) / 4 / m)));
}

/** Uniform fields of a skinny kernel, in order. */
export const SKINNY_FIELDS = [
  "n",
  "k",
  "chunks_per_split",
  "stride_a",
  "stride_b",
  "a",
  "b",
  "out",
  "stride_out",
];

/**
 * A few rows of A times a large B: every element of B is read once, by vectors, by threads that share nothing,
 * and A waits in shared memory. Sums are float32 partials [split][m][stride_out], which the reduction adds in order.
 */
export function skinnyKernel(config: SkinnyConfig, label: string): Kernel {
  const { layout, m, a, b } = config;
  return {
    key: `skinny|${layout}|${m}|${a.dtype}${a.aligned}|${b.dtype}${b.aligned}`,
    label,
    access: ["read", "read", "read_write"],
    wgsl: () =>
      `struct Params { ${SKINNY_FIELDS.map((field) => `${field}: u32`).join(", ")} }
${storageWgsl("a", 0, { ...a, access: "read" })}
${storageWgsl("b", 1, { ...b, access: "read" })}
${storageWgsl("partial", 2, { dtype: "float32", access: "read_write", aligned: false })}
@group(0) @binding(3) var<uniform> p: Params;
${layout === "nn" ? columnsWgsl(config) : rowsWgsl(config)}
`,
  };
}

/** Begins the kernel: `first_col` is the workgroup's first column of the output. */
const header = (layout: "nn" | "nt") =>
  `@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let first_col = (group.y * groups.x + group.x) * ${skinnyColumns(layout)}u;
  if (first_col >= p.n) { return; }
  let lane = tid & ${LANES - 1}u;
  let part = tid >> ${Math.log2(LANES)}u;`;

/** Loops over the slice of K that is group.z's, in chunks. */
function chunks(chunk: number, text: string): string {
  return `  for (var i = 0u; i < p.chunks_per_split; i++) {
    let k0 = (group.z * p.chunks_per_split + i) * ${chunk}u;
    if (k0 >= p.k) { break; }
    workgroupBarrier();
${text}
  }`;
}

/** B is [K, N]: a lane owns four columns; the groups of lanes take every eighth row of B and add up at the end. */
function columnsWgsl(config: SkinnyConfig): string {
  const { m } = config;
  const chunk = skinnyChunk(config);
  const batch = 8; // rows of B in flight for each thread
  const rounds = chunk / GROUPS / batch;
  return `var<workgroup> x: array<array<f32, ${m}>, ${chunk}>;
var<workgroup> sums: array<array<vec4f, ${LANES}>, ${GROUPS}>;
${header("nn")}
  let col = first_col + lane * 4u;
  let start = p.b + min(col, (p.n - 1u) & ~3u);
${lines(range(m).map((row) => `  var acc_${row} = vec4f(0);`))}
${
    chunks(
      chunk,
      `    for (var j = tid; j < ${chunk}u; j += ${THREADS}u) {
      let k = k0 + j;
${
        lines(
          range(m).map((row) =>
            `      x[j][${row}] = select(0.0, load_one_a(p.a + ${row}u * p.stride_a + min(k, p.k - 1u)), k < p.k);`
          ),
        )
      }
    }
    workgroupBarrier();
    for (var round = 0u; round < ${rounds}u; round++) {
      let j = round * ${GROUPS * batch}u + part;
      if (k0 + j >= p.k) { break; }
${
        lines(
          range(batch).map((i) =>
            `      let b${i} = inside(load_b(start + min(k0 + j + ${
              i * GROUPS
            }u, p.k - 1u) * p.stride_b), k0 + j + ${i * GROUPS}u);`
          ),
        )
      }
${
        lines(
          range(batch).map((i) =>
            `      { let x = &x[j + ${i * GROUPS}u]; ${
              range(m).map((row) => `acc_${row} = fma(vec4f((*x)[${row}]), b${i}, acc_${row});`).join(" ")
            } }`
          ),
        )
      }
    }`,
    )
  }
${
    lines(
      range(m).map((row) =>
        `  sums[part][lane] = acc_${row};
  workgroupBarrier();
  if (part == 0u) {
    var sum = sums[0][lane];
    for (var q = 1u; q < ${GROUPS}u; q++) { sum += sums[q][lane]; }
    let at = p.out + (group.z * ${m}u + ${row}u) * p.stride_out + col;
    if (col < p.n) { ${range(4).map((c) => `store_one_partial(at + ${c}u, sum[${c}]);`).join(" ")} }
  }
  workgroupBarrier();`
      ),
    )
  }
}
// Zero from K on, where a row repeats the last one: infinity times the zero of x would be NaN.
fn inside(v: vec4f, k: u32) -> vec4f { return select(vec4f(0), v, k < p.k); }`;
}

/** B is [N, K]: a group of lanes owns four rows of B, its lanes step along K together and add up at the end. */
function rowsWgsl(config: SkinnyConfig): string {
  const { m } = config;
  const chunk = skinnyChunk(config);
  const pairs = range(ROWS).flatMap((r) => range(m).map((row) => [r, row] as const));
  return `var<workgroup> x: array<array<vec4f, ${chunk / 4}>, ${m}>;
var<workgroup> sums: array<array<f32, ${LANES + 1}>, ${GROUPS * ROWS}>;
${header("nt")}
  let first = first_col + part * ${ROWS}u;
${lines(range(ROWS).map((r) => `  let row_${r} = p.b + min(first + ${r}u, p.n - 1u) * p.stride_b;`))}
${lines(pairs.map(([r, row]) => `  var acc_${r}_${row} = 0.0;`))}
${
    chunks(
      chunk,
      `    for (var j = tid; j < ${chunk / 4}u; j += ${THREADS}u) {
${
        lines(
          range(m).map((row) =>
            `      x[${row}][j] = before_end(load_a(p.a + ${row}u * p.stride_a + k0 + j * 4u), k0 + j * 4u);`
          ),
        )
      }
    }
    workgroupBarrier();
    for (var j = lane; j < ${chunk / 4}u; j += ${LANES}u) {
      let k = k0 + j * 4u;
      if (k >= p.k) { break; }
${lines(range(ROWS).map((r) => `      let b${r} = before_end(load_b(row_${r} + k), k);`))}
${
        lines(
          range(m).map((row) =>
            `      { let x = x[${row}][j]; ${
              range(ROWS).map((r) => `acc_${r}_${row} += dot(x, b${r});`).join(" ")
            } }`
          ),
        )
      }
    }`,
    )
  }
${
    lines(
      range(m).map((row) =>
        `${lines(range(ROWS).map((r) => `  sums[part * ${ROWS}u + ${r}u][lane] = acc_${r}_${row};`))}
  workgroupBarrier();
  if (tid < ${GROUPS * ROWS}u) {
    var sum = 0.0;
    for (var q = 0u; q < ${LANES}u; q++) { sum += sums[tid][q]; }
    let col = first_col + tid;
    if (col < p.n) { store_one_partial(p.out + (group.z * ${m}u + ${row}u) * p.stride_out + col, sum); }
  }
  workgroupBarrier();`
      ),
    )
  }
}
fn before_end(v: vec4f, k: u32) -> vec4f {
  return select(vec4f(0), v, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(p.k));
}`;
}
