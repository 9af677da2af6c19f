/** A device counts as fast if work takes at most so many times its shortest time so far. Less is noise. */
const NOISE = 1.05;

/** Longest wait for a device to become as fast as before, in milliseconds. After that, something else limits it. */
const MOST_PATIENCE_MS = 1000;

/** Least patience after a success, in milliseconds: about two pieces of work. */
const LEAST_PATIENCE_MS = 100;

/** Keeps a device busy until its clocks are up. */
export class WarmUp {
  #fastest = Infinity;
  #patienceMs = MOST_PATIENCE_MS;

  /**
   * Repeats work for at least `leastMs`, and until it is as fast as it has ever been. The best speed is never forgotten:
   * otherwise a device with its clocks down could pass as warm. But patience is limited. Each wait in vain halves it, and
   * each success doubles it.
   *
   * @param work Runs once, and returns the time that one unit of it took, in any unit.
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
