import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import type { Instruments } from "../../kernels/measure/instruments.ts";
import { median } from "../../kernels/measure/statistics.ts";
import type { Mode } from "../shapes.ts";
import { type Case, timedParts } from "./execution.ts";

/** Runs whose median counts for each launch. */
const RUNS = 3;

/**
 * Times each launch of a mode by itself, in a pass of its own: nanoseconds in the order of the launches. Their sum is
 * a little more than the mode takes in one pass, which is what rows report.
 *
 * @returns null where the device has no timestamps.
 */
export async function profile(instruments: Instruments, run: Case, mode: Mode): Promise<number[] | null> {
  const { gpu, timer, tickNs } = instruments;
  if (timer === null || tickNs === null) return null;
  const { prepare, timed } = timedParts(run, mode, 1);
  timer.forget();
  for (let i = 0; i < RUNS; i++) {
    const recorder = new GpuRecorder(gpu);
    prepare?.(recorder);
    recorder.timestamp({ slots: timer.slots, per: "each" });
    timed(recorder);
    recorder.submit();
  }
  const times = (await timer.read()).map(([begin, end]) => Number(end - begin) * tickNs);
  gpu.check();
  const launches = times.length / RUNS;
  return Array.from(
    { length: launches },
    (_, launch) => median(Array.from({ length: RUNS }, (_, i) => times[i * launches + launch])),
  );
}
