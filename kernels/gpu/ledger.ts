/**
 * What a buffer is for. The ledger counts each purpose apart.
 *
 * @example Bytes by purpose
 * ```ts
 * import { type Purpose, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using tensor = Tensor.empty(gpu, [4, 4]);
 * const purposes: Purpose[] = ["input", "saved"];
 * console.log(purposes.map((purpose) => gpu.ledger.live(purpose)), tensor.byteLength); // [64, 0] 64
 * ```
 */
export type Purpose =
  /** x, weights and dy. They are the caller's, and do not count as a variant's memory. */
  | "input"
  /** y. */
  | "output"
  /** Kept from forward for backward. */
  | "saved"
  /** Lives inside one forward or backward only. */
  | "workspace"
  /** dx, dGate, dUp, dDown. */
  | "gradient"
  /** The library's own: timestamps, staging, cache flushing, checks. */
  | "internal";

/** The purposes that a variant is charged for: all that lives on the device beyond x, weights and dy. */
const CHARGED: readonly Purpose[] = ["output", "saved", "workspace", "gradient"];

/**
 * Counts every device byte by purpose, in the order in which work is recorded.
 *
 * A buffer is counted from its allocation to its release, as `torch.cuda.max_memory_allocated` does.
 * Released buffers that a pool keeps for reuse are `pooledBytes`.
 *
 * @example Nothing is left
 * ```ts
 * import { type Ledger, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const ledger: Ledger = gpu.ledger;
 * Tensor.empty(gpu, [4, 4]).dispose();
 * console.log(ledger.liveBytes, ledger.pooledBytes); // 0 64: the buffer waits for reuse
 * ```
 */
export class Ledger {
  readonly #live = new Map<Purpose, number>();
  #pooledBytes = 0;
  #peakBytes = 0;
  #peakReservedBytes = 0;
  #peakWorkspaceBytes = 0;

  /** Counts `bytes` more for `purpose`. */
  add(bytes: number, purpose: Purpose): void {
    this.#live.set(purpose, this.live(purpose) + bytes);
    this.#raise();
  }

  /** Counts `bytes` fewer for `purpose`. */
  remove(bytes: number, purpose: Purpose): void {
    const left = this.live(purpose) - bytes;
    if (left < 0) {
      throw new RangeError(`Cannot remove ${bytes} ${purpose} bytes as only ${this.live(purpose)} are live`);
    }
    this.#live.set(purpose, left);
  }

  /** Counts bytes that the pool keeps for reuse: positive when they enter, negative when they leave. */
  pool(bytes: number): void {
    this.#pooledBytes += bytes;
    this.#raise();
  }

  /** Live bytes of one purpose. */
  live(purpose: Purpose): number {
    return this.#live.get(purpose) ?? 0;
  }

  /** Live bytes that a variant is charged for: output, saved, workspace, gradient. */
  get chargedBytes(): number {
    return CHARGED.reduce((sum, purpose) => sum + this.live(purpose), 0);
  }

  /** All live bytes: charged, input and internal ones. Those in the pool do not count. */
  get liveBytes(): number {
    return this.chargedBytes + this.live("input") + this.live("internal");
  }

  /** Bytes that wait for reuse: released buffers, and the uniform blocks that launches share. */
  get pooledBytes(): number {
    return this.#pooledBytes;
  }

  /** The highest `chargedBytes` since the last `resetPeak`. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** The highest charged plus pooled bytes since the last `resetPeak`: what the device really held. */
  get peakReservedBytes(): number {
    return this.#peakReservedBytes;
  }

  /** The highest workspace bytes since the last `resetPeak`. */
  get peakWorkspaceBytes(): number {
    return this.#peakWorkspaceBytes;
  }

  /** Starts a new measurement: the peaks fall to what is live now. */
  resetPeak(): void {
    this.#peakBytes = this.#peakReservedBytes = this.#peakWorkspaceBytes = 0;
    this.#raise();
  }

  #raise(): void {
    this.#peakBytes = Math.max(this.#peakBytes, this.chargedBytes);
    this.#peakReservedBytes = Math.max(this.#peakReservedBytes, this.chargedBytes + this.#pooledBytes);
    this.#peakWorkspaceBytes = Math.max(this.#peakWorkspaceBytes, this.live("workspace"));
  }
}
