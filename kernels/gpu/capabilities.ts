/**
 * What a kernel's configuration may depend on: plain data, so that planning needs no device.
 *
 * @example What kernels may count on
 * ```ts
 * import { type Capabilities, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const { name, shaderF16, maxStorageBufferBindingSize }: Capabilities = gpu.capabilities;
 * console.log(name, shaderF16, maxStorageBufferBindingSize);
 * ```
 */
export interface Capabilities {
  /** Adapter description, such as "NVIDIA H200". */
  readonly name: string;
  /** Whether the adapter computes on the CPU (llvmpipe, SwiftShader, WARP). */
  readonly software: boolean;
  /** Whether WGSL's f16 type can be used. Storing float16 does not need it. */
  readonly shaderF16: boolean;
  /** Whether launches can be timed on the device's own clock. */
  readonly timestamps: boolean;
  /** The most bytes of a buffer. */
  readonly maxBufferSize: number;
  /** The most bytes of one binding. */
  readonly maxStorageBufferBindingSize: number;
  /** The most storage buffers of one kernel. */
  readonly maxStorageBuffersPerShaderStage: number;
  /** The most bytes of workgroup memory. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** The most threads of a workgroup. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** The most workgroups along one dimension. */
  readonly maxComputeWorkgroupsPerDimension: number;
  /** Offsets of bindings must be multiples of so many bytes. */
  readonly minStorageBufferOffsetAlignment: number;
  /** Matrices that a subgroup can multiply, on tensor cores. Empty if the device was made without the feature. */
  readonly subgroupMatrices: readonly SubgroupMatrixConfig[];
  /** The fewest threads of a subgroup, or 0 if WGSL has no subgroups. */
  readonly subgroupMinSize: number;
  /** The most threads of a subgroup, or 0 if WGSL has no subgroups. */
  readonly subgroupMaxSize: number;
}

/**
 * A product that a subgroup computes at once: an M x K matrix times a K x N matrix, added to an M x N matrix.
 *
 * @example What an adapter offers
 * ```ts
 * import { requestGpu, type SubgroupMatrixConfig } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const name = ({ M, N, K, componentType }: SubgroupMatrixConfig) => `${M}x${N}x${K} of ${componentType}`;
 * console.log(gpu.capabilities.subgroupMatrices.map(name));
 * ```
 */
export interface SubgroupMatrixConfig {
  /** Type of the elements of both operands: "f16", "f32", "i8" and the like. */
  readonly componentType: string;
  /** Type of the elements of the result. */
  readonly resultComponentType: string;
  /** Rows of the result. */
  readonly M: number;
  /** Columns of the result. */
  readonly N: number;
  /** Columns of the left operand, rows of the right one. */
  readonly K: number;
}

/** Limits that are requested at the adapter's own value, because WebGPU's defaults are far smaller. */
export const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
  "minStorageBufferOffsetAlignment",
] as const;

/** Chromium's name of the feature, until subgroup matrices are standard. */
const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix";

/** Features that are requested if the adapter has them. */
export const FEATURES = ["timestamp-query", "shader-f16", "subgroups", SUBGROUP_MATRIX] as GPUFeatureName[];

/** The largest binding in wgpu. It must stay below 2^31 bytes, even if the adapter's limit is larger. */
const MAX_BINDING = 2 ** 31 - 4;

/** What a device can do. */
export function capabilitiesOf(device: GPUDevice, info: GPUAdapterInfo): Capabilities {
  const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(" ") ||
    "unknown adapter";
  const { limits, features } = device;
  return {
    name,
    software: info.isFallbackAdapter || /llvmpipe|swiftshader|basic render/i.test(`${name} ${info.device}`),
    shaderF16: features.has("shader-f16"),
    timestamps: features.has("timestamp-query"),
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: Math.min(limits.maxStorageBufferBindingSize, MAX_BINDING),
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
    ...subgroupsOf(device, info),
  };
}

/** Whether a device may run subgroups of several sizes. */
export function subgroupsVary(
  { subgroupMinSize, subgroupMaxSize }: Pick<Capabilities, "subgroupMinSize" | "subgroupMaxSize">,
): boolean {
  return subgroupMinSize !== subgroupMaxSize;
}

/** What an adapter's info says of subgroup matrices. The types of browsers and Deno do not declare it yet. */
interface SubgroupInfo {
  readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig>;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
}

function subgroupsOf(
  { features }: GPUDevice,
  info: SubgroupInfo,
): Pick<Capabilities, "subgroupMatrices" | "subgroupMinSize" | "subgroupMaxSize"> {
  const has = (feature: string) => features.has(feature as GPUFeatureName);
  const subgroups = has("subgroups");
  const configs = subgroups && has(SUBGROUP_MATRIX) ? [...info.subgroupMatrixConfigs ?? []] : [];
  return {
    subgroupMatrices: configs.map(({ componentType, resultComponentType, M, N, K }) => (
      { componentType, resultComponentType, M, N, K }
    )),
    subgroupMinSize: subgroups ? info.subgroupMinSize ?? 0 : 0,
    subgroupMaxSize: subgroups ? info.subgroupMaxSize ?? 0 : 0,
  };
}
