import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import { boundLaunch, type Launch } from "../../kernels/launch.ts";
import { storageWgsl } from "../../kernels/storage.ts";
import { indented } from "../../kernels/text.ts";
import type { View } from "../../kernels/view.ts";

/** An operand, or its transpose. */
export interface PlainOperand {
  readonly view: View;
  readonly transposed?: boolean;
}

/**
 * Records out = a b, or out += a b, in float32. Variants are checked against it, so it is plain: all that it shares with the
 * kernels that are measured is how elements are stored. Sums of 256 terms are added up first, and these sums then. Rounding so
 * grows with the root of 256 + K / 256, not with that of K.
 *
 * @throws {LimitError} If a matrix is larger than one binding.
 */
export function plainMatmul(
  recorder: Recorder,
  { label, a, b, out, add = false }: {
    label: string;
    a: PlainOperand;
    b: PlainOperand;
    out: View;
    add?: boolean;
  },
): void {
  const k = a.transposed ? a.view.rows : a.view.cols;
  const tiles = Math.ceil(out.rows / TILE) * Math.ceil(out.cols / TILE);
  const dtypes = [a.view.tensor.dtype, b.view.tensor.dtype] as const;
  const launch: Launch = {
    views: [a.view, b.view, out],
    apart: true,
    kernel: () => ({
      key: ["plain matmul", ...dtypes].join("|"),
      label,
      access: ["read", "read", "read_write"],
      wgsl: () => indented(plainWgsl(dtypes)),
    }),
    uniforms: [
      ...[out.rows, out.cols, k],
      ...[{ offsetOf: 0 }, ...steps(a)],
      ...[{ offsetOf: 1 }, ...steps(b)],
      ...[{ offsetOf: 2 }, out.stride, Number(add)],
    ],
    workgroups: [tiles, null, 1],
    flops: 2 * out.rows * out.cols * k,
    bytes: 0,
  };
  recorder.dispatch(boundLaunch(launch, recorder.capabilities));
}

const TILE = 16;

/** Elements from one row to the next, and from one column to the next. */
function steps({ view, transposed }: PlainOperand): [number, number] {
  return transposed ? [1, view.stride] : [view.stride, 1];
}

function plainWgsl([a, b]: readonly [DType, DType]): string {
  const read = (name: string, binding: number, dtype: DType) =>
    storageWgsl(name, binding, { dtype, access: "read", aligned: false });
  return `struct Params {
  rows: u32, cols: u32, k: u32,
  at_a: u32, row_a: u32, col_a: u32,
  at_b: u32, row_b: u32, col_b: u32,
  at_out: u32, row_out: u32, add: u32,
}
${read("a", 0, a)}
${read("b", 1, b)}
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> tile_a: array<array<f32, ${TILE}>, ${TILE}>;
var<workgroup> tile_b: array<array<f32, ${TILE}>, ${TILE}>;

@compute @workgroup_size(${TILE}, ${TILE})
fn main(@builtin(local_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let tile = group.y * groups.x + group.x;
  let across = (p.cols + ${TILE - 1}u) / ${TILE}u;
  let row = tile / across * ${TILE}u + id.y;
  let col = tile % across * ${TILE}u + id.x;
  var sum = 0.0;
  var part = 0.0;
  var terms = 0u;
  for (var start = 0u; start < p.k; start += ${TILE}u) {
    var v = 0.0;
    if (row < p.rows && start + id.x < p.k) { v = load_one_a(p.at_a + row * p.row_a + (start + id.x) * p.col_a); }
    tile_a[id.y][id.x] = v;
    v = 0.0;
    if (col < p.cols && start + id.y < p.k) { v = load_one_b(p.at_b + (start + id.y) * p.row_b + col * p.col_b); }
    tile_b[id.y][id.x] = v;
    workgroupBarrier();
    for (var i = 0u; i < ${TILE}u; i++) { part += tile_a[id.y][i] * tile_b[i][id.x]; }
    workgroupBarrier();
    terms += ${TILE}u;
    if (terms == 256u) {
      sum += part;
      part = 0.0;
      terms = 0u;
    }
  }
  if (row >= p.rows || col >= p.cols) { return; }
  let i = p.at_out + row * p.row_out + col;
  var before = 0.0;
  if (p.add == 1u) { before = out[i]; }
  out[i] = before + sum + part;
}
`;
}
