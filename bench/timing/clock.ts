import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import type { Instruments } from "./instruments.ts";

/** One thing to time. */
export interface Timed {
  /** Records work that must come first and is not timed. `timed` may use what it keeps. */
  prepare?(recorder: GpuRecorder): void;
  /** Records what is timed. */
  timed(recorder: GpuRecorder): void;
}

/**
 * Times items on the device's own clock, one after the other. It waits only once, at the end.
 *
 * Preparation, cache flush and timed part are separate submits. Each begins when the one before has ended.
 *
 * @returns Nanoseconds of each item, from the begin of its first launch to the end of its last.
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
 * Times one item on the wall clock, from the begin of its recording until the device is idle. The time that the wait takes
 * by itself is subtracted.
 *
 * @param options.runs Runs that are submitted one behind the other, as a program does: the device works on one while the
 * next is recorded. The preparation must serve all of them. Default: 1.
 * @returns Nanoseconds of one run.
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
