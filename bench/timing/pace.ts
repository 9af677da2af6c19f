/** After so much work the device rests for half as long, but half a second at most: in a longer rest its clocks fall. */
const WORK_MS = 500;
const REST_SHARE = 0.5;
const MOST_REST_MS = 500;

/** Where {@linkcode Pace} gets its rests. */
export interface PaceOptions {
  sleep?(ms: number): Promise<void>;
}

/**
 * Lets a device rest a third of the time, which keeps its power below its limit. Matrix products draw 720 to 770 W on an
 * H200, whose limit, averaged over some seconds, is 700 W: after 15 s without rests its clocks fell from 1980 to 1920 MHz
 * now and then, and rows that were measured later, or for longer, looked slower than they are.
 */
export class Pace {
  readonly #sleep: (ms: number) => Promise<void>;
  #workedMs = 0;

  constructor({ sleep = (ms) => new Promise((done) => setTimeout(done, ms)) }: PaceOptions = {}) {
    this.#sleep = sleep;
  }

  /** Takes note of work just done and rests if it is time to. @returns Whether it rested. */
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
