import { activationWgsl, uniformsWgsl } from "../../activation_wgsl.ts";
import { packingWgsl, storageWgsl } from "../../storage.ts";
import { lines, range } from "../../text.ts";
import { operandCounts, usedActivation } from "../config.ts";
import { tileOrigins, uniformFields } from "../wgsl.ts";
import type { SubgroupConfig } from "./config.ts";
import { finish, finishWgsl, ifPatch, JOINED_WGSL } from "./finish.ts";
import { LOADER_WGSL, subgroupLoaders } from "./loader.ts";
import { multiply, patchPlace, sums } from "./sums.ts";
import { partsOf, sharedTiles, threadsOf, workgroupVectors } from "./tile.ts";

/**
 * The WGSL of one matrix product on subgroup matrices: tiles of A and B go through registers to workgroup memory as
 * float16; the next tile is fetched while matrices of the current one are multiplied into sums of float32.
 */
export function subgroupWgsl(config: SubgroupConfig): string {
  const { tile, columns, storage } = config;
  const { a, b } = subgroupLoaders(config);
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
// Which matrices a subgroup takes depends on its number, which is the same for all of its threads.
diagnostic(off, chromium.subgroup_matrix_uniformity);
${uniformsWgsl(uniformFields(config), usedActivation(config))}
${lines(storage.map((_, slot) => declare(config, slot)))}
@group(0) @binding(${storage.length}) var<uniform> p: Params;
${packingWgsl(storage.map(({ dtype }) => dtype))}
${memoryWgsl(config)}
${LOADER_WGSL}
${JOINED_WGSL}
${SCALE_WGSL}
${config.gatedA && !config.epilogue.startsWith("gated") ? activationWgsl(config.activation) : ""}
${finishWgsl(config)}

@compute @workgroup_size(${threadsOf(tile)})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u${
    config.varying ? ", @builtin(subgroup_id) subgroup: u32" : ""
  }) {
${tileOrigins(tile, columns)}
${subgroupNumber(config)}
${patchPlace(config)}
${scales(config)}
  let steps = (p.k + ${tile.tileK - 1}u) / ${tile.tileK}u;
  let first = group.z * steps / p.splits;
  let end = (group.z + 1u) * steps / p.splits;
${lines([a.setup, b.setup, a.begin, b.begin])}
${sums(config)}
${lines([a.fetch, b.fetch])}
  for (var now = first; now < end; now++) {
    let rest = p.k - now * ${tile.tileK}u;
    if (rest < ${tile.tileK}u) {
${lines([a.mask, b.mask])}
    }
    workgroupBarrier();
${lines([a.commit, b.commit])}
    workgroupBarrier();
    // The last turn fetches elements that are never multiplied.
${lines([a.advance, b.advance, a.fetch, b.fetch])}
${ifPatch(config, multiply(config))}
  }
${finish(config)}
}
`;
}

/**
 * The number of a thread's subgroup. Where all subgroups have one size, threads of a row lie in them in order. A compiler then
 * sees that the place of a patch is the same for all threads of a subgroup (292 against 224 TFLOP/s on an H100).
 */
function subgroupNumber({ varying, tile }: SubgroupConfig): string {
  return varying ? "" : `  let subgroup = tid / ${tile.subgroupSize}u;`;
}

function declare({ storage }: SubgroupConfig, slot: number): string {
  return storage[slot].eights
    ? `@group(0) @binding(${slot}) var<storage, read> s${slot}: array<vec4u>;`
    : storageWgsl(`s${slot}`, slot, storage[slot]);
}

/** One array holds the tiles of both operands and, after them, sums on their way out. */
function memoryWgsl(config: SubgroupConfig): string {
  const { tile, operands } = config;
  const { a, b } = sharedTiles(tile, config);
  const parts = partsOf(operands);
  return `var<workgroup> memory: array<vec4u, ${workgroupVectors(tile, config)}>;
const A_TILE = 0u;
const A_LOW = ${a.vectors}u;
const B_TILE = ${parts * a.vectors}u;
const B_LOW = ${b.vectors}u;`;
}

/** The powers of two that operands are multiplied by, and those that sums are: in two steps, as one could overflow. */
function scales(config: SubgroupConfig): string {
  const { magnitudes } = config;
  if (magnitudes === null) return "";
  const exponent = (i: number) => `exponent_of(load_one_s${magnitudes}(${i}u))`;
  const blocks = range(operandCounts(config).b).map((i) =>
    `  let exponent_b_${i} = ${exponent(1 + i)};
  let scale_b_${i} = power(exponent_b_${i});
  let unscale_${i} = halved_power(-exponent_a - exponent_b_${i});`
  );
  return lines([`  let exponent_a = ${exponent(0)};`, "  let scale_a = power(exponent_a);", ...blocks]);
}

/** Module scope: the largest magnitude comes to lie from 2^14 to 2^15, an eighth of what float16 holds at most. */
const SCALE_WGSL = `
fn exponent_of(magnitude: f32) -> i32 {
  let biased = i32(bitcast<u32>(magnitude) >> 23u);
  return select(clamp(14 + 127 - biased, -126, 126), 0, biased == 0 || biased == 255);
}
fn power(exponent: i32) -> f32 { return bitcast<f32>(u32(exponent + 127) << 23u); }
fn halved_power(exponent: i32) -> vec2f { return vec2f(power(exponent / 2), power(exponent - exponent / 2)); }`;
