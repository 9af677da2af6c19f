import { checkOneOf, isEncoder, kindOf, readOnce } from "./arguments.ts";
import { Faults } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import { DeviceMemory } from "./memory.ts";
import type { Kernel } from "./kernel.ts";
import { BindGroups, compile, type Pipeline, Pipelines } from "./pipeline.ts";
import { Uniforms } from "./uniforms.ts";

/**
 * Which adapter to ask for.
 *
 * @example Where a test should not depend on the GPU
 * ```ts
 * import { type AdapterChoice, NoAdapterError, requestGpu } from "../../mod.ts";
 *
 * const adapter: AdapterChoice = "software";
 * await requestGpu({ adapter }).then(
 *   (gpu) => gpu.dispose(),
 *   (error) => console.log(error instanceof NoAdapterError),
 * );
 * ```
 */
export type AdapterChoice = "high-performance" | "low-power" | "software";

const ADAPTERS: readonly AdapterChoice[] = ["high-performance", "low-power", "software"];

/**
 * What a kernel's configuration may depend on: plain data, so that planning needs no device.
 *
 * @example What kernels may count on
 * ```ts
 * import { type Capabilities, requestGpu } from "../../mod.ts";
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
  /** Bytes of a buffer at most. */
  readonly maxBufferSize: number;
  /** Bytes of one binding at most. */
  readonly maxStorageBufferBindingSize: number;
  /** Storage buffers of one kernel at most. */
  readonly maxStorageBuffersPerShaderStage: number;
  /** Bytes of workgroup memory at most. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** Threads of a workgroup at most. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Workgroups along one dimension at most. */
  readonly maxComputeWorkgroupsPerDimension: number;
  /** Bytes of which the offset of a binding is a multiple. */
  readonly minStorageBufferOffsetAlignment: number;
  /** Matrices that a subgroup can multiply, as tensor cores do; none where the device was made without them. */
  readonly subgroupMatrices: readonly SubgroupMatrixConfig[];
  /** Threads of a subgroup at least; 0 where WGSL has no subgroups. */
  readonly subgroupMinSize: number;
  /** Threads of a subgroup at most; 0 where WGSL has no subgroups. */
  readonly subgroupMaxSize: number;
}

/**
 * A product of matrices that a subgroup does at once: an M x K by a K x N matrix, added to an M x N one.
 *
 * @example What an adapter offers
 * ```ts
 * import { requestGpu, type SubgroupMatrixConfig } from "../../mod.ts";
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

/**
 * No WebGPU adapter fits the request.
 *
 * @example Falling back to the CPU
 * ```ts
 * import { NoAdapterError } from "../../mod.ts";
 *
 * const fallBack = (error: unknown) => {
 *   if (error instanceof NoAdapterError) return "compute on the CPU";
 *   throw error;
 * };
 * console.log(fallBack(new NoAdapterError("none")));
 * ```
 */
export class NoAdapterError extends Error {
  /** Tells this error from others. */
  override name = "NoAdapterError";
}

/** Limits that are asked for at the adapter's own value; WebGPU's defaults are far smaller. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
  "minStorageBufferOffsetAlignment",
] as const;

/** WebGPU's name of matrices that a subgroup multiplies, until they are standard. */
const SUBGROUP_MATRIX = "chromium-experimental-subgroup-matrix";

const FEATURES = ["timestamp-query", "shader-f16", "subgroups", SUBGROUP_MATRIX] as GPUFeatureName[];

/** A binding ends below 2^31 bytes in wgpu, even where the adapter's limit says more. */
const MAX_BINDING = 2 ** 31 - 4;

/**
 * A device with its memory, its compiled kernels and what it can do. Dispose it to free all of them.
 *
 * @example Your own device
 * ```ts
 * import { Gpu, Tensor } from "../../mod.ts";
 *
 * const adapter = await navigator.gpu.requestAdapter();
 * const device = await adapter!.requestDevice();
 * {
 *   using gpu = Gpu.from(device);
 *   using tensor = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3]);
 *   console.log(await tensor.read(), gpu.ledger.liveBytes);
 * }
 * device.destroy(); // it stayed yours
 * ```
 */
export class Gpu {
  /** The device itself. */
  readonly device: GPUDevice;
  /**
   * Where tensors get their bytes from.
   *
   * @internal
   */
  readonly memory: DeviceMemory;
  /** What kernels may count on. */
  readonly capabilities: Capabilities;
  /**
   * Uniform blocks, shared by content.
   *
   * @internal
   */
  readonly uniforms: Uniforms;
  /** Milliseconds spent compiling kernels since the device was made. */
  compileMs = 0;
  readonly #pipelines = new Pipelines();
  readonly #bindGroups: BindGroups;
  /** Faults that were known when the last pipeline or bind group was made. */
  #madeAt = 0;
  readonly #faults: Faults;
  readonly #owned: boolean;
  #disposed = false;

