import { activationWgsl, uniformsWgsl } from "../../activation_wgsl.ts";
import { packingWgsl, storageWgsl } from "../../storage.ts";
import { lines, range } from "../../text.ts";
import { operandCounts, usedActivation } from "../config.ts";
import { tileOrigins, uniformFields } from "../wgsl.ts";
import { type SubgroupConfig, vectorOf, vectorsIn } from "./config.ts";
import { finish, finishWgsl, ifPatch, keptSums } from "./finish.ts";
import { loaderWgsl, type SubgroupLoader, subgroupLoaders } from "./loader.ts";
import { clearSums, multiply, patchPlace, sums } from "./sums.ts";
import { componentOf } from "./operands.ts";
import { partsOf, sharedTiles, STRETCH, threadsOf, workgroupVectors } from "./tile.ts";

/**
 * The WGSL of one matrix product on subgroup matrices. Tiles of A and B go through registers to workgroup memory as what matrices multiply.
 * While matrices of one tile are multiplied into sums of float32, the next tile is fetched.
 */
export function subgroupWgsl(config: SubgroupConfig): string {
  const { tile, columns, storage } = config;
  const { a, b } = subgroupLoaders(config);
  return `${componentOf(config.operands) === "f16" ? "enable f16;\n" : ""}enable subgroups;
enable chromium_experimental_subgroup_matrix;
// Which matrices a subgroup takes depends on its number, which is the same for all of its threads.
diagnostic(off, chromium.subgroup_matrix_uniformity);
${uniformsWgsl(uniformFields(config), usedActivation(config))}
${lines(storage.map((_, slot) => declare(config, slot)))}
@group(0) @binding(${storage.length}) var<uniform> p: Params;
${packingWgsl(storage.map(({ dtype }) => dtype))}
${memoryWgsl(config)}
${loaderWgsl(config)}
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
  // Zero, which a compiler does not know: it would unroll the loops that take sums out, and matrices had fewer registers.
  let zero = p.k >> 31u;
  let steps = (p.k + ${tile.tileK - 1}u) / ${tile.tileK}u;
  let first = group.z * steps / p.splits;
  let end = (group.z + 1u) * steps / p.splits;
${lines([a.setup, b.setup])}
${config.keeps ? inStretches(config, { a, b }) : inOneStretch(config, { a, b })}
}
`;
}

type LoaderTexts = Record<"a" | "b", SubgroupLoader>;

/** The steps along K from one up to another. The next step's elements are on their way while one is multiplied. */
function stepsAlongK(
  config: SubgroupConfig,
  { a, b }: LoaderTexts,
  { from, to }: { from: string; to: string },
): string {
  const { tileK } = config.tile;
  return `  for (var now = ${from}; now < ${to}; now++) {
    let rest = p.k - now * ${tileK}u;
    if (rest < ${tileK}u) {
${lines([a.mask, b.mask])}
    }
    workgroupBarrier();
${lines([a.commit, b.commit])}
    workgroupBarrier();
    // The last turn fetches elements that are never multiplied.
${lines([a.advance, b.advance, a.fetch, b.fetch])}
${ifPatch(config, multiply(config))}
  }`;
}

/** All of a slice of K, without a stop on the way. */
function inOneStretch(config: SubgroupConfig, loaders: LoaderTexts): string {
  return lines([
    begin(loaders, "first"),
    sums(config),
    stepsAlongK(config, loaders, { from: "first", to: "end" }),
    finish(config),
  ]);
}

/** Sends the first step's elements on their way. */
function begin({ a, b }: LoaderTexts, step: string): string {
  return lines([a.begin(step), b.begin(step), a.fetch, b.fetch]);
}

/**
 * A slice of K in stretches. Sums in the matrices are zero at the begin of each.
 *
 * Kernels with a gate are faster if each stretch has variables of its own (110 against 50 TFLOP/s of 4096 x 4096 x 4096 on an
 * H200). Kernels without one are faster if a stretch takes over the variables of the one before: the sums, which are cleared,
 * and the elements that are on their way (107 against 84).
 */
