import { assert, assertEquals, assertMatch } from "@std/assert";
import { doubtsOf, type Evidence } from "../../../bench/timing/doubts.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import { summarize } from "../../../bench/timing/statistics.ts";

/** Nothing to doubt: 60 samples of 1 ms, spread by 1 %. */
function quiet(change: (ns: number, i: number) => number = (ns) => ns): Evidence {
  const random = seededRandom(1);
  const samples = Array.from({ length: 60 }, (_, i) => change(1e6 * (0.99 + 0.02 * random()), i));
  return {
    time: summarize(samples),
    launchesNs: null,
    resolutionNs: 32,
    repeats: 1,
    coldMs: 300,
    fraction: 0.7,
    adjustable: true,
  };
}

function doubts(evidence: Evidence): string[] {
  const found = doubtsOf(evidence);
  for (const doubt of found) assert(/: .+\.$/.test(doubt), `no remedy in ${doubt}`);
  return found.map((doubt) => doubt.split(/[:,]/)[0]);
}

Deno.test("a quiet row raises no doubt", () => {
  assertEquals(doubts(quiet()), []);
  assertEquals(doubts({ ...quiet(), time: null, resolutionNs: null, fraction: null }), []);
});

Deno.test("noise, outliers, drift, a coarse timer, a slow start and an impossible rate are each seen", () => {
  const random = seededRandom(2);
  assertEquals(doubts(quiet((ns) => ns * (1 + 0.3 * random()))), ["The samples spread by more than 5 %"]);
  assertEquals(doubts(quiet((ns, i) => i % 12 === 0 ? 1.1 * ns : ns)), [
    "More than 5 % of the samples are outliers",
  ]);
  assertEquals(doubts(quiet((ns, i) => ns * (1 + i / 600))), ["The samples drift while the row is measured"]);
  assertEquals(doubts({ ...quiet(), resolutionNs: 1e5 }), ["The timer is too coarse for a row so short"]);
  assertEquals(doubts({ ...quiet(), coldMs: 2500 }), ["The first use takes over 2 s"]);
  assertEquals(doubts({ ...quiet(), fraction: 1.2 }), ["The rate is above the ceiling"]);
  assertEquals(doubts({ ...quiet(), repeats: 8 }), ["One run is too short to time"]);
});

Deno.test("too few samples to rank a row are doubted", () => {
  const few = (n: number) => ({ ...quiet(), time: summarize(quiet().time!.samples.slice(0, n)) });
  assertEquals(doubts(few(5)), ["Fewer than 6 samples cannot rank a row"]);
  assertEquals(doubts(few(6)), []);
});

Deno.test("a remedy names a flag only where there are flags", () => {
  const random = seededRandom(4);
  const noisy = quiet((ns) => ns * (1 + 0.3 * random()));
  const few = { ...quiet(), time: summarize(quiet().time!.samples.slice(0, 5)) };
  for (const evidence of [noisy, few]) {
    assertMatch(doubtsOf(evidence).join(), /--min-time/);
    const [doubt] = doubtsOf({ ...evidence, adjustable: false });
    assert(!doubt.includes("--"), doubt);
    assertMatch(doubt, /: .+\.$/);
  }
});

Deno.test("kernels that add up to another time than their row are doubted, unless the row itself is noisy", () => {
  const doubted = "The kernels timed alone differ from the row by more than 20 % in sum";
  assertEquals(doubts({ ...quiet(), launchesNs: 1.27e6 }), [doubted]);
  assertEquals(doubts({ ...quiet(), launchesNs: 0.7e6 }), [doubted]);
  assertEquals(doubts({ ...quiet(), launchesNs: 1.1e6 }), []);
  const random = seededRandom(3);
  const noisy = quiet((ns) => ns * (1 + 0.3 * random()));
  assert(!doubts({ ...noisy, launchesNs: 2e6 }).includes(doubted));
});

Deno.test("repeats within a timing make a coarse timer good enough", () => {
  const coarse = { ...quiet(), resolutionNs: 1e5 };
  assertEquals(
    doubts({ ...coarse, repeats: 3 }).includes("The timer is too coarse for a row so short"),
    false,
  );
});

Deno.test("few samples raise no doubt about outliers or drift", () => {
  const time = summarize([1e6, 1.01e6, 1.02e6, 1e6, 1.01e6, 1e6]);
  assertEquals(doubts({ ...quiet(), time }), []);
});
