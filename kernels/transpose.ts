import type { Kernel } from "./gpu/kernel.ts";
import { type Launch, offsetsAndStrides } from "./launch.ts";
import { packingWgsl, type Storage, storagesOf, storageWgsl } from "./storage.ts";
import { indented, lines, range } from "./text.ts";
import { isAligned, isWriteAligned, type View, viewBytes } from "./view.ts";

const THREADS = 256;

/** Rows and columns of a workgroup that reads vectors. Each thread turns 4 x 4 elements in its registers. */
const SIDE = 64;

/** Rows and columns of a workgroup that reads one element at a time. */
const STAGED = { rows: 64, cols: 32 } as const;

/**
 * The launch that writes `from` transposed to `to`, whose rows are padded to a multiple of 4. The padding gets arbitrary
 * values.
 *
 * @throws {RangeError} If `to` has another shape, or its rows do not begin at multiples of 4.
 */
export function transposeLaunch(
  { label, from, to }: { label: string; from: View; to: View },
): Launch {
  const shape = [from.cols, Math.ceil(from.rows / 4) * 4];
  if (to.rows !== shape[0] || to.cols !== shape[1] || !isWriteAligned(to)) {
    throw new RangeError(
      `Cannot transpose ${label} as the result must be [${shape}], aligned to 4: ` +
        `current value is [${to.rows},${to.cols}] with row stride ${to.stride} from ${to.offset}`,
    );
  }
  const views = [from, to];
  return {
    views,
    kernel: (slots) => transposeKernel(storagesOf(views, { slots, inputs: 1 }), label),
    uniforms: [from.rows, from.cols, ...offsetsAndStrides(views)],
    workgroups: workgroupsOf(from),
    flops: 0,
    bytes: 2 * viewBytes(from),
  };
}

/**
 * Counts down the columns first. Workgroups that run together then write whole rows (92 % of a copy on an H200, not
 * 87).
 */
function workgroupsOf(from: View): [number, number, number] {
  const { rows, cols } = from;
  const tile = isAligned(from) ? { rows: SIDE, cols: SIDE } : STAGED;
  return [Math.ceil(rows / tile.rows), Math.ceil(cols / tile.cols), 1];
}

function transposeKernel(storage: readonly Storage[], label: string): Kernel {
  const layout = storage.map(({ dtype, aligned }) => `${dtype}${aligned}`);
  return {
    key: `transpose|${layout}`,
    label,
    access: storage.map(({ access }) => access),
    wgsl: () =>
      indented(
        `struct Params { rows: u32, cols: u32, at_from: u32, stride_from: u32, at_to: u32, stride_to: u32 }
${storage.map((s, slot) => storageWgsl(`s${slot}`, slot, s)).join("\n")}
@group(0) @binding(2) var<uniform> p: Params;
${packingWgsl(storage.map(({ dtype }) => dtype))}
${storage[0].aligned ? inRegisters() : staged()}
`,
      ),
  };
}

const MAIN = `@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u) {`;

/** Of 32 threads, eight read 128 bytes of one row, and four write 64 bytes of one. */
function inRegisters(): string {
  const loads = range(4).map((r) =>
    `  let r${r} = load_s0(p.at_from + min(row + ${r}u, p.rows - 1u) * p.stride_from + col);`
  );
  const stores = [..."xyzw"].map((component, c) => {
    const vector = `vec4f(r0.${component}, r1.${component}, r2.${component}, r3.${component})`;
    return `  if (col + ${c}u < p.cols) { store_s1(p.at_to + (col + ${c}u) * p.stride_to + row, ${vector}); }`;
  });
  return `${MAIN}
  let row = group.x * ${SIDE}u + ((tid >> 3u) & 15u) * 4u;
  let col = group.y * ${SIDE}u + ((tid & 7u) + (tid >> 7u) * 8u) * 4u;
  if (row >= p.rows || col >= p.cols) { return; }
${lines([...loads, ...stores])}
}`;
}

/**
 * For rows that begin anywhere. They are read as they lie in memory, one element a thread, and turned in workgroup
 * memory (3.3 against 2.4 TB/s on an H200). Its rows have one element more than needed, so that a column lies in many
 * banks.
 */
function staged(): string {
  const { rows, cols } = STAGED;
  const rowsAtOnce = THREADS / cols;
  const colsAtOnce = THREADS / (rows / 4);
  const reads = range(rows / rowsAtOnce).map((i) => {
    const row = `(tid >> ${Math.log2(cols)}u) + ${i * rowsAtOnce}u`;
    return { row, text: `min(first_row + ${row}, p.rows - 1u) * p.stride_from` };
  });
  const writes = range(cols / colsAtOnce).map((i) =>
    `  {
    let col = (tid >> ${Math.log2(rows / 4)}u) + ${i * colsAtOnce}u;
    if (first_col + col < p.cols && first_row + row < p.rows) {
      let v = vec4f(${range(4).map((r) => `tile[col][row + ${r}u]`).join(", ")});
      store_s1(p.at_to + (first_col + col) * p.stride_to + first_row + row, v);
    }
  }`
  );
  return `var<workgroup> tile: array<array<f32, ${rows + 1}>, ${cols}>;
${MAIN}
  let first_row = group.x * ${rows}u;
  let first_col = group.y * ${cols}u;
  let column = p.at_from + min(first_col + (tid & ${cols - 1}u), p.cols - 1u);
${lines(reads.map(({ text }, i) => `  let v${i} = load_one_s0(column + ${text});`))}
${lines(reads.map(({ row }, i) => `  tile[tid & ${cols - 1}u][${row}] = v${i};`))}
  workgroupBarrier();
  let row = (tid & ${rows / 4 - 1}u) * 4u;
${lines(writes)}
}`;
}
