import { type Activation, activationKey } from "../activation.ts";
import { uniformsWgsl } from "../activation_wgsl.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { packingWgsl, storageWgsl } from "../storage.ts";
import { indented, range } from "../text.ts";
import { usedActivation } from "./config.ts";
import { type EpilogueInit, epilogueWgsl, outputsRead } from "./epilogue.ts";

const THREADS = 128;

/** Slices that are loaded before the first of them is added. */
const AHEAD = 4;

/** Uniform fields of the reduction, in order. */
export function reduceFields(outputs: number, tensors: number): string[] {
  const slices = range(tensors).map((i) => `slices_${i}`);
  const places = Array.from({ length: outputs }, (_, i) => [`out_${i}`, `stride_out_${i}`]).flat();
  return ["m", "n", "splits", "stride", "accumulate", ...slices, ...places];
}

/** Workgroups of a reduction over `m` rows of `n` columns. */
export function reduceWorkgroups(m: number, n: number): [number, number, number] {
  return [Math.ceil(Math.ceil(n / 4) / THREADS), Math.min(m, 65535), 1];
}

/** What the text of a reduction depends on. */
export interface ReduceInit extends Omit<EpilogueInit, "mayAdd"> {
  /** Launches that left slices of each column block. */
  readonly launches: number;
  /** The storage buffer of each of these views, which follow those of the outputs. */
  readonly sliceSlots: readonly number[];
}

/** The activation, if the epilogue has one: A of slices is never gated. */
export function reducedActivation(of: Pick<ReduceInit, "epilogue" | "activation">): Activation | null {
  return usedActivation({ ...of, gatedA: false });
}

/**
 * The second pass of split-K. It adds the slices and applies the epilogue. The slices have a fixed order, so the result never
 * depends on timing. They are float32 [split][m][stride]. They are bound after the outputs, those of
 * one column block in the order of its launches.
 */
export function reduceKernel(init: ReduceInit, label: string): Kernel {
  const { epilogue, columns, storage, slots, sliceSlots } = init;
  const buffers = [...new Set(sliceSlots)];
  const activation = reducedActivation(init);
  const was = range(outputsRead(epilogue)).map((output) => `get_${output}(row, col)`);
  const key = [
    "reduce",
    epilogue,
    columns,
    sliceSlots.join(),
    activation === null ? "" : activationKey(activation),
    slots.join(),
  ];
  return {
    key: [...key, ...storage.map((s) => `${s.dtype}${s.access}${s.aligned}`)].join("|"),
    label,
    access: [...storage.map((s) => s.access), ...buffers.map(() => "read" as const)],
    wgsl: () =>
      indented(
        `${uniformsWgsl(reduceFields(slots.length, sliceSlots.length), activation)}
${storage.map((s, slot) => storageWgsl(`s${slot}`, slot, s)).join("\n")}
${
          buffers.map((slot) =>
            storageWgsl(`slices_${slot}`, slot, { dtype: "float32", access: "read", aligned: true })
          ).join("\n")
        }
@group(0) @binding(${storage.length + buffers.length}) var<uniform> p: Params;
${packingWgsl(storage.map((s) => s.dtype))}
${epilogueWgsl({ ...init, mayAdd: true })}

@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let col = id.x * 4u;
  if (col >= p.n) { return; }
  // One dimension has at most 65,535 workgroups, so each takes every 65,535th row.
  for (var row = id.y; row < p.m; row += 65535u) {
    var v0 = vec4f(0);
    var v1 = vec4f(0);
${range(init.launches).map((launch) => addSlicesOf(init, launch)).join("\n")}
    epilogue(${["row", "col", "v0", "v1", ...was].join(", ")});
  }
}
`,
      ),
  };
}

/** Adds all slices of one launch, of each column block. */
function addSlicesOf(init: ReduceInit, launch: number): string {
  return `    for (var z = 0u; z < p.splits;) {
      if (z + ${AHEAD}u <= p.splits) {
${addSlices(init, { launch, count: AHEAD })}
        z += ${AHEAD}u;
      } else {
${addSlices(init, { launch, count: 1 })}
        z++;
      }
    }`;
}

/** Loads `count` slices from `z` on, then adds them in order. */
function addSlices(
  { columns, launches, sliceSlots }: ReduceInit,
  { launch, count }: { launch: number; count: number },
): string {
  const each = (text: (slice: number, block: number) => string) =>
    range(count).flatMap((slice) => range(columns).map((block) => "        " + text(slice, block)));
  const load = (view: number) => `load_slices_${sliceSlots[view]}(p.slices_${view}`;
  const place = (slice: number) => `((z + ${slice}u) * p.m + row) * p.stride + col`;
  return [
    ...each((slice, block) =>
      `let s${slice}_${block} = ${load(block * launches + launch)} + ${place(slice)});`
    ),
    ...each((slice, block) => `v${block} += s${slice}_${block};`),
  ].join("\n");
}
