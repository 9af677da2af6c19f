/** A device counts as fast while work takes at most so many times its shortest time so far: the rest is noise. */
const NOISE = 1.05;

/** Longest wait for a device to become as fast as before, in milliseconds: by then something else limits it. */
const PATIENCE_MS = 1000;

/** Work that goes on until a device's clocks are up. */
export class WarmUp {
  #fastest = Infinity;

  /**
   * Repeats work for at least `leastMs`, and until it is as fast as it has ever been. A speed that it no longer reaches
   * is forgotten.
   *
   * @param work Gives what one unit of it took, in any unit of time.
   */
  async run(
    work: () => Promise<number>,
    { leastMs, now = () => performance.now() }: { leastMs: number; now?: () => number },
  ): Promise<void> {
    const start = now();
    let fastest = Infinity;
    for (;;) {
      const took = await work();
      fastest = Math.min(fastest, took);
      const spentMs = now() - start;
      const patient = spentMs < leastMs + PATIENCE_MS;
      if (spentMs < leastMs || took > NOISE * Math.min(fastest, this.#fastest) && patient) continue;
      this.#fastest = patient ? Math.min(fastest, this.#fastest) : fastest;
      return;
    }
  }
}
