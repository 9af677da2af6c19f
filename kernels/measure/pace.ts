/** Work after which the device rests, for half as long: in a longer rest than half a second its clocks would fall. */
const WORK_MS = 500;
const REST_SHARE = 0.5;
const MOST_REST_MS = 500;

/** Where {@linkcode Pace} gets its rests. */
export interface PaceOptions {
  sleep?(ms: number): Promise<void>;
}

/**
 * Lets a device rest a third of the time, so that what it draws stays below its limit of power. An H200 draws 720 to 770 W
 * at matrix products, of 700 that it may over some seconds: after 15 s without rests its clocks fell from 1980 to 1920 MHz,
 * by turns, and whatever was measured later, or longer, was slower than it is.
 */
export class Pace {
  readonly #sleep: (ms: number) => Promise<void>;
  #workedMs = 0;

  constructor({ sleep = (ms) => new Promise((done) => setTimeout(done, ms)) }: PaceOptions = {}) {
    this.#sleep = sleep;
  }

  /** To be told of work just done; rests where it is time, and tells whether it did. */
  async worked(ms: number): Promise<boolean> {
    this.#workedMs += ms;
    if (this.#workedMs < WORK_MS) return false;
    const restMs = Math.min(REST_SHARE * this.#workedMs, MOST_REST_MS);
    this.#workedMs = 0;
    await this.#sleep(restMs);
    return true;
  }
}

/** Items in pieces that last no longer than work between rests, or one item each. */
export function pieces<Item>(items: readonly Item[], msOf: (item: Item) => number): Item[][] {
  const result: Item[][] = [];
  let ms = Infinity;
  for (const item of items) {
    ms += msOf(item);
    if (ms > WORK_MS) {
      result.push([]);
      ms = msOf(item);
    }
    result.at(-1)!.push(item);
  }
  return result;
}
