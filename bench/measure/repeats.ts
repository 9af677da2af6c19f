/** Most repeats where nothing else is asked for, and most bytes that all repeats together may hold. */
const MOST_REPEATS = 32;
const MOST_BYTES = 256 * 2 ** 20;

/**
 * How often to repeat work within one timing: so often that it lasts long enough, but not so often that what the repeats leave
 * takes much memory.
 *
 * @param options.leastNs Nanoseconds that one timing should last at least.
 * @param options.bytes Bytes that one repeat holds; 0 where what it leaves serves the next.
 * @param options.most Most repeats. Default: 32.
 * @param ns Nanoseconds that the work takes once; Infinity where that is not known.
 */
export function repeatsOf(
  ns: number,
  { leastNs, bytes, most = MOST_REPEATS }: { leastNs: number; bytes: number; most?: number },
): number {
  const wanted = Math.ceil(leastNs / Math.max(ns, 1));
  return Math.max(1, Math.min(wanted, most, Math.floor(MOST_BYTES / bytes)));
}
