import type { Kernel } from "../../kernels/gpu/kernel.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";

const THREADS = 256;
const WORKGROUPS = 4096;

/**
 * Records that a tensor is read, in vectors of four 32-bit words. If one of these is `word`, the first element of `sink`, a
 * float32 tensor, becomes 1. Afterwards the caches hold this tensor, and nothing waits to be written back.
 */
export function readAll(
  recorder: Recorder,
  { tensor, word, sink }: { tensor: Tensor; word: number; sink: Tensor },
): void {
  recorder.dispatch({
    kernel: KERNEL,
    bindings: [{ tensor }, { tensor: sink }],
    uniforms: [word, Math.floor(tensor.byteLength / 16)],
    workgroups: [WORKGROUPS, 1, 1],
    flops: 0,
    bytes: tensor.byteLength,
  });
}

const KERNEL: Kernel = {
  key: "read all",
  label: "read all",
  access: ["read", "read_write"],
  wgsl: () =>
    `@group(0) @binding(0) var<storage, read> words: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> sink: array<f32>;
struct Params { word: u32, count: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = id.x; i < p.count; i += ${THREADS * WORKGROUPS}u) {
    if (any(words[i] == vec4u(p.word))) { sink[0] = 1.0; }
  }
}
`,
};
