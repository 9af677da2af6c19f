import type { Gpu } from "../../kernels/gpu/device.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { type Anchor, anchor, periodNs, Timer, waitCostMs } from "./timer.ts";
import { readAll } from "./read.ts";
import { WarmUp } from "./warm_up.ts";
import { multiplyAdds } from "./ceiling_kernels.ts";

/** Bytes that are read to flush the cache. No GPU sold so far has a larger last-level cache. It takes 60 us at 4 TB/s. */
const FLUSH_BYTES = 256 * 2 ** 20;

/** Time between the first two anchors. Each is good to about 0.1 ms, so the period is good to 0.05 %. */
const BASELINE_MS = 400;

/** Of so many spans that last about one step of the clock, hardly all last two. */
const STEP_SPANS = 16;

/** Rounds of work that last some 10 ms. A clock that shows nothing of them stands still. */
const MOST_STEP_ROUNDS = 2 ** 13;

/** Each submit of warm-up lasts so long that it outweighs the wait after it, in which clocks fall again. */
const WARM_SUBMIT_MS = 60;

/** Workgroups of warm-up. So many keep every part of a large GPU busy. */
const WARM_WORKGROUPS = 4096;

/** How {@linkcode Instruments.create} sets up. */
export interface InstrumentOptions {
  /** Whether the last-level cache is emptied before each sample. A software adapter ignores it. */
  flush: boolean;
}

/** What measuring needs on a device: calibrated timestamps, the cost of a wait, and a buffer that flushes caches. */
export class Instruments {
  readonly gpu: Gpu;
  /** Null where the device has no timestamps. */
  readonly timer: Timer | null;
  /** Milliseconds that a wait takes by itself. */
  readonly waitMs: number;
  /** Nanoseconds of a tick, as last calibrated. Null without timestamps. */
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

  /** Sets up and calibrates. It takes about half a second, after which the device's clocks are up. */
  static async create(gpu: Gpu, { flush }: InstrumentOptions): Promise<Instruments> {
    await gpu.idle();
    const instruments = new Instruments(gpu, { flush, waitMs: await waitCostMs(gpu) });
    if (instruments.timer) {
      await instruments.#findStep();
      instruments.#first = await instruments.#anchor();
      await instruments.#pass(BASELINE_MS);
      await instruments.calibrate();
    } else {
      await instruments.warm(BASELINE_MS);
    }
    return instruments;
  }

  /** The least difference that the device's clock tells, in nanoseconds. Null without timestamps. */
  get resolutionNs(): number | null {
    return this.timer && this.tickNs && this.timer.resolutionTicks * this.tickNs;
  }

  /** Whether {@linkcode flush} does anything. */
  get flushes(): boolean {
    return this.#flush !== null;
  }

  /**
   * Measures the period of the device's clock again, over all the time since its first reading.
   *
   * @returns The part by which the period changed. If it is more than a thousandth, one of the clocks drifts.
   */
  async calibrate(): Promise<number> {
    if (!this.timer) return 0;
    const before = this.tickNs;
    this.tickNs = periodNs(this.#first!, await this.#anchor());
    return before === null ? 0 : Math.abs(this.tickNs / before - 1);
  }

  /**
   * Keeps the device busy for at least `ms`, and until it is as fast as it has ever been. The clocks of an idle device fall
   * (on an H200 from 1980 to 345 MHz; they need some 150 ms of work to rise again, and may stay at 1125 MHz under light
   * work). A software adapter has no such clocks, so nothing is done.
   */
  async warm(ms: number): Promise<void> {
    if (this.gpu.capabilities.software) return;
    await this.#warmUp.run(() => this.#burn(), { leastMs: ms });
  }

  /**
   * Records reads that evict everything else from the last-level cache. Writes would evict it too, but they would leave
   * dirty lines, which would be written back while the next sample is timed (up to 50 MB on an H200, while 16 tokens read
   * 541 MB of weights).
   */
  flush(recorder: GpuRecorder): void {
    // The tensor holds only zeros, so the word 1 is never found. No compiler can know that.
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

  /** Runs multiply-adds for some 60 ms. @returns Milliseconds of each round. */
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

  /**
   * Times ever longer work until the device's clock tells it from nothing. Such spans last about one step of the clock,
   * so their greatest common divisor is the step.
   */
  async #findStep(): Promise<void> {
    const timer = this.timer!;
    for (let rounds = 1; timer.resolutionTicks === 0 && rounds <= MOST_STEP_ROUNDS; rounds *= 2) {
      for (let span = 0; span < STEP_SPANS; span++) {
        const recorder = new GpuRecorder(this.gpu, { timestamps: { slots: timer.slots, per: "span" } });
        this.#work(recorder, rounds);
        recorder.submit();
      }
      await timer.read();
    }
  }

  async #pass(ms: number): Promise<void> {
    if (!this.gpu.capabilities.software) return await this.warm(ms);
    await new Promise((done) => setTimeout(done, ms));
  }

  /** Records a launch that takes next to no time, so that it marks a moment; with more rounds it takes longer. */
  #work(recorder: GpuRecorder, rounds = 1): void {
    multiplyAdds(recorder, { type: "f32", workgroups: 1, rounds, sink: this.#sink });
  }
}

function internal(gpu: Gpu, bytes: number, label: string): Tensor {
  return new Tensor(gpu.memory, { shape: [bytes / 4], dtype: "float32", purpose: "internal", label });
}