function inStretches(config: SubgroupConfig, loaders: LoaderTexts): string {
  const apart = config.epilogue.startsWith("gated");
  const start = lines([begin(loaders, apart ? "start" : "first"), sums(config)]);
  return `${keptSums(config)}
${apart ? "" : start}
  for (var start = first;;) {
    let until = min(start + ${Math.ceil(STRETCH / config.tile.tileK)}u, end);
${apart ? start : ""}
${stepsAlongK(config, loaders, { from: "start", to: "until" })}
${finish(config)}
    if (until >= end) { break; }
${apart ? "" : ifPatch(config, clearSums(config))}
    start = until;
  }`;
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

/**
 * One array holds the tiles of both operands and, after them, sums on their way out. Places of tiles are in vectors of 16
 * bytes.
 */
function memoryWgsl(config: SubgroupConfig): string {
  const { tile, operands } = config;
  const { a, b } = sharedTiles(tile, config);
  const parts = partsOf(operands);
  const { type, sums, put } = vectorAccess(config);
  return `var<workgroup> memory: array<${type}, ${vectorsIn(config, workgroupVectors(tile, config))}>;
const A_TILE = 0u;
const A_LOW = ${a.vectors}u;
const B_TILE = ${parts * a.vectors}u;
const B_LOW = ${b.vectors}u;
fn sums_at(i: u32) -> vec4f { return ${sums}; }
fn put_sums(i: u32, v: vec4f) { ${put} }
`;
}

/** How workgroup memory is declared, and its vector of four float32 `i` is read and written. */
function vectorAccess(config: SubgroupConfig): { type: string; sums: string; put: string } {
  switch (vectorOf(config)) {
    case 8:
      return {
        type: "vec4u",
        sums: "bitcast<vec4f>(memory[i])",
        put: "memory[i] = bitcast<vec4u>(v);",
      };
    case 4:
      return {
        type: "vec2u",
        sums: "bitcast<vec4f>(vec4u(memory[2u * i], memory[2u * i + 1u]))",
        put: "let bits = bitcast<vec4u>(v); memory[2u * i] = bits.xy; memory[2u * i + 1u] = bits.zw;",
      };
    case 1:
      return {
        type: "f32",
        sums: `vec4f(${range(4).map((i) => `memory[4u * i + ${i}u]`).join(", ")})`,
        put: range(4).map((i) => `memory[4u * i + ${i}u] = v[${i}];`).join(" "),
      };
  }
}

/**
 * Declares the powers of two that operands and sums are multiplied by, and whether an operand has infinities or NaN. Sums take
 * two factors one after the other, as their product could overflow.
 */
function scales(config: SubgroupConfig): string {
  const { magnitudes } = config;
  if (magnitudes === null) return "";
  const blocks = range(operandCounts(config).b);
  const operands = 1 + blocks.length;
  const found = (i: number) => `load_one_s${magnitudes}(${i}u)`;
  return lines([
    `  let exponent_a = exponent_of(${found(0)});`,
    "  let scale_a = power(exponent_a);",
    ...blocks.map((i) =>
      `  let exponent_b_${i} = exponent_of(${found(1 + i)});
  let scale_b_${i} = power(exponent_b_${i});
  let unscale_${i} = halved_power(-exponent_a - exponent_b_${i});`
    ),
    `  let special = ${range(operands).map((i) => `${found(operands + i)} != 0.0`).join(" || ")};`,
  ]);
}

/** Module scope: scales that bring the largest magnitude between 2^14 and 2^15. The largest float16 is just below 2^16. */
const SCALE_WGSL = `
fn exponent_of(magnitude: f32) -> i32 {
  let biased = i32(bitcast<u32>(magnitude) >> 23u);
  return select(clamp(14 + 127 - biased, -126, 126), 0, biased == 0 || biased == 255);
}
fn power(exponent: i32) -> f32 { return bitcast<f32>(u32(exponent + 127) << 23u); }
fn halved_power(exponent: i32) -> vec2f { return vec2f(power(exponent / 2), power(exponent - exponent / 2)); }`;
