import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import type { Errors, ProblemSpec } from "../../../bench/measure/job.ts";
import type { Peer, PeerFigures } from "../../../bench/peers/peer.ts";
import { measuredRow, type PeerEvidence } from "../../../bench/peers/row.ts";
import { flopsOf } from "../../../bench/measure/shapes.ts";
import { fakePeer } from "./fixture.ts";

const LARGE: ProblemSpec = {
  tokens: 4096,
  dim: 4096,
  hiddenDim: 11008,
  dtype: "float32",
  precision: "default",
  activation: "silu",
};
const CEILINGS = { fmaTflops: { float32: 66, float16: 67 }, copyGBps: 4000 };

/** Errors of all outputs. */
function errors(error: number): Errors {
  return { y: error, dx: error, dGate: error, dUp: error, dDown: error };
}

/** The row of full at a rate. */
function rowAt(tflops: number, about: {
  peer?: Partial<Peer>;
  problem?: Partial<ProblemSpec>;
  tensorTflops?: number | null;
  errors?: Errors;
  measured?: Partial<PeerFigures>;
} = {}) {
  const problem = { ...LARGE, ...about.problem };
  const ns = flopsOf(problem, "full") / tflops / 1e3;
  const evidence: PeerEvidence = {
    problem,
    mode: "full",
    ready: { type: "ready", implementation: "fake 1.0", tensorTflops: about.tensorTflops ?? null },
    measured: {
      gpuNs: null,
      wallNs: Array(6).fill(ns),
      repeats: 1,
      coldMs: 1,
      peakBytes: 1,
      savedBytes: 1,
      ...about.measured,
    },
    errors: about.errors ?? errors(1e-7),
    sampled: false,
    ceilings: CEILINGS,
    seed: 0,
  };
  return measuredRow(fakePeer("good", about.peer), evidence);
}

Deno.test("a peer's rate stands under the ceiling of the run", () => {
  const row = rowAt(33);
  assertEquals([row.status, row.bound], ["ok", "flops"]);
  assertAlmostEquals(row.tflops!, 33, 1e-9);
  assertAlmostEquals(row.fractionOfCeiling!, 0.5, 1e-9);
  assertEquals(row.warnings, []);
});

Deno.test("a rate above the ceiling is not believed, and a rate at it is flagged", () => {
  const row = rowAt(170);
  assertEquals([row.status, row.timing, row.tflops], ["skipped", null, null]);
  assertEquals(
    row.reason,
    "its rate of 170 TFLOP/s is above the ceiling of 66.0: its clock stopped before its work was done",
  );
  const close = rowAt(68);
  assertEquals(close.status, "ok");
  assertMatch(close.warnings!.join(), /above the ceiling/);
});

Deno.test("traffic above the copy's is flagged: caches may hold what short runs read again", () => {
  const row = rowAt(4, { problem: { tokens: 1 } });
  assertEquals([row.status, row.bound], ["ok", "bytes"]);
  assert(row.fractionOfCeiling! > 1);
  assertMatch(row.warnings!.join(), /above the ceiling/);
});

Deno.test("tensor cores are held against their own ceiling, and the row says so", () => {
  const row = rowAt(650, { tensorTflops: 780, problem: { dtype: "float16" }, errors: errors(1e-3) });
  assertEquals([row.status, row.fractionOfCeiling, row.bound], ["ok", null, null]);
  assertMatch(row.warnings!.join(), /tensor cores.* 780 TFLOP\/s/);
  const absurd = rowAt(1200, { tensorTflops: 780, problem: { dtype: "float16" }, errors: errors(1e-3) });
  assertMatch(absurd.reason!, /1\.20e\+3 TFLOP\/s is above the ceiling of 780/);
});

Deno.test("an error that float32 does not allow is allowed where a peer rounds operands, and no more", () => {
  assertMatch(rowAt(33, { errors: errors(3e-4) }).reason!, /^y misses/);
  const narrow = rowAt(33, { errors: errors(3e-4), peer: { tf32: true } });
  assertEquals([narrow.status, narrow.narrow, rowAt(33).narrow], ["ok", true, false]);
  assertMatch(rowAt(33, { errors: errors(3e-2), peer: { tf32: true } }).reason!, /^y misses/);
});

Deno.test("a peer that rounds to TF32 is ranked where TF32 was asked for", () => {
  for (const precision of ["tf32", "fastest"] as const) {
    const row = rowAt(33, { problem: { precision }, errors: errors(3e-4), peer: { tf32: true } });
    assertEquals([row.status, row.narrow], ["ok", false]);
    assertMatch(
      rowAt(33, { problem: { precision }, errors: errors(3e-2), peer: { tf32: true } }).reason!,
      /^y misses/,
    );
  }
});

Deno.test("sums in float16 are checked as the precision that allows them", () => {
  const problem = { dtype: "float16" } as const;
  assertMatch(rowAt(5, { problem, errors: errors(5e-3) }).reason!, /^y misses/);
  assertEquals(rowAt(5, { problem, errors: errors(5e-3), peer: { narrowSums: true } }).status, "ok");
  assertMatch(rowAt(5, { errors: errors(5e-3), peer: { narrowSums: true } }).reason!, /^y misses/);
});

Deno.test("the device's own clock counts where a peer has one", () => {
  const ns = flopsOf(LARGE, "full") / 20 / 1e3;
  const row = rowAt(10, { measured: { gpuNs: [ns, ns] } });
  assertAlmostEquals(row.tflops!, 20, 1e-9);
  assertEquals([row.timing!.gpuNs!.n, row.timing!.wallNs!.n], [2, 6]);
});

Deno.test("memory that is not known is null, not 0", () => {
  assertEquals(rowAt(10, { measured: { peakBytes: null } }).memory, null);
  assertEquals(rowAt(10, { measured: { savedBytes: null } }).memory!.savedBytes, null);
});

Deno.test("times that are no times are not believed", () => {
  for (const wallNs of [[], [0], [NaN], [Infinity], [-1]]) {
    assertMatch(rowAt(10, { measured: { wallNs } }).reason!, /no times above 0/, String(wallNs));
  }
  assertMatch(rowAt(10, { measured: { gpuNs: [] } }).reason!, /no times above 0/);
});
