import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import type { Instruments } from "./instruments.ts";

/** One thing to time. */
export interface Timed {
  /** Records what must come first and is not timed; what it keeps it may use in `timed`. */
  prepare?(recorder: GpuRecorder): void;
  /** Records what is timed. */
  timed(recorder: GpuRecorder): void;
}

/**
 * Times things on the device's own clock, one after the other, waiting once at the end: nanoseconds of each, from the
 * begin of its first launch to the end of its last.
 *
 * Preparation, cache flush and timed part are submits of their own: each begins when the one before has ended.
 *
 * @throws {TypeError} If the device has no timestamps.
 */
export async function gpuTimes(instruments: Instruments, items: readonly Timed[]): Promise<number[]> {
  const { gpu, timer, tickNs } = instruments;
  if (timer === null || tickNs === null) {
    throw new TypeError("Cannot time launches as the device has no timestamps");
  }
  timer.forget();
  const times: number[] = [];
  for (let start = 0; start < items.length; start += timer.room) {
    for (const item of items.slice(start, start + timer.room)) {
      submitPreparation(instruments, item);
      const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "span" } });
      item.timed(recorder);
      recorder.submit();
    }
    const spans = await timer.read();
    times.push(...spans.map(([begin, end]) => Number(end - begin) * tickNs));
  }
  gpu.check();
  return times;
}

/**
 * Times one thing on the wall clock, from the begin of its recording until the device is idle, less what the wait
 * takes by itself: nanoseconds of a run.
 *
 * @param options.runs Runs that are submitted one behind the other, as a program's are: the device works on one while
 * the next is recorded. What is prepared must serve all of them. Default: 1.
 */
export async function wallTime(
  instruments: Instruments,
  item: Timed,
  { runs = 1 }: { runs?: number } = {},
): Promise<number> {
  const { gpu, waitMs } = instruments;
  submitPreparation(instruments, item);
  await gpu.idle();
  const start = performance.now();
  for (let run = 0; run < runs; run++) {
    const recorder = new GpuRecorder(gpu);
    item.timed(recorder);
    recorder.submit();
  }
  await gpu.idle();
  const tookMs = performance.now() - start;
  gpu.check();
  return Math.max(tookMs - waitMs, 0) * 1e6 / runs;
}

/** Submits what comes before a timed part: its preparation, then the flush of the cache. */
export function submitPreparation(instruments: Instruments, item: Timed): void {
  if (item.prepare) {
    const recorder = new GpuRecorder(instruments.gpu);
    item.prepare(recorder);
    recorder.submit();
  }
  if (instruments.flushes) {
    const recorder = new GpuRecorder(instruments.gpu);
    instruments.flush(recorder);
    recorder.submit();
  }
}
