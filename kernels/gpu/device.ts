import { checkOneOf, isEncoder, kindOf, readOnce } from "./arguments.ts";
import { type Capabilities, capabilitiesOf, FEATURES, LIMITS } from "./capabilities.ts";
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
 * import { type AdapterChoice, NoAdapterError, requestGpu } from "@swiglu/webgpu";
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
 * No WebGPU adapter fits the request.
 *
 * @example Falling back to the CPU
 * ```ts
 * import { NoAdapterError } from "@swiglu/webgpu";
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

/**
 * A device, with its memory, its compiled kernels and its capabilities. Disposing it frees all of them.
 *
 * @example Your own device
 * ```ts
 * import { Gpu, Tensor } from "@swiglu/webgpu";
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
  /** How many faults were known at the last call of `pipeline`. If there are more now, what is kept may be invalid. */
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

  /** Wraps a caller's device. It stays the caller's: disposing frees only what this library made. */
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
    const adapter = await globalThis.navigator?.gpu?.requestAdapter(
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
   * Requests a device of an adapter, with the adapter's own limits and the optional features that the library uses.
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
   * The compiled form of a kernel. It is compiled on first use, and kept while few enough others are used after it.
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

  /** Forgets all pipelines and bind groups. A device tells late which ones it could not make, so any may be invalid. */
  #forget(): void {
    this.#pipelines.clear();
    this.#bindGroups.clear();
  }

  /**
   * Notes that an error scope caught a fault. Buffers and pipelines that were made before it are not used again.
   *
   * @internal
   */
  distrust(): void {
    this.#faults.note();
  }

  /**
   * Calls the device so that faults are found even inside a caller's own error scope. The next `read` or `check` throws
   * them.
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
   * Tells the library that a caller's encoder was submitted, or was dropped and never will be. Call it once for each
   * encoder that work was recorded into, right after `queue.submit` or after dropping it, and record nothing more into
   * it.
   *
   * Until then the library keeps what the work needs from other use. It refuses to read its results, and to write the
   * tensors that it uses.
   *
   * If the encoder did not run after all, `read` of its results throws. Other calls cannot know that: what they compute
   * from such results has no meaning.
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
   * Frees the buffers that wait for reuse, and all compiled kernels but the 32 used last. A kernel that is needed again
   * is compiled again.
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
 * Requests a device with the adapter's own limits and the optional features that the library uses.
 *
 * @throws {TypeError} If options is no object or has another name.
 * @throws {RangeError} If `adapter` is none of the choices.
 * @throws {NoAdapterError} If no adapter fits.
 *
 * @example The GPU, or a software adapter where there is none
 * ```ts
 * import { NoAdapterError, requestGpu } from "@swiglu/webgpu";
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
