import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { submitPreparation } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import { timedParts } from "./execution.ts";
import { repeatsOf } from "./repeats.ts";
import type { CheckedRow, ProfiledRow } from "./row.ts";

/** A timing shorter than this says more about starting and stopping than about the work. */
const SHORTEST_NS = 50_000;

/**
 * Runs a row once, which tells how often its samples must repeat it. The run is no sample itself, because clocks may
 * still rise.
 */
export async function profiled(instruments: Instruments, row: CheckedRow): Promise<ProfiledRow> {
  const launchNs = await profile(instruments, row);
  const aboutNs = launchNs?.reduce((sum, ns) => sum + ns, 0) ?? Infinity;
  const repeats = repeatsOf(aboutNs, { leastNs: SHORTEST_NS, bytes: row.plan.peakBytes });
  return { ...row, aboutNs, repeats, launchNs: [], wallNs: [] };
}

/**
 * Times each launch of a row by itself, in a pass of its own: nanoseconds in the order of the launches. A pass begins when
 * the one before has ended, so their sum is a little more than what rows report, which is the time of one pass.
 *
 * @returns null where the device has no timestamps, or not enough for so many launches.
 */
export async function profile(
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
