/** A device counts as fast while work takes at most so many times its shortest time so far: the rest is noise. */
const NOISE = 1.05;

/** Longest wait for a device to become as fast as before, in milliseconds: by then something else limits it. */
const MOST_PATIENCE_MS = 1000;

/** From here patience grows again: two pieces of work. */
const LEAST_PATIENCE_MS = 100;

/** Work that goes on until a device's clocks are up. */
export class WarmUp {
  #fastest = Infinity;
  #patienceMs = MOST_PATIENCE_MS;

  /**
   * Repeats work for at least `leastMs`, and until it is as fast as it has ever been. That speed is never forgotten, or a
   * device that something slowed once would pass as warm with its clocks down; but each wait in vain makes the next one
   * half as long, and each success twice.
   *
   * @param work Gives what one unit of it took, in any unit of time.
   */
  async run(
    work: () => Promise<number>,
    { leastMs, now = () => performance.now() }: { leastMs: number; now?: () => number },
  ): Promise<void> {
    const start = now();
    for (;;) {
      const took = await work();
      this.#fastest = Math.min(this.#fastest, took);
      const spentMs = now() - start;
      if (spentMs < leastMs) continue;
      const fast = took <= NOISE * this.#fastest;
      if (!fast && spentMs < leastMs + this.#patienceMs) continue;
      this.#patienceMs = fast
        ? Math.min(Math.max(2 * this.#patienceMs, LEAST_PATIENCE_MS), MOST_PATIENCE_MS)
        : this.#patienceMs / 2;
      return;
    }
  }
}
