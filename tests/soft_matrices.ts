/**
 * A device with matrices of float32, as Apple's GPUs have them, on any adapter: plain WGSL does what its subgroups would do.
 * The real text of a kernel runs, but for the functions of subgroup matrices themselves.
 */
import type { SubgroupMatrixConfig } from "../kernels/gpu/capabilities.ts";
import { Gpu } from "../kernels/gpu/device.ts";

/** What Dawn tells of Apple's GPUs, whose subgroups have 32 threads in truth. */
const CONFIGS: readonly SubgroupMatrixConfig[] = ["f32", "f16"].map((type) => (
  { componentType: type, resultComponentType: type, M: 8, N: 8, K: 8 }
));
const [MIN_SIZE, REAL_SIZE, MAX_SIZE] = [4, 32, 64];

const FEATURES = ["subgroups", "chromium-experimental-subgroup-matrix"];

/** A device that seems to have matrices of float32. */
export async function softMatrixGpu(): Promise<Gpu> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const requestDevice = async ({ requiredFeatures = [], ...rest }: GPUDeviceDescriptor) => {
    const real = [...requiredFeatures].filter((feature) => !FEATURES.includes(feature));
    const device = await adapter.requestDevice({ ...rest, requiredFeatures: real });
    const compile = device.createShaderModule.bind(device);
    return Object.defineProperties(device, {
      features: { value: new Set([...device.features, ...FEATURES]) },
      createShaderModule: {
        value: (module: GPUShaderModuleDescriptor) => compile({ ...module, code: softened(module.code) }),
      },
    });
  };
  const { isFallbackAdapter, vendor, architecture, device } = adapter.info;
  return await Gpu.ofAdapter({
    limits: adapter.limits,
    features: new Set([...adapter.features, ...FEATURES]),
    info: {
      ...{
        isFallbackAdapter,
        vendor,
        architecture,
        device,
        description: "llvmpipe with matrices of float32",
      },
      ...{ subgroupMatrixConfigs: CONFIGS, subgroupMinSize: MIN_SIZE, subgroupMaxSize: MAX_SIZE },
    },
    requestDevice,
  } as unknown as GPUAdapter);
}

/**
 * WGSL without subgroup matrices. An operand is a place in workgroup memory: its first element, and the steps from one row
 * and from one column to the next. It is read when it is multiplied, as kernels leave that memory alone until then. Of a
 * result, each of the 32 threads holds two elements, of a row and of the fourth row after it.
 */
export function softened(wgsl: string): string {
  if (!wgsl.includes("enable chromium_experimental_subgroup_matrix;")) return wgsl;
  const [, operands] = /subgroupMatrixLoad<[^&]*&(\w+),/.exec(wgsl)!;
  const [, results] = /subgroupMatrixStore<[^&]*&(\w+),/.exec(wgsl)!;
  const text = wgsl
    .replace(/^enable (subgroups|chromium_experimental_subgroup_matrix);$/gm, "")
    .replace(/^diagnostic\(off, chromium\.subgroup_matrix_uniformity\);$/gm, "")
    .replace(
      /, @builtin\(subgroup_id\) subgroup: u32\) \{/,
      `) {\n  let subgroup = tid / ${REAL_SIZE}u;`,
    )
    .replace(
      /subgroupMatrixLoad<subgroup_matrix_(?:left|right)<f32, 8, 8>, (row|col)_major>\(&\w+, /g,
      "soft_$1_major(",
    )
    .replace(/subgroupMatrixStore<row_major>\(&\w+, /g, "soft_store(tid, ")
    .replaceAll("subgroupMatrixMultiplyAccumulate(", "soft_multiply_add(tid, ")
    .replaceAll("subgroup_matrix_result<f32, 8, 8>", "vec2f");
  return `${text}
fn soft_row_major(at: u32, stride: u32) -> vec3u { return vec3u(at, stride, 1u); }
fn soft_col_major(at: u32, stride: u32) -> vec3u { return vec3u(at, 1u, stride); }
fn soft_multiply_add(tid: u32, a: vec3u, b: vec3u, c: vec2f) -> vec2f {
  var sum = c;
  let row = a.x + tid % ${REAL_SIZE}u / 8u * a.y;
  let col = b.x + tid % 8u * b.z;
  for (var k = 0u; k < 8u; k++) {
    let left = vec2f(${operands}[row + k * a.z], ${operands}[row + 4u * a.y + k * a.z]);
    sum += left * ${operands}[col + k * b.y];
  }
  return sum;
}
fn soft_store(tid: u32, at: u32, sum: vec2f, stride: u32) {
  let place = at + tid % ${REAL_SIZE}u / 8u * stride + tid % 8u;
  ${results}[place] = sum.x;
  ${results}[place + 4u * stride] = sum.y;
}`;
}
