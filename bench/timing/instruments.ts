import type { Gpu } from "../../kernels/gpu/device.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { type Anchor, anchor, periodNs, Timer, waitCostMs } from "./timer.ts";
import { readAll } from "./read.ts";
import { WarmUp } from "./warm_up.ts";
import { multiplyAdds } from "./ceiling_kernels.ts";

/** As large as the largest last-level cache of a GPU sold so far, and read in 60 us at 4 TB/s. */
const FLUSH_BYTES = 256 * 2 ** 20;

/** Between the first two anchors; each is good to about 0.1 ms, so the period is good to 0.05 %. */
const BASELINE_MS = 400;

/** Work that lasts so long outweighs the wait after it, in which clocks fall again, and tells how fast the device is. */
const WARM_SUBMIT_MS = 60;

/** Enough workgroups to keep every part of a large GPU busy. */
const WARM_WORKGROUPS = 4096;

/** How {@linkcode Instruments.create} sets up. */
export interface InstrumentOptions {
  /** Whether the last-level cache is to be emptied before each sample. Has no effect on a software adapter. */
  flush: boolean;
}

/** Everything that measuring needs on a device: calibrated timestamps, the cost of a wait, a buffer to flush caches. */
export class Instruments {
  readonly gpu: Gpu;
  /** Null where the device has no timestamps. */
  readonly timer: Timer | null;
  /** Milliseconds that a wait takes by itself. */
  readonly waitMs: number;
  /** Nanoseconds for each tick as last calibrated; null without timestamps. */
  tickNs: number | null = null;
  readonly #sink: Tensor;
  readonly #flush: Tensor | null;
  #first: Anchor | null = null;
  readonly #warmUp = new WarmUp();
  #warmRounds = 1;

  private constructor(gpu: Gpu, { flush, waitMs }: { flush: boolean; waitMs: number }) {
    this.gpu = gpu;
    this.timer = gpu.capabilities.timestamps ? new Timer(gpu) : null;
    this.waitMs = waitMs;
    this.#sink = internal(gpu, 16, "sink");
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.capabilities;
    const most = Math.min(FLUSH_BYTES, maxBufferSize, maxStorageBufferBindingSize);
    const flushBytes = most - most % 16;
    this.#flush = flush && !gpu.capabilities.software ? internal(gpu, flushBytes, "cache flush") : null;
  }

  /** Sets up and calibrates; takes about half a second, at whose end the device's clocks are up. */
  static async create(gpu: Gpu, { flush }: InstrumentOptions): Promise<Instruments> {
    await gpu.idle();
    const instruments = new Instruments(gpu, { flush, waitMs: await waitCostMs(gpu) });
    if (instruments.timer) {
      instruments.#first = await instruments.#anchor();
      await instruments.#pass(BASELINE_MS);
      await instruments.calibrate();
    } else {
      await instruments.warm(BASELINE_MS);
    }
    return instruments;
  }

  /** The shortest difference that the device's clock can tell, in nanoseconds; null without timestamps. */
  get resolutionNs(): number | null {
    return this.timer && this.tickNs && this.timer.resolutionTicks * this.tickNs;
  }

  /** Whether {@linkcode flush} does anything. */
  get flushes(): boolean {
    return this.#flush !== null;
  }

  /**
   * Measures the period of the device's clock again, over all the time since it was first read.
   *
   * @returns By what part the period changed: more than a thousandth means that one of the clocks drifts.
   */
  async calibrate(): Promise<number> {
    if (!this.timer) return 0;
    const before = this.tickNs;
    this.tickNs = periodNs(this.#first!, await this.#anchor());
    return before === null ? 0 : Math.abs(this.tickNs / before - 1);
  }

  /**
   * Keeps the device busy for at least `ms`, and until it is as fast as it has ever been: an idle H200 sinks from 1980 to
   * 345 MHz, takes some 150 ms of work to come back, and may stay at 1125 under light work. A software adapter has no
   * clocks to warm.
   */
  async warm(ms: number): Promise<void> {
    if (this.gpu.capabilities.software) return;
    await this.#warmUp.run(() => this.#burn(), { leastMs: ms });
  }

  /**
   * Records reads that evict everything else from the last-level cache. Writes would too, but would leave dirty lines to
   * be written back while the next sample is timed: up to 50 MB on an H200, beside the 541 MB of weights that 16 tokens
   * read.
   */
  flush(recorder: GpuRecorder): void {
    // The tensor holds zeros, which no compiler can know.
    if (this.#flush) readAll(recorder, { tensor: this.#flush, word: 1, sink: this.#sink });
  }

  /** Frees what measuring needed. */
  dispose(): void {
    this.timer?.dispose();
    this.#sink.dispose();
    this.#flush?.dispose();
    this.gpu.memory.trim();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #anchor(): Promise<Anchor> {
    return anchor(this.gpu, this.timer!, (recorder) => this.#work(recorder));
  }

  /** Multiply-adds of some 60 ms: the time for each round, in milliseconds. */
  async #burn(): Promise<number> {
    for (;;) {
      const rounds = this.#warmRounds;
      const start = performance.now();
      const recorder = new GpuRecorder(this.gpu);
      multiplyAdds(recorder, { type: "f32", workgroups: WARM_WORKGROUPS, rounds, sink: this.#sink });
      recorder.submit();
      await this.gpu.idle();
      const tookMs = performance.now() - start - this.waitMs;
      if (tookMs >= WARM_SUBMIT_MS) return tookMs / rounds;
      this.#warmRounds *= 2;
    }
  }

  async #pass(ms: number): Promise<void> {
    if (!this.gpu.capabilities.software) return await this.warm(ms);
    await new Promise((done) => setTimeout(done, ms));
  }

  /** Next to nothing: what begins when the device gets to it. */
  #work(recorder: GpuRecorder): void {
    multiplyAdds(recorder, { type: "f32", workgroups: 1, rounds: 1, sink: this.#sink });
  }
}

function internal(gpu: Gpu, bytes: number, label: string): Tensor {
  return new Tensor(gpu.memory, { shape: [bytes / 4], dtype: "float32", purpose: "internal", label });
}
