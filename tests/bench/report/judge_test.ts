import { assert, assertEquals, assertMatch } from "@std/assert";
import { blindSpots, compareReports, regressions } from "../../../bench/report/compare.ts";
import type { Report, Row } from "../../../bench/report/schema.ts";
import { type Load, simulatedRun } from "./simulation.ts";

/** Loads of a machine at rest, of one whose clocks wander, of one that is slower in one run, and of a busy one. */
const LOADS = {
  quiet: { noise: 0.01, waves: 0.002, drift: 0.002, level: 0.005 },
  drifting: { noise: 0.02, waves: 0.03, drift: 0.05, level: 0.03 },
  shifted: { noise: 0.01, waves: 0.005, drift: 0.005, level: 0.1 },
  busy: { noise: 0.05, waves: 0.15, drift: 0.1, level: 0.15 },
} as const satisfies Record<string, Load>;

/** Pairs of runs for each load: at a true rate of 2 % fewer than 5 alarms in 500 come once in 30 times. */
const PAIRS = 500;

/** An earlier run, and a later one in which some rows may be slower. */
function runs(
  load: Load,
  { pair, samples = 20, count = 16, slower }: {
    pair: number;
    samples?: number;
    /** Rows of both reports. */
    count?: number;
    slower?: (row: Row) => number;
  },
) {
  const few = (report: Report) => ({ ...report, rows: report.rows.slice(0, count) });
  return compareReports(
    few(simulatedRun(load, { seed: 2 * pair, samples })),
    few(simulatedRun(load, { seed: 2 * pair + 1, samples, slower })),
  );
}

const namesOf = (rows: { after: Row }[]) => [...new Set(rows.map(({ after }) => after.variant))];

for (const [name, load] of Object.entries(LOADS)) {
  Deno.test(`of ${PAIRS} pairs of runs of one program on a ${name} machine, less than 1 % show a regression`, () => {
    let alarms = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      // At 0 % each row that is called slower counts.
      const comparison = runs(load, { pair, samples: pair % 2 ? 20 : 40, count: 1 + pair % 16 });
      if (regressions(comparison, 0).length > 0) alarms++;
    }
    assert(alarms < 0.01 * PAIRS, `${alarms} of ${PAIRS}`);
  });
}

Deno.test("a variant slower by a tenth is found on a quiet machine, and no other is blamed", () => {
  const slower = ({ variant }: Row) => variant === "tuned" ? 1.1 : 1;
  for (let pair = 0; pair < 50; pair++) {
    const comparison = runs(LOADS.quiet, { pair, slower });
    assertEquals(namesOf(regressions(comparison, 5)), ["tuned"]);
    assertEquals(regressions(comparison, 5).length, 2, "forward and full");
  }
});

Deno.test("a row slower by a tenth is found among few rows, and is in doubt where there is none beside it", () => {
  const slower = ({ variant, mode }: Row) => variant === "alphafold3" && mode === "forward" ? 1.1 : 1;
  for (let pair = 0; pair < 50; pair++) {
    for (const count of [2, 3, 5, 8]) {
      assertEquals(namesOf(regressions(runs(LOADS.quiet, { pair, count, slower }), 5)), ["alphafold3"]);
    }
    const alone = runs(LOADS.quiet, { pair, count: 1, slower: () => 1.1 });
    assertEquals(alone.pairs.map(({ verdict }) => verdict), ["in doubt"]);
    assertEquals(blindSpots(alone, 5).length, 1);
  }
});

Deno.test("on a machine that disturbs it, a slower variant is found or the gate is inconclusive", () => {
  const slower = ({ variant }: Row) => variant === "tuned" ? 1.25 : 1;
  let missed = 0;
  for (let pair = 0; pair < 100; pair++) {
    const comparison = runs(LOADS.drifting, { pair, slower });
    if (regressions(comparison, 5).length + blindSpots(comparison, 5).length === 0) missed++;
  }
  assertEquals(missed, 0);
});

Deno.test("where all rows are slower alike, the machine may be why: in doubt, and no pass", () => {
  for (let pair = 0; pair < 50; pair++) {
    const comparison = runs(LOADS.quiet, { pair, slower: () => 1.1 });
    assertEquals(regressions(comparison, 0), []);
    assert(comparison.pairs.filter(({ verdict }) => verdict === "in doubt").length >= 12);
    assertMatch(blindSpots(comparison, 5).join(), /rows slower by more than 5 % without standing out/);
  }
});

Deno.test("where the ceilings fell as much as all rows, the machine is why", () => {
  const level = { noise: 0.002, waves: 0, drift: 0, level: 0.1 };
  const before = simulatedRun({ ...level, level: 0 }, { seed: 1, samples: 20 });
  const after = simulatedRun({ ...level, level: 0 }, { seed: 2, samples: 20, slower: () => 1.1 });
  const { fmaTflops: { float32 }, copyGBps } = after.ceilings;
  const fallen = {
    ...after,
    ceilings: { fmaTflops: { float32: float32! / 1.1 }, copyGBps: copyGBps! / 1.1 },
  };
  const comparison = compareReports(before, fallen);
  assertEquals(new Set(comparison.pairs.map(({ verdict }) => verdict)), new Set(["machine"]));
  assertEquals(blindSpots(comparison, 5), []);
});
