/** What a device reported outside any error scope, and whether it is lost. */
export class Faults {
  readonly #device: GPUDevice;
  readonly #errors: string[] = [];
  #lost: string | null = null;
  #count = 0;
  readonly #listen = (event: Event) => {
    this.#count++;
    this.#errors.push((event as GPUUncapturedErrorEvent).error.message);
  };

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

  /** Faults so far: what was made before the last of them may be invalid. */
  get count(): number {
    return this.#count;
  }

  /** Counts a fault that an error scope caught. */
  note(): void {
    this.#count++;
  }

  /**
   * Throws what was reported since the last call.
   *
   * @throws {Error} If the device is lost or an operation outside any error scope failed.
   */
  check(): void {
    if (this.#lost !== null) throw new Error(`Cannot use the GPU as its device is lost: ${this.#lost}`);
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new Error(`Cannot go on as the GPU reported: ${errors.join("; ")}`);
  }

  /** Stops listening. */
  dispose(): void {
    this.#device.removeEventListener("uncapturederror", this.#listen);
  }
}
