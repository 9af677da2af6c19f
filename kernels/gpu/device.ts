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
