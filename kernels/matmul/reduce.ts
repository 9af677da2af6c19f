import { activationKey } from "../activation.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { type EpilogueInit, epilogueWgsl } from "./epilogue.ts";

const THREADS = 128;

/** Uniform fields of the reduction, in order. */
export function reduceFields(outputs: number): string[] {
  const places = Array.from({ length: outputs }, (_, i) => [`out_${i}`, `stride_out_${i}`]).flat();
  return ["m", "n", "splits", "stride", "accumulate", ...places];
}

/** Workgroups of a reduction over `m` rows of `n` columns. */
export function reduceWorkgroups(m: number, n: number): [number, number, number] {
  return [Math.ceil(Math.ceil(n / 4) / THREADS), Math.min(m, 65535), 1];
}

/**
 * Second pass of split-K: adds the slices in a fixed order, so that the result never depends on timing,
 * and applies the epilogue. Partial sums are float32 [split][column block][m][stride].
 */
export function reduceKernel(init: EpilogueInit): Kernel {
  const { epilogue, columns, storage, slots } = init;
  const gated = epilogue.startsWith("gated");
  const key = ["reduce", epilogue, columns, gated ? activationKey(init.activation) : "", slots.join()];
  return {
    key: [...key, ...storage.map((s) => `${s.dtype}${s.access}${s.aligned}`)].join("|"),
    label: `sum of K slices`,
    access: [...storage.map((s) => s.access), "read"],
    wgsl: () =>
      `struct Params { ${reduceFields(slots.length).map((field) => `${field}: u32`).join(", ")} }
${storage.map((s, slot) => storageWgsl(`s${slot}`, slot, s)).join("\n")}
${storageWgsl("partial", storage.length, { dtype: "float32", access: "read", aligned: true })}
@group(0) @binding(${storage.length + 1}) var<uniform> p: Params;
${packingWgsl(storage.map((s) => s.dtype))}
${epilogueWgsl(init)}

@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let col = id.x * 4u;
  if (col >= p.n) { return; }
  // Rows beyond the 65,535 workgroups of one dimension come round again.
  for (var row = id.y; row < p.m; row += 65535u) {
    var v0 = vec4f(0);
    var v1 = vec4f(0);
    for (var z = 0u; z < p.splits; z++) {
      let at = (z * ${columns}u * p.m + row) * p.stride + col;
      v0 += load_partial(at);
      ${columns === 2 ? "v1 += load_partial(at + p.m * p.stride);" : ""}
    }
    epilogue(row, col, v0, v1);
  }
}
`,
  };
}
