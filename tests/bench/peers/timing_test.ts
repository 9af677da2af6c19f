import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Engine } from "../../../bench/peers/engine.ts";
import { enoughSamples, timeRuns, type TimingRule } from "../../../bench/peers/timing.ts";

const RULE: TimingRule = { samples: 7, timeNs: 0, warmUpMs: 0, mostRepeats: 1000 };

/** A device on a clock of its own: each run takes `runMs` when it is waited for, each wait `waitMs`. */
class FakeDevice implements Engine<{ done: boolean; discarded: boolean }> {
  ms = 0;
  runs = 0;
  live = 0;
  mostLive = 0;
  /** Runs that were discarded before they were waited for. */
  lost = 0;
  readonly #times: { readonly runMs: number; readonly waitMs: number };

  constructor(times: { runMs: number; waitMs: number }) {
    this.#times = times;
  }

  readonly now = () => this.ms;

  run() {
    this.runs++;
    this.mostLive = Math.max(this.mostLive, ++this.live);
    return { done: false, discarded: false };
  }

  finish(results: readonly { done: boolean }[]): Promise<void> {
    for (const result of results) {
      if (!result.done) this.ms += this.#times.runMs;
      result.done = true;
    }
    this.ms += this.#times.waitMs;
    return Promise.resolve();
  }

  read() {
    return Promise.resolve({ y: [] });
  }

  discard(result: { done: boolean }): void {
    if (!result.done) this.lost++;
    this.live--;
  }
}

Deno.test("a sample is the time of one run, without the wait", async () => {
  for (const runMs of [0.3, 4, 90]) {
    const device = new FakeDevice({ runMs, waitMs: 11 });
    const { wallNs } = await timeRuns(device, RULE, device.now);
    assertEquals(wallNs.length, 7);
    for (const ns of wallNs) assertAlmostEquals(ns, runMs * 1e6, 1);
  }
});

Deno.test("short runs are repeated until they last long beside a wait, long ones are not", async () => {
  const repeatsOf = async (runMs: number) => {
    const device = new FakeDevice({ runMs, waitMs: 10 });
    return (await timeRuns(device, RULE, device.now)).repeats;
  };
  assertEquals(await repeatsOf(1), 200);
  assertEquals(await repeatsOf(50), 4);
  assertEquals(await repeatsOf(500), 1);
});

Deno.test("no more runs are queued than allowed", async () => {
  const device = new FakeDevice({ runMs: 1, waitMs: 10 });
  const { repeats } = await timeRuns(device, { ...RULE, mostRepeats: 3 }, device.now);
  assertEquals([repeats, device.mostLive], [3, 3]);
});

Deno.test("no run is discarded before it is done, so that a lazy library leaves out nothing; all are in the end", async () => {
  const device = new FakeDevice({ runMs: 1, waitMs: 10 });
  await timeRuns(device, RULE, device.now);
  assertEquals([device.lost, device.live], [0, 0]);
  assert(device.runs >= 7 * 200);
});

Deno.test("the device is warmed up for as long as asked", async () => {
  const runsIn = async (warmUpMs: number) => {
    const device = new FakeDevice({ runMs: 100, waitMs: 10 });
    await timeRuns(device, { ...RULE, warmUpMs }, device.now);
    return device.runs;
  };
  assertEquals(await runsIn(1100) - await runsIn(0), 9);
});

Deno.test("samples are enough by count and time, by patience, or by their number", () => {
  const rule = { samples: 8, timeNs: 1e9 };
  const of = (n: number, ns: number) => new Array(n).fill(ns);
  assert(!enoughSamples(of(8, 1e8), rule, 1));
  assert(enoughSamples(of(8, 1e8), rule, 2));
  assert(!enoughSamples(of(7, 1e9), rule, 1));
  assert(enoughSamples(of(7, 2e9), rule, 1));
  assert(enoughSamples(of(1000, 1), rule, 1));
});

Deno.test("fewer samples than a comparison needs are enough only if they take a minute, and three at least", () => {
  for (const samples of [1, 5, 20]) {
    const enough = (n: number, seconds: number) =>
      enoughSamples(new Array(n).fill(1e9 * seconds / n), { samples, timeNs: 0 }, 1);
    assertEquals([enough(5, 59), enough(3, 61), enough(6, 59)], [false, true, true]);
    assertEquals(enough(2, 1000), samples === 1);
  }
});
