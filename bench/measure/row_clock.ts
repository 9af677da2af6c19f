import type { Gpu } from "../../kernels/gpu/device.ts";
import { gpuTimes, type Timed, wallTime } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import { isCoarse, leastNs, WALL_NS } from "../timing/step.ts";
import { trimPool } from "./allocation.ts";
import { timedParts } from "./execution.ts";
import { repeatsOf } from "./repeats.ts";
import type { CheckedRow, ProfiledRow } from "./row.ts";

/** Repeats at most where a coarse clock, or none but the wall clock, asks for many. */
const MOST_REPEATS = 1024;

/** A first timing that lasts this part of what samples should tells well enough how often they must repeat the work. */
const TELLING = 0.1;

/** A row's timed part. It begins with room: buffers that only other rows need are freed where they are many. */
export function timedRow(gpu: Gpu, { run, spec, plan }: CheckedRow, repeats = 1): Timed {
  const { prepare, timed } = timedParts(run, spec.mode, { repeats, planned: plan.dispatches });
  return {
    prepare: (recorder) => {
      trimPool(gpu);
      prepare?.(recorder);
    },
    timed,
  };
}

/**
 * Times so many runs of a row on the wall clock. Each is a submit of its own, as in a program, but for backward: it
 * consumes what its preparation made, so all its runs are prepared and submitted together.
 *
 * @returns Nanoseconds of one run.
 */
export async function wallTimeOf(instruments: Instruments, row: CheckedRow, runs: number): Promise<number> {
  const { gpu } = instruments;
  if (row.spec.mode !== "backward") return await wallTime(instruments, timedRow(gpu, row), { runs });
  return await wallTime(instruments, timedRow(gpu, row, runs)) / runs;
}

/** How often a wall time repeats a row. */
export function wallRuns({ aboutNs, ...row }: ProfiledRow): number {
  return repeatsOf(aboutNs, { leastNs: WALL_NS, bytes: heldBytes(row) });
}

/**
 * Runs a row once, or on a coarse clock several times, which tells how long it takes and how often its samples must repeat
 * it. These runs are no samples, because clocks may still rise.
 */
export async function profiled(instruments: Instruments, row: CheckedRow): Promise<ProfiledRow> {
  const coarse = isCoarse(instruments);
  const limits = {
    leastNs: leastNs(instruments),
    bytes: heldBytes(row),
    most: coarse ? MOST_REPEATS : undefined,
  };
  const most = coarse ? repeatsOf(0, limits) : 1;
  let runs = 1;
  let aboutNs = await meanNs(instruments, row, runs);
  while (runs < most && runs * aboutNs < TELLING * limits.leastNs) {
    runs = Math.min(4 * runs, most);
    aboutNs = await meanNs(instruments, row, runs);
  }
  return { ...row, aboutNs, repeats: repeatsOf(aboutNs, limits), launchNs: [], wallNs: [] };
}

/** Nanoseconds of one of several runs, by the device's clock where it has one. */
async function meanNs(instruments: Instruments, row: CheckedRow, runs: number): Promise<number> {
  if (instruments.timer === null) return await wallTimeOf(instruments, row, runs);
  const [ns] = await gpuTimes(instruments, [timedRow(instruments.gpu, row, runs)]);
  return ns / runs;
}

/** Bytes that each repeat holds until the last is recorded. Only backward's do: what others leave serves the next. */
function heldBytes({ spec, plan }: CheckedRow): number {
  return spec.mode === "backward" ? plan.peakBytes : 0;
}
