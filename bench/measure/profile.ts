import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { submitPreparation } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import type { Mode } from "./shapes.ts";
import { type Case, timedParts } from "./execution.ts";

/**
 * Times each launch of a mode by itself, in a pass of its own: nanoseconds in the order of the launches. Their sum is
 * a little more than the mode takes in one pass, which is what rows report: a pass begins when the one before has ended.
 *
 * @param planned The launches that there will be.
 * @returns null where the device has no timestamps, or not enough for so many launches.
 */
export async function profile(
  instruments: Instruments,
  run: Case,
  { mode, planned }: { mode: Mode; planned: readonly Dispatch[] },
): Promise<number[] | null> {
  const { gpu, timer, tickNs } = instruments;
  timer?.forget();
  if (timer === null || tickNs === null || planned.length > timer.room) return null;
  const parts = timedParts(run, mode, { planned });
  submitPreparation(instruments, parts);
  const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "each" } });
  parts.timed(recorder);
  recorder.submit();
  const spans = await timer.read();
  gpu.check();
  return spans.map(([begin, end]) => Number(end - begin) * tickNs);
}
