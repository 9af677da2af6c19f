import type { Gpu } from "./gpu/device.ts";
import { GpuRecorder } from "./gpu/recorder.ts";
import { Tensor } from "./gpu/tensor.ts";
import { fold } from "./grid.ts";
import { storageWgsl } from "./storage.ts";
import { bind, matrix } from "./view.ts";

const THREADS = 256;

/**
 * Counts the elements of a tensor that are infinite or NaN. Values beyond float16's range are stored as infinities, so
 * that a count above 0 after a float16 product tells of an overflow.
 *
 * @throws {TypeError} If the tensor is disposed.
 *
 * @example An overflow of float16
 * ```ts
 * import { countNonFinite, requestGpu, Tensor } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * using tensor = Tensor.from(gpu, Float32Array.of(1, 70000), [2], { dtype: "float16" }); // above 65504
 * console.log(await countNonFinite(gpu, tensor)); // 1
 * ```
 */
export async function countNonFinite(gpu: Gpu, tensor: Tensor): Promise<number> {
  const init = { shape: [1], dtype: "float32", purpose: "internal", label: "non-finite count" } as const;
  using count = new Tensor(gpu.memory, init);
  count.write(new Float32Array(1));
  const recorder = new GpuRecorder(gpu);
  const bound = bind([matrix(tensor)], gpu.capabilities);
  const groups = Math.ceil(tensor.length / THREADS);
  recorder.dispatch({
    kernel: {
      key: `non-finite|${tensor.dtype}`,
      label: "non-finite elements",
      access: ["read", "read_write"],
      wgsl: () => nonFiniteWgsl(tensor),
    },
    bindings: [...bound.bindings, { tensor: count }],
    uniforms: [tensor.length, bound.offsets[0]],
    workgroups: [...fold(groups, gpu.capabilities.maxComputeWorkgroupsPerDimension), 1],
    flops: 0,
    bytes: tensor.byteLength,
  });
  recorder.submit();
  const bits = await count.read();
  return new Uint32Array(bits.buffer, bits.byteOffset, 1)[0];
}

function nonFiniteWgsl({ dtype }: Tensor): string {
  return `struct Params { length: u32, at: u32 }
${storageWgsl("x", 0, { dtype, access: "read", aligned: false })}
@group(0) @binding(1) var<storage, read_write> count: atomic<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  if (i >= p.length) { return; }
  // By its bits: a compiler may assume that no float is infinite.
  let exponent = bitcast<u32>(load_one_x(p.at + i)) & 0x7f800000u;
  if (exponent == 0x7f800000u) { atomicAdd(&count, 1u); }
}
`;
}
