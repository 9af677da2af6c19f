import { activationKey } from "../activation.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { type EpilogueInit, epilogueWgsl, outputsRead } from "./epilogue.ts";
import { range } from "./text.ts";

const THREADS = 128;

/** Slices that are on their way together. */
const AHEAD = 4;

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
export function reduceKernel(init: EpilogueInit, label: string): Kernel {
  const { epilogue, columns, storage, slots } = init;
  const gated = epilogue.startsWith("gated");
  const was = range(outputsRead(epilogue)).map((output) => `get_${output}(row, col)`);
  const key = ["reduce", epilogue, columns, gated ? activationKey(init.activation) : "", slots.join()];
  return {
    key: [...key, ...storage.map((s) => `${s.dtype}${s.access}${s.aligned}`)].join("|"),
    label,
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
    var z = 0u;
    for (; z + ${AHEAD}u <= p.splits; z += ${AHEAD}u) {
${addSlices(AHEAD, columns)}
    }
    for (; z < p.splits; z++) {
${addSlices(1, columns)}
    }
    epilogue(${["row", "col", "v0", "v1", ...was].join(", ")});
  }
}
`,
  };
}

/** Adds `count` slices from `z` on, in order, after all of them are asked for. */
function addSlices(count: number, columns: 1 | 2): string {
  const slices = Array.from({ length: count }, (_, i) => i);
  const blocks = [0, 1].slice(0, columns);
  const place = (slice: number, block: number) =>
    `(((z + ${slice}u) * ${columns}u + ${block}u) * p.m + row) * p.stride + col`;
  const each = (text: (slice: number, block: number) => string) =>
    slices.flatMap((slice) => blocks.map((block) => "      " + text(slice, block)));
  return [
    ...each((slice, block) => `let s${slice}_${block} = load_partial(${place(slice, block)});`),
    ...each((slice, block) => `v${block} += s${slice}_${block};`),
  ].join("\n");
}
