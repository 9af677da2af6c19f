import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { submitPreparation } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import { timedParts } from "./execution.ts";
import type { CheckedRow } from "./row.ts";

/**
 * Times each launch of a row by itself, in a pass of its own: nanoseconds in the order of the launches. A pass begins when
 * the one before has ended, so their sum is a little more than what rows report, which is the time of one pass.
 *
 * @returns null where the device has no timestamps, or not enough for so many launches.
 */
export async function launchTimes(
  instruments: Instruments,
  { run, spec, plan }: CheckedRow,
): Promise<number[] | null> {
  const { gpu, timer, tickNs } = instruments;
  const planned = plan.dispatches;
  timer?.forget();
  if (timer === null || tickNs === null || planned.length > timer.room) return null;
  const parts = timedParts(run, spec.mode, { planned });
  submitPreparation(instruments, parts);
  const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "each" } });
  parts.timed(recorder);
  recorder.submit();
  const spans = await timer.read();
  gpu.check();
  return spans.map(([begin, end]) => Number(end - begin) * tickNs);
}
