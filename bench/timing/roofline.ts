/** The ceiling that limits a rate: arithmetic or memory traffic. */
export type Bound = "flops" | "bytes";

/** The most that a device can do, as measured. */
export interface Roof {
  /** Fused multiply-adds, in FLOP per nanosecond. Null where not measured. */
  readonly flopsPerNs: number | null;
  /** Copy on the device, in bytes read plus bytes written per nanosecond. Null where not measured. */
  readonly bytesPerNs: number | null;
}

/** Work and the time that it took. */
export interface TimedWork {
  readonly flops: number;
  readonly bytes: number;
  readonly ns: number;
}

/** Where work stands under the roof. */
export interface RoofStanding {
  readonly bound: Bound | null;
  /** The least time that the binding ceiling allows, over the time taken. Null where no ceiling is known. */
  readonly fraction: number | null;
}

/**
 * Finds the ceiling that binds some work, and how close to it the work came. The time is at least FLOPs over the arithmetic
 * ceiling, and at least bytes over the bandwidth.
 *
 * Source: S. Williams, A. Waterman, D. Patterson, "Roofline" (2009).
 */
export function standing({ flops, bytes, ns }: TimedWork, { flopsPerNs, bytesPerNs }: Roof): RoofStanding {
  const arithmeticNs = flopsPerNs === null ? 0 : flops / flopsPerNs;
  const trafficNs = bytesPerNs === null ? 0 : bytes / bytesPerNs;
  const leastNs = Math.max(arithmeticNs, trafficNs);
  if (leastNs === 0 || ns <= 0) return { bound: null, fraction: null };
  return { bound: arithmeticNs >= trafficNs ? "flops" : "bytes", fraction: leastNs / ns };
}
