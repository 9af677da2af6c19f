import type { Gpu } from "../../kernels/gpu/device.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { GpuRecorder, type Recorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { boundLaunch, type Launch } from "../../kernels/launch.ts";
import { storageWgsl } from "../../kernels/storage.ts";
import { indented } from "../../kernels/text.ts";
import { matrix, type View } from "../../kernels/view.ts";
import { emptyLines, type Lines, type Norms } from "./norms.ts";

/** Elements of a line that one thread adds up; the CPU adds their sums in float64. */
const CHUNK = 1024;

const THREADS = 64;

/** A sum as large as this stands for an element that is not finite. Compilers may assume that none is, and drop a NaN. */
const NOT_FINITE = 3e38;

/**
 * Compares two matrices on the device, every row and every column. Only the sums of each line are read back.
 *
 * @throws {LimitError} If a matrix is larger than one binding.
 */
export async function deviceNorms(gpu: Gpu, actual: View, expected: View): Promise<Norms> {
  const recorder = new GpuRecorder(gpu);
  using rows = record(recorder, { actual, expected, by: "rows" });
  using columns = record(recorder, { actual, expected, by: "columns" });
  recorder.submit();
  return {
    rows: linesOf(await rows.read(), actual.rows),
    columns: linesOf(await columns.read(), actual.cols),
  };
}

/** Records the sums of all rows, or of all columns. A long line has several chunks; all lines' first chunks come first. */
function record(
  recorder: Recorder,
  { actual, expected, by }: { actual: View; expected: View; by: "rows" | "columns" },
): Tensor {
  const { capabilities, memory } = recorder;
  const [lines, length] = by === "rows" ? [actual.rows, actual.cols] : [actual.cols, actual.rows];
  const steps = ({ stride }: View) => by === "rows" ? [stride, 1] : [1, stride];
  const chunks = Math.ceil(length / CHUNK);
  const sums = new Tensor(memory, {
    ...{ shape: [2 * lines * chunks], dtype: "float32", purpose: "internal", label: "norms" },
  });
  const { dtype } = actual.tensor;
  const launch: Launch = {
    views: [actual, expected, matrix(sums)],
    apart: true,
    kernel: () => ({
      key: `line norms|${dtype}`,
      label: `norms of ${by}`,
      access: ["read", "read", "read_write"],
      wgsl: () => indented(normsWgsl(dtype)),
    }),
    uniforms: [
      ...[lines, length, lines * chunks],
      ...[{ offsetOf: 0 }, ...steps(actual)],
      ...[{ offsetOf: 1 }, ...steps(expected)],
    ],
    workgroups: [Math.ceil(lines * chunks / THREADS), null, 1],
    flops: 0,
    bytes: 0,
  };
  recorder.dispatch(boundLaunch(launch, capabilities));
  return sums;
}

function linesOf(sums: Float32Array, count: number): Lines {
  const lines = emptyLines(count);
  for (let i = 0; i < sums.length / 2; i++) {
    const error = sums[2 * i];
    lines.error[i % count] += error >= NOT_FINITE / 2 ? Infinity : error;
    lines.own[i % count] += sums[2 * i + 1];
  }
  return lines;
}

function normsWgsl(dtype: DType): string {
  return `struct Params {
  lines: u32, length: u32, sums: u32,
  at_actual: u32, line_actual: u32, step_actual: u32,
  at_expected: u32, line_expected: u32, step_expected: u32,
}
${storageWgsl("actual", 0, { dtype, access: "read", aligned: false })}
${storageWgsl("expected", 1, { dtype: "float32", access: "read", aligned: false })}
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  if (i >= p.sums) { return; }
  let line = i % p.lines;
  let start = i / p.lines * ${CHUNK}u;
  var error = 0.0;
  var own = 0.0;
  var finite = true;
  for (var at = start; at < min(start + ${CHUNK}u, p.length); at++) {
    let e = load_one_expected(p.at_expected + line * p.line_expected + at * p.step_expected);
    let difference = load_one_actual(p.at_actual + line * p.line_actual + at * p.step_actual) - e;
    finite = finite && (bitcast<u32>(difference) & 0x7f800000u) != 0x7f800000u;
    error += difference * difference;
    own += e * e;
  }
  finite = finite && (bitcast<u32>(error) & 0x7f800000u) != 0x7f800000u;
  sums[2u * i] = select(${NOT_FINITE}, error, finite);
  sums[2u * i + 1u] = own;
}
`;
}
