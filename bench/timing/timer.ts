import type { Gpu } from "../../kernels/gpu/device.ts";
import { GpuRecorder, type TimestampSlots } from "../../kernels/gpu/recorder.ts";
import { median } from "./statistics.ts";

/** The largest query set that WebGPU allows. */
const MOST_QUERIES = 4096;

const TICK_BYTES = 8;

// GPUBufferUsage and GPUMapMode as numbers, as in kernels/gpu/memory.ts.
const MAP_READ = 0x01;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const QUERY_RESOLVE = 0x200;

/** Timestamps of a device. Many spans are recorded before they are read, as each mapping of a buffer takes about 11 ms. */
export class Timer {
  readonly #gpu: Gpu;
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  /** Where a recorder takes its queries from. */
  readonly slots: TimestampSlots;
  /** The clock's resolution in ticks: the largest number that divides every span seen so far. It is 0 before the first. */
  resolutionTicks = 0;

  /** @throws {TypeError} If the device has no timestamps. */
  constructor(gpu: Gpu) {
    if (!gpu.capabilities.timestamps) {
      throw new TypeError("Cannot time launches as the device has no timestamps");
    }
    const size = MOST_QUERIES * TICK_BYTES;
    this.#gpu = gpu;
    this.#querySet = gpu.device.createQuerySet({ type: "timestamp", count: MOST_QUERIES });
    this.#resolved = gpu.device.createBuffer({ label: "timestamps", size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = gpu.device.createBuffer({ label: "timestamps", size, usage: MAP_READ | COPY_DST });
    gpu.memory.ledger.add(2 * size, "internal");
    this.slots = { querySet: this.#querySet, next: 0 };
  }

  /** How many spans can be recorded before the next {@linkcode read}. */
  get room(): number {
    return (MOST_QUERIES - this.slots.next) / 2;
  }

  /** Forgets spans that were recorded but not read. A recording that throws leaves such spans. */
  forget(): void {
    this.slots.next = 0;
  }

  /** Waits for all submitted work. @returns Begin and end in ticks of every span recorded since the last call, in order. */
  async read(): Promise<[begin: bigint, end: bigint][]> {
    const count = this.slots.next;
    this.slots.next = 0;
    if (count === 0) return [];
    const encoder = this.#gpu.device.createCommandEncoder();
    encoder.resolveQuerySet(this.#querySet, 0, count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, count * TICK_BYTES);
    this.#gpu.device.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(1, 0, count * TICK_BYTES); // GPUMapMode.READ
    const ticks = new BigUint64Array(this.#staging.getMappedRange(0, count * TICK_BYTES).slice(0));
    this.#staging.unmap();
    return Array.from({ length: count / 2 }, (_, span) => this.#span(ticks[2 * span], ticks[2 * span + 1]));
  }

  #span(begin: bigint, end: bigint): [bigint, bigint] {
    this.resolutionTicks = greatestDivisor(Number(end - begin), this.resolutionTicks);
    return [begin, end];
  }

  /** Frees the queries. */
  dispose(): void {
    this.#querySet.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
    this.#gpu.memory.ledger.remove(2 * MOST_QUERIES * TICK_BYTES, "internal");
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The greatest common divisor of two whole numbers, by Euclid's algorithm. */
function greatestDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestDivisor(b, a % b);
}

/** One moment, read on both clocks. */
export interface Anchor {
  /** Milliseconds of `performance.now()` just before the submit. */
  readonly wallMs: number;
  /** Ticks of the device when the launch began. */
  readonly ticks: bigint;
}

/** Tries for each anchor. The one that took the shortest time is the most exact. */
const TRIES = 5;

/**
 * Reads both clocks at one moment, on an idle device. `record` records a launch that takes next to no time.
 *
 * The device begins a little after the submit. The delay is about the same each time, so it cancels between two anchors.
 */
export async function anchor(
  gpu: Gpu,
  timer: Timer,
  record: (recorder: GpuRecorder) => void,
): Promise<Anchor> {
  let best: { anchor: Anchor; tookMs: number } | null = null;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await gpu.idle();
    timer.forget();
    const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "span" } });
    record(recorder);
    const wallMs = performance.now();
    recorder.submit();
    const [[ticks]] = await timer.read();
    const tookMs = performance.now() - wallMs;
    if (best === null || tookMs < best.tookMs) best = { anchor: { wallMs, ticks }, tookMs };
  }
  return best!.anchor;
}

/**
 * Nanoseconds of a tick, by the wall clock, because WebGPU does not tell them.
 *
 * @throws {RangeError} If the device's clock did not advance between the anchors.
 */
export function periodNs(from: Anchor, to: Anchor): number {
  const ticks = Number(to.ticks - from.ticks);
  const wallNs = (to.wallMs - from.wallMs) * 1e6;
  if (ticks > 0 && wallNs > 0) return wallNs / ticks;
  throw new RangeError(
    `Cannot calibrate the device's clock as it must advance: it went ${ticks} ticks in ${wallNs} ns`,
  );
}

/** Milliseconds that a wait for an idle device takes by itself. It takes any because the event loop polls. */
export async function waitCostMs(gpu: Gpu): Promise<number> {
  const costs: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const start = performance.now();
    await gpu.idle();
    costs.push(performance.now() - start);
  }
  return median(costs);
}
