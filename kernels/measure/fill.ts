import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** A word that is NaN as float32, and twice NaN as float16 and as bfloat16. */
export const POISON = 0x7fc07fc0;

const THREADS = 256;

/** Records that every 32-bit word of a tensor's bytes becomes `word`, in as many launches as bindings allow. */
export function fill(recorder: Recorder, tensor: Tensor, word: number): void {
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = recorder.capabilities;
  const piece = Math.floor(maxStorageBufferBindingSize / 4096) * 4096; // keeps every offset aligned
  for (let byteOffset = 0; byteOffset < tensor.byteLength; byteOffset += piece) {
    const byteLength = Math.min(piece, tensor.byteLength - byteOffset);
    const groups = Math.ceil(byteLength / 4 / THREADS);
    const x = Math.min(groups, maxComputeWorkgroupsPerDimension);
    recorder.dispatch({
      kernel: FILL,
      bindings: [{ tensor, byteOffset, byteLength }],
      uniforms: [word, byteLength / 4],
      workgroups: [x, Math.ceil(groups / x), 1],
      flops: 0,
      bytes: byteLength,
    });
  }
}

const FILL: Kernel = {
  key: "fill",
  label: "fill",
  access: ["read_write"],
  wgsl: () =>
    `@group(0) @binding(0) var<storage, read_write> words: array<u32>;
struct Params { word: u32, count: u32 }
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  if (i < p.count) { words[i] = p.word; }
}
`,
};
