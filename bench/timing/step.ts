/**
 * How long a timing must last beside the step of the clock that takes it. Most devices' clocks step by some nanoseconds. A
 * browser's step by 65 or 100 us, so that pages cannot spy on each other, and some browsers give none.
 *
 * @module
 */

import type { Instruments } from "./instruments.ts";

/** What a clock can tell: its step in nanoseconds; null without a device's clock. */
export type ClockStep = Pick<Instruments, "resolutionNs">;

/** A timing shorter than this says more about starting and stopping than about the work. */
const SHORTEST_NS = 50_000;

/** A time of so many steps of the clock is known to half a percent. */
const STEPS = 100;

/** A time of fewer steps of the clock is known only to 5 %. */
export const FEW_STEPS = 20;

/** A wait is known to about 0.3 ms, so work on the wall clock is repeated until it lasts long beside that. */
export const WALL_NS = 20e6;

/** Nanoseconds that one timing should last at least. */
export function leastNs({ resolutionNs }: ClockStep): number {
  return resolutionNs === null ? WALL_NS : Math.max(SHORTEST_NS, STEPS * resolutionNs);
}

/** Whether work must be repeated that a finer clock could time alone. */
export function isCoarse(clock: ClockStep): boolean {
  return leastNs(clock) > SHORTEST_NS;
}

/** Tells that the device's clock is coarse, and what follows. Null where it is fine, and where there is none. */
export function coarseWarning(clock: ClockStep): string | null {
  const { resolutionNs } = clock;
  if (resolutionNs === null || !isCoarse(clock)) return null;
  const stepUs = (resolutionNs / 1e3).toFixed(0);
  const sampleMs = (leastNs(clock) / 1e6).toFixed(1);
  const kernelMs = (FEW_STEPS * resolutionNs / 1e6).toFixed(1);
  return `The device's clock steps by ${stepUs} us: samples repeat their work until they last ${sampleMs} ms, with warm ` +
    `caches, and kernels of less than ${kernelMs} ms have no time of their own. In Chrome, turn on "WebGPU Developer ` +
    'Features" in chrome://flags for a finer clock.';
}
