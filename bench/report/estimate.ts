/**
 * How long a run will still take.
 *
 * @module
 */

/** Before so much of a run is done, the time that is left would be a guess, so none is shown. */
const KNOWN_FRACTION = 0.02;
const KNOWN_MS = 2000;

/** `8 s`, `3 min`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How far a run is, and when it will end by what is known so far. */
export class Estimate {
  readonly #now: () => number;
  readonly #start: number;
  #fraction = 0;
  /** When the rest will be done, as foretold when the fraction grew last; null before it is known. */
  #end: number | null = null;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  /**
   * Takes how far the run is, from 0 to 1. The end is foretold only when that grows. In between the time that is left
   * becomes less, never more.
   */
  advance(fraction: number): void {
    if (fraction <= this.#fraction) return;
    this.#fraction = fraction;
    const now = this.#now();
    const elapsed = now - this.#start;
    const known = fraction >= KNOWN_FRACTION && elapsed >= KNOWN_MS;
    this.#end = known ? now + elapsed / fraction * (1 - fraction) : null;
  }

  /** `  5 %, about 8 s left`. */
  get text(): string {
    const percent = `${Math.floor(100 * this.#fraction)} %`.padStart(5);
    const left = this.#end === null ? 0 : this.#end - this.#now();
    return left > 0 ? `${percent}, about ${formatDuration(left)} left` : percent;
  }
}
