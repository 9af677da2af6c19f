import type { Kernel } from "./gpu/kernel.ts";
import type { Recorder } from "./gpu/recorder.ts";
import { packingWgsl, type Storage, storagesOf, storageWgsl } from "./storage.ts";
import { bind, isWriteAligned, type View, viewBytes } from "./view.ts";

/** Each of 256 threads takes 4 x 4 elements: 8 neighbours read 128 bytes of a row, 4 of them write 64. */
const SIDE = 64;

/**
 * Records `to` = `from` transposed, with rows padded to a multiple of 4 by whatever.
 *
 * @throws {RangeError} If `to` has another shape, or its rows do not begin at multiples of 4.
 */
export function transpose(
  recorder: Recorder,
  { label, from, to }: { label: string; from: View; to: View },
): void {
  const shape = [from.cols, Math.ceil(from.rows / 4) * 4];
  if (to.rows !== shape[0] || to.cols !== shape[1] || !isWriteAligned(to)) {
    throw new RangeError(
      `Cannot transpose ${label} as the result must be [${shape}], aligned to 4: ` +
        `current value is [${to.rows},${to.cols}] with row stride ${to.stride} from ${to.offset}`,
    );
  }
  const views = [from, to];
  const bound = bind(views, recorder.capabilities);
  const storage = storagesOf(views, { slots: bound.slots, inputs: 1 });
  recorder.dispatch({
    kernel: transposeKernel(storage, label),
    bindings: bound.bindings,
    uniforms: [from.rows, from.cols, bound.offsets[0], from.stride, bound.offsets[1], to.stride],
    workgroups: [Math.ceil(from.cols / SIDE), Math.ceil(from.rows / SIDE), 1],
    flops: 0,
    bytes: 2 * viewBytes(from),
  });
}

function transposeKernel(storage: readonly Storage[], label: string): Kernel {
  const layout = storage.map(({ dtype, aligned }) => `${dtype}${aligned}`);
  return {
    key: `transpose|${layout}`,
    label,
    access: storage.map(({ access }) => access),
    wgsl: () => transposeWgsl(storage),
  };
}

function transposeWgsl(storage: readonly Storage[]): string {
  const loads = [0, 1, 2, 3].map((r) =>
    `  let r${r} = load_s0(p.at_from + min(row + ${r}u, p.rows - 1u) * p.stride_from + col);`
  );
  const stores = ["x", "y", "z", "w"].map((component, c) => {
    const vector = `vec4f(r0.${component}, r1.${component}, r2.${component}, r3.${component})`;
    return `  if (col + ${c}u < p.cols) { store_s1(p.at_to + (col + ${c}u) * p.stride_to + row, ${vector}); }`;
  });
  return `struct Params { rows: u32, cols: u32, at_from: u32, stride_from: u32, at_to: u32, stride_to: u32 }
${storage.map((s, slot) => storageWgsl(`s${slot}`, slot, s)).join("\n")}
@group(0) @binding(2) var<uniform> p: Params;
${packingWgsl(storage.map(({ dtype }) => dtype))}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u) {
  let row = group.y * ${SIDE}u + ((tid >> 3u) & 15u) * 4u;
  let col = group.x * ${SIDE}u + ((tid & 7u) + (tid >> 7u) * 8u) * 4u;
  if (row >= p.rows || col >= p.cols) { return; }
${[...loads, ...stores].join("\n")}
}
`;
}