  private constructor(device: GPUDevice, { info, owned }: { info: GPUAdapterInfo; owned: boolean }) {
    this.device = device;
    this.#faults = new Faults(device);
    this.memory = new DeviceMemory(device, this.#faults);
    this.uniforms = new Uniforms(device, this.memory.ledger);
    this.#bindGroups = new BindGroups(device);
    this.capabilities = capabilitiesOf(device, info);
    this.#owned = owned;
  }

  /** Wraps a caller's device, which stays the caller's: disposing frees only what this library made. */
  static from(device: GPUDevice): Gpu {
    const isDevice = typeof device?.createComputePipeline === "function" && device.limits && device.queue;
    if (!isDevice) {
      throw new TypeError(`Cannot use device as it must be a GPUDevice: current value is ${kindOf(device)}`);
    }
    return new Gpu(device, { info: device.adapterInfo, owned: false });
  }

  /** As {@linkcode requestGpu}. */
  static async request(options: { adapter?: AdapterChoice } = {}): Promise<Gpu> {
    const { adapter: choice = "high-performance" } = readOnce("options", options, ["adapter"]);
    checkOneOf("adapter", choice, ADAPTERS);
    const adapter = await navigator.gpu?.requestAdapter(
      choice === "software"
        ? { forceFallbackAdapter: true }
        : { powerPreference: choice as GPUPowerPreference },
    );
    if (!adapter) {
      throw new NoAdapterError(
        `Cannot find a WebGPU adapter as none answers the request: current value of adapter is "${choice}"`,
      );
    }
    return await Gpu.ofAdapter(adapter);
  }

  /**
   * A device of an adapter, with the adapter's real limits and the useful optional features.
   *
   * @internal
   */
  static async ofAdapter(adapter: GPUAdapter): Promise<Gpu> {
    const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
    const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
    return new Gpu(device, { info: adapter.info, owned: true });
  }

  /**
   * The compiled form of a kernel: compiled on first use, then shared. Of many, those used last are kept.
   *
   * @internal
   */
  pipeline(kernel: Kernel): Pipeline {
    if (this.#madeAt !== this.#faults.count) this.#forget();
    this.#madeAt = this.#faults.count;
    return this.#pipelines.get(kernel.key, () => {
      const start = performance.now();
      const pipeline = compile(this.device, kernel, this.#bindGroups);
      this.compileMs += performance.now() - start;
      return pipeline;
    });
  }

  /** What did not compile, or found no room, is invalid, which the device tells later: it must not be taken again. */
  #forget(): void {
    this.#pipelines.clear();
    this.#bindGroups.clear();
  }

  /**
   * Says that an error scope caught a fault: buffers and pipelines that were made before serve no more.
   *
   * @internal
   */
  distrust(): void {
    this.#faults.note();
  }

  /**
   * Calls the device where faults are found even inside a caller's own error scope; the next `read` or `check` tells.
   *
   * @internal
   */
  guarded<T>(work: () => T): T {
    return this.#faults.guarded(work);
  }

  /** Why the device is lost, or null while it is not. */
  get lost(): string | null {
    return this.#faults.lost;
  }

  /**
   * Throws what the device reported since the last call.
   *
   * @throws {Error} If the device is lost or an operation outside any error scope failed.
   */
  check(): void {
    this.#faults.check();
  }

  /**
   * Says that a caller's encoder, which work was recorded into, is submitted or will never be. Until then what its
   * work needs is kept from other use, its results are refused where they would be read too early, and writes to what
   * it uses are refused.
   *
   * The caller owes one call for each encoder, right after `queue.submit`, or after dropping the encoder; then nothing
   * more is recorded into it. `read` of its results tells if it did not run. Calls that compute from results of an
   * encoder that did not run cannot know, and give numbers without meaning.
   *
   * @throws {TypeError} If it is no encoder, nothing was recorded into it, or this was called for it before.
   */
  submitted(encoder: GPUCommandEncoder): void {
    const { pending } = this.memory;
    if (!pending.has(encoder)) {
      const given = isEncoder(encoder) ? "an encoder without such work" : kindOf(encoder);
      throw new TypeError(
        "Cannot end encoder as it must be a GPUCommandEncoder with recorded work that was not ended before: " +
          `current value is ${given}`,
      );
    }
    this.memory.submitted(encoder);
    if (!pending.any) this.uniforms.evict();
  }

  /** Counts every byte that this library has on the device. */
  get ledger(): Ledger {
    return this.memory.ledger;
  }

  /**
   * Gives the buffers that wait for reuse back to the device, and the compiled kernels but the 32 that were used last,
   * which are compiled again when they are needed.
   */
  trim(): void {
    this.memory.trim();
    this.#pipelines.trim();
    this.#bindGroups.clear();
  }

  /** Whether {@linkcode Gpu.dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Waits until all submitted work is done. */
  async idle(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
  }

  /** Frees what this library made on the device, and the device itself unless it is a caller's. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.memory.dispose();
    this.uniforms.dispose();
    this.#forget();
    this.#faults.dispose();
    if (this.#owned) this.device.destroy();
  }

  /** As {@linkcode Gpu.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Checks the device argument of a call.
 *
 * @throws {TypeError} If it is no Gpu.
 */
export function assertGpu(gpu: unknown): asserts gpu is Gpu {
  if (gpu instanceof Gpu) return;
  throw new TypeError(`Cannot use gpu as it must be a Gpu: current value is ${kindOf(gpu)}`);
}

/**
 * Asks for a device with the adapter's real limits and the useful optional features.
 *
 * @throws {TypeError} If options is no object or has another name.
 * @throws {RangeError} If `adapter` is none of the choices.
 * @throws {NoAdapterError} If no adapter fits.
 *
 * @example The GPU, or a software adapter where there is none
 * ```ts
 * import { NoAdapterError, requestGpu } from "../../mod.ts";
 *
 * try {
 *   using gpu = await requestGpu({ adapter: "high-performance" });
 *   console.log(gpu.capabilities.name);
 * } catch (error) {
 *   if (!(error instanceof NoAdapterError)) throw error;
 *   console.log("no GPU here:", error.message);
 * }
 * ```
 */
export function requestGpu(options: { adapter?: AdapterChoice } = {}): Promise<Gpu> {
  return Gpu.request(options);
}

function capabilitiesOf(device: GPUDevice, info: GPUAdapterInfo): Capabilities {
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

/** What browsers and Deno tell of subgroup matrices, which their types do not know yet. */
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
