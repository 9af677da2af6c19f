/**
 * An allocation was refused, by the device or because it exceeds the device's limit. Nothing was allocated.
 *
 * @example Larger than any buffer
 * ```ts
 * import { OutOfMemoryError, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * try {
 *   Tensor.empty(gpu, [2 ** 40]);
 * } catch (error) {
 *   if (!(error instanceof OutOfMemoryError)) throw error;
 *   console.log(error.message);
 * }
 * ```
 */
export class OutOfMemoryError extends Error {
  /** Tells this error from others. */
  override name = "OutOfMemoryError";
}

/** Collects what goes wrong on a device outside a caller's own error scopes, and notes if the device is lost. */
export class Faults {
  readonly #device: GPUDevice;
  readonly #errors: GPUError[] = [];
  readonly #open = new Set<Promise<void>>();
  #lost: string | null = null;
  #count = 0;
  readonly #listen = (event: Event) => this.#add((event as GPUUncapturedErrorEvent).error);

  /** Listens to a device until {@linkcode Faults.dispose}. */
  constructor(device: GPUDevice) {
    this.#device = device;
    device.addEventListener("uncapturederror", this.#listen);
    device.lost.then((lost) => this.#lost = lost.message || lost.reason || "device lost");
  }

  /** Why the device is lost, or null while it is not. */
  get lost(): string | null {
    return this.#lost;
  }

  /** How many faults there were. What was made before the last of them may be invalid. */
  get count(): number {
    return this.#count;
  }

  /** Counts a fault that an error scope caught. */
  note(): void {
    this.#count++;
  }

  /**
   * Calls the device in an error scope of the library's own. Otherwise a fault would go to a scope that a caller may
   * have open and be missed here. What it spoiled would then be read as if it were right.
   */
  guarded<T>(work: () => T): T {
    this.#device.pushErrorScope("validation");
    try {
      return work();
    } finally {
      const told = this.#device.popErrorScope().then((error) => {
        if (error) this.#add(error);
      }, () => {}) // the device is lost, and `lost` says so
        .finally(() => this.#open.delete(told));
      this.#open.add(told);
    }
  }

  /** Waits until the faults of all {@linkcode Faults.guarded} work are known. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  /**
   * Throws if the device reported a fault since the last call.
   *
   * @throws {OutOfMemoryError} If the device had no room for a buffer.
   * @throws {Error} If the device is lost or an operation failed otherwise.
   */
  check(): void {
    if (this.#lost !== null) throw new Error(`Cannot use the GPU as its device is lost: ${this.#lost}`);
    const errors = this.#errors.splice(0);
    if (errors.length === 0) return;
    // Compares names, because a device of another implementation has error classes of its own.
    const noRoom = errors.some((error) => error.constructor.name === "GPUOutOfMemoryError");
    const messages = errors.map(({ message }) => message).join("; ");
    throw new (noRoom ? OutOfMemoryError : Error)(`Cannot go on as the GPU reported: ${messages}`);
  }

  /** Stops listening. */
  dispose(): void {
    this.#device.removeEventListener("uncapturederror", this.#listen);
  }

  #add(error: GPUError): void {
    this.#count++;
    this.#errors.push(error);
  }
}
