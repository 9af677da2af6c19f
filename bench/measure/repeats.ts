/** Repeats at most, and the bytes that they may hold together. */
const MOST_REPEATS = 32;
const MOST_BYTES = 256 * 2 ** 20;

/**
 * How often to repeat work within one timing, so that it lasts long enough and its repeats together hold few bytes.
 *
 * @param ns Nanoseconds that the work takes once; Infinity where that is not known.
 */
export function repeatsOf(ns: number, { leastNs, bytes }: { leastNs: number; bytes: number }): number {
  const wanted = Math.ceil(leastNs / Math.max(ns, 1));
  return Math.max(1, Math.min(wanted, MOST_REPEATS, Math.floor(MOST_BYTES / bytes)));
}
