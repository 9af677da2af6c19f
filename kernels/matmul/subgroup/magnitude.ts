import type { Dispatch } from "../../gpu/dispatch.ts";
import type { Recorder } from "../../gpu/recorder.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { type Storage, storagesOf, storageWgsl } from "../../storage.ts";
import { bind, matrix, type View, viewBytes } from "../../view.ts";
import type { Capabilities } from "../../gpu/device.ts";

const THREADS = 256;

/** Workgroups that keep the memory of a large GPU busy: four on each of 132 multiprocessors. */
const MOST_WORKGROUPS = 528;

/**
 * Records the largest finite magnitude of each of these matrices: what operands are scaled by into float16's range.
 * Infinity and NaN do not count, so that they leave the scale of the others alone.
 *
 * @returns One float32 for each, in a tensor that the caller disposes.
 */
export function largestMagnitudes(recorder: Recorder, views: readonly View[]): Tensor {
  const as = { purpose: "workspace", label: "largest magnitudes" } as const;
  const largest = recorder.empty([views.length], "float32", as);
  views.forEach((view, i) => {
    const to = { ...matrix(largest), offset: i, cols: 1, stride: 1 };
    const workgroups = Math.min(MOST_WORKGROUPS, Math.ceil(view.rows * Math.ceil(view.cols / 4) / THREADS));
    if (workgroups === 1) return recorder.dispatch(magnitudeLaunch(view, to, recorder.capabilities));
    const partial = recorder.empty([workgroups], "float32", as);
    recorder.dispatch(magnitudeLaunch(view, matrix(partial), recorder.capabilities));
    recorder.dispatch(magnitudeLaunch(matrix(partial), to, recorder.capabilities));
    partial.dispose();
  });
  return largest;
}

/** Each workgroup finds the largest of its share: as many as `to` has elements. */
function magnitudeLaunch(view: View, to: View, capabilities: Capabilities): Dispatch {
  const views = [view, to];
  const bound = bind(views, capabilities);
  const [input] = storagesOf(views, { slots: bound.slots, inputs: 1 });
  return {
    kernel: {
      key: `magnitude|${input.dtype}${input.aligned}`,
      label: `largest magnitude of ${view.tensor.label}`,
      access: ["read", "read_write"],
      wgsl: () => magnitudeWgsl(input),
    },
    bindings: bound.bindings,
    uniforms: [view.rows, view.cols, view.stride, ...bound.offsets],
    workgroups: [to.cols, 1, 1],
    flops: 0,
    bytes: viewBytes(view),
  };
}

function magnitudeWgsl(input: Storage): string {
  return `struct Params { rows: u32, cols: u32, stride: u32, at: u32, to: u32 }
${storageWgsl("input", 0, input)}
${storageWgsl("output", 1, { dtype: "float32", access: "read_write", aligned: false })}
@group(0) @binding(2) var<uniform> p: Params;
var<workgroup> largest: array<u32, ${THREADS}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let vectors = (p.cols + 3u) >> 2u;
  var most = vec4u();
  for (var i = group.x * ${THREADS}u + tid; i < p.rows * vectors; i += groups.x * ${THREADS}u) {
    let row = i / vectors;
    let col = (i - row * vectors) * 4u;
    let bits = bitcast<vec4u>(load_input(p.at + row * p.stride + col)) & vec4u(0x7fffffffu);
    let counts = (bits < vec4u(0x7f800000u)) & (vec4u(col, col + 1u, col + 2u, col + 3u) < vec4u(p.cols));
    most = max(most, select(vec4u(), bits, counts));
  }
  largest[tid] = max(max(most.x, most.y), max(most.z, most.w));
  for (var half = ${THREADS / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (tid < half) { largest[tid] = max(largest[tid], largest[tid + half]); }
  }
  if (tid == 0u) { store_one_output(p.to + group.x, bitcast<f32>(largest[0])); }
}
`;
}
