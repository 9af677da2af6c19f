import type { Gpu } from "../../kernels/gpu/device.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { fold } from "../../kernels/launch.ts";

const THREADS = 256;

/** Words that a thread reads. The more it reads, the fewer atomic additions there are. */
const WORDS_EACH = 16;

/**
 * A fingerprint of each tensor: two words that depend on every bit and on its place. It shows whether a tensor was changed
 * without a copy to compare with, which would double the memory of the inputs. A change of one word always shows, a larger
 * one goes unseen once in 2^64.
 */
export async function fingerprints(gpu: Gpu, tensors: readonly Tensor[]): Promise<string[]> {
  using sums = new Tensor(gpu.memory, {
    ...{ shape: [2 * tensors.length], dtype: "float32", purpose: "internal", label: "fingerprints" },
  });
  sums.write(new Float32Array(2 * tensors.length));
  const recorder = new GpuRecorder(gpu);
  tensors.forEach((tensor, slot) =>
    launches(gpu, { tensor, sums, slot }).forEach((one) => recorder.dispatch(one))
  );
  recorder.submit();
  const { buffer, byteOffset, length } = await sums.read();
  const words = new Uint32Array(buffer, byteOffset, length);
  return tensors.map((_, slot) => `${words[2 * slot]} ${words[2 * slot + 1]}`);
}

/** One launch for each piece of the tensor, as one binding may be too small for all of it. */
function launches(
  { capabilities }: Gpu,
  { tensor, sums, slot }: { tensor: Tensor; sums: Tensor; slot: number },
): Dispatch[] {
  const { maxStorageBufferBindingSize: most, maxComputeWorkgroupsPerDimension } = capabilities;
  const piece = Math.floor(most / 256) * 256;
  return Array.from({ length: Math.ceil(tensor.byteLength / piece) }, (_, i) => {
    const byteOffset = i * piece;
    const byteLength = Math.min(piece, tensor.byteLength - byteOffset);
    const groups = Math.ceil(byteLength / 4 / WORDS_EACH / THREADS);
    return {
      kernel: { key: "fingerprint", label: "fingerprint", access: ["read", "read_write"], wgsl: () => WGSL },
      bindings: [{ tensor, byteOffset, byteLength }, { tensor: sums }],
      uniforms: [byteLength / 4, byteOffset / 4, slot],
      workgroups: [...fold(groups, maxComputeWorkgroupsPerDimension), 1],
      flops: 0,
      bytes: byteLength,
    };
  });
}

/** `mix` is one to one: the finalizer of MurmurHash3 (A. Appleby, public domain). */
const WGSL = `struct Params { length: u32, base: u32, slot: u32 }
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

fn mix(v: u32) -> u32 {
  var h = v;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let step = groups.x * groups.y * ${THREADS}u;
  var first = 0u;
  var second = 0u;
  for (var i = (group.y * groups.x + group.x) * ${THREADS}u + tid; i < p.length; i += step) {
    let h = mix(words[i] ^ mix(p.base + i));
    first += h;
    second += mix(h + 0x9e3779b9u);
  }
  atomicAdd(&sums[2u * p.slot], first);
  atomicAdd(&sums[2u * p.slot + 1u], second);
}
`;
