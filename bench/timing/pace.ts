/** After so much work the device rests for half as long, at most for half a second. Its clocks fall in a longer rest. */
const WORK_MS = 500;
const REST_SHARE = 0.5;
const MOST_REST_MS = 500;

/** What tests replace: how {@linkcode Pace} waits. */
export interface PaceOptions {
  sleep?(ms: number): Promise<void>;
}

/**
 * Lets a device rest a third of the time, which keeps its power below its limit. Without rests its clocks would fall, and
 * rows that are measured later or for longer would look slower than they are. (On an H200, matrix products draw 720 to
 * 770 W. Its limit, averaged over some seconds, is 700 W. After 15 s its clocks fell from 1980 to 1920 MHz now and then.)
 */
export class Pace {
  readonly #sleep: (ms: number) => Promise<void>;
  #workedMs = 0;

  constructor({ sleep = (ms) => new Promise((done) => setTimeout(done, ms)) }: PaceOptions = {}) {
    this.#sleep = sleep;
  }

  /** Takes note of work that was done, and rests if it is time. @returns Whether it rested. */
  async worked(ms: number): Promise<boolean> {
    this.#workedMs += ms;
    if (this.#workedMs < WORK_MS) return false;
    const restMs = Math.min(REST_SHARE * this.#workedMs, MOST_REST_MS);
    this.#workedMs = 0;
    await this.#sleep(restMs);
    return true;
  }
}

/** Divides items into pieces. Each lasts no longer than the work between two rests, or is a single item. */
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
