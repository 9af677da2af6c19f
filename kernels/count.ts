import type { Gpu } from "./gpu/device.ts";
import { GpuRecorder } from "./gpu/recorder.ts";
import { Tensor } from "./gpu/tensor.ts";
import { boundLaunch, type Launch, offsetsOf } from "./launch.ts";
import { storageWgsl } from "./storage.ts";
import { indented } from "./text.ts";
import { matrix } from "./view.ts";

const THREADS = 256;

/** Which elements are counted. */
export interface CountInit {
  /** What is counted, for error messages and GPU debuggers. */
  readonly label: string;
  /** Tensors of one length, under the names that `where` uses for their elements. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** A WGSL condition on the elements at one place. Each is an f32. */
  readonly where: string;
}

/**
 * Counts the places where a condition holds.
 *
 * @throws {TypeError} If a tensor is disposed.
 * @throws {LimitError} If a tensor is larger than one binding.
 */
export async function countElements(gpu: Gpu, { label, inputs, where }: CountInit): Promise<number> {
  const init = { shape: [1], dtype: "float32", purpose: "internal", label: `count of ${label}` } as const;
  const count = new Tensor(gpu.memory, init);
  try {
    return await countInto(count, gpu, { label, inputs, where });
  } finally {
    count.dispose(); // not by `using`, which browsers lack
  }
}

async function countInto(count: Tensor, gpu: Gpu, { label, inputs, where }: CountInit): Promise<number> {
  const tensors = Object.values(inputs);
  count.write(new Float32Array(1));
  const [{ length }] = tensors;
  const dtypes = Object.entries(inputs).map(([name, { dtype }]) => `${name} ${dtype}`);
  const launch: Launch = {
    views: [...tensors, count].map(matrix),
    apart: true,
    kernel: () => ({
      key: ["count", where, ...dtypes].join("|"),
      label,
      access: [...tensors.map(() => "read" as const), "read_write"],
      wgsl: () => indented(countWgsl(inputs, where)),
    }),
    uniforms: [length, ...offsetsOf(tensors)],
    workgroups: [Math.ceil(length / THREADS), null, 1],
    flops: 0,
    bytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
  const dispatch = boundLaunch(launch, gpu.capabilities);
  // Guarded, as a fault that a caller's own error scope catches would otherwise look like a count of 0.
  gpu.guarded(() => {
    const recorder = new GpuRecorder(gpu);
    recorder.dispatch(dispatch);
    recorder.submit();
  });
  const bits = await count.read();
  return new Uint32Array(bits.buffer, bits.byteOffset, 1)[0];
}

function countWgsl(inputs: CountInit["inputs"], where: string): string {
  const tensors = Object.entries(inputs);
  const storages = tensors.map(([name, { dtype }], slot) =>
    storageWgsl(`in_${name}`, slot, { dtype, access: "read", aligned: false })
  );
  const loads = tensors.map(([name]) => `  let ${name} = load_one_in_${name}(p.at_${name} + i);`);
  return `struct Params { length: u32, ${tensors.map(([name]) => `at_${name}: u32`).join(", ")} }
${storages.join("\n")}
@group(0) @binding(${tensors.length}) var<storage, read_write> count: atomic<u32>;
@group(0) @binding(${tensors.length + 1}) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let i = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  if (i >= p.length) { return; }
${loads.join("\n")}
  if (${where}) { atomicAdd(&count, 1u); }
}
`;
}
