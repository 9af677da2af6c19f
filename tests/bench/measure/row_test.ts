import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import type { Ceilings } from "../../../bench/timing/ceilings.ts";
import { finishedRow, type ProfiledRow } from "../../../bench/measure/row.ts";
import { planRow } from "../../../bench/measure/row_plan.ts";
import type { Case } from "../../../bench/measure/execution.ts";
import type { ProblemSpec, RowSpec } from "../../../bench/measure/job.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { accepted, problemOf, variantOf } from "./problems.ts";

const CEILINGS: Ceilings = { fmaTflops: { float32: 50, float16: 100 }, copyGBps: 4000 };
const SCALE = {
  ceilings: CEILINGS,
  resolutionNs: 32,
  compileTimes: new Map([["a", 30], ["b", 20], ["c", 5]]),
  webgpu: "native" as const,
  seed: 1,
};

function workOf(
  problem: ProblemSpec,
  mode: RowSpec["mode"],
  changes: Partial<ProfiledRow> = {},
): ProfiledRow {
  const plan = accepted(planRow({ variant: variantOf("liger"), problem, mode }, CAPABILITIES));
  const memory = {
    peakBytes: plan.peakBytes,
    savedBytes: 8,
    workspaceBytes: 4,
    reservedBytes: plan.peakBytes,
  };
  return {
    spec: { variant: "liger", mode },
    problem,
    plan,
    run: {} as Case, // a finished row runs nothing
    checked: {
      errors: { y: 1e-7, dx: 2e-7, dGate: 3e-7, dUp: 4e-7, dDown: 5e-7 },
      sampled: true,
      gap: null,
      fault: null,
      memory,
      backwardMemory: { ...memory, savedBytes: 7 },
      kernels: new Set(["a", "c"]),
      runMs: 11,
    },
    aboutNs: 1e6,
    repeats: 1,
    launchNs: [1, 9, 2].map((ns) => plan.dispatches.map((_, i) => 1000 * ns * (i + 1))),
    wallNs: [3e6, 3e6],
    ...changes,
  };
}

const LARGE = problemOf(4096, 4096, 11008);
/** 6TDH FLOP at 50 TFLOP/s. */
const LEAST_NS = 6 * 4096 * 4096 * 11008 / 50e3;

Deno.test("rate and fraction follow from the median of the device's times", () => {
  const row = finishedRow(workOf(LARGE, "forward"), [2 * LEAST_NS, 2 * LEAST_NS, 9 * LEAST_NS], SCALE);
  assertAlmostEquals(row.tflops!, 25, 1e-9);
  assertEquals([row.bound, row.status, row.tile !== null, row.sampled], ["flops", "ok", true, true]);
  assertAlmostEquals(row.fractionOfCeiling!, 0.5, 1e-9);
  assertEquals([row.timing!.gpuNs!.n, row.timing!.wallNs!.n], [3, 2]);
});

Deno.test("without the device's times the wall clock stands in, and kernels have none", () => {
  const row = finishedRow(workOf(LARGE, "forward", { launchNs: [], wallNs: [4 * LEAST_NS] }), [], SCALE);
  assertAlmostEquals(row.tflops!, 12.5, 1e-9);
  assertEquals(row.timing!.gpuNs, null);
  assert(row.kernels.every(({ gpuNs, fractionOfCeiling }) => gpuNs === null && fractionOfCeiling === null));
});

Deno.test("the remedies of a browser's row name no flag", () => {
  const remedies = (webgpu: "native" | "browser") =>
    finishedRow(workOf(LARGE, "forward"), [1e6, 1e6, 2e6], { ...SCALE, webgpu }).warnings.join(" ");
  assert(remedies("native").includes("--samples"));
  assertEquals(remedies("browser").match(/--/), null);
});

Deno.test("launches that last few steps of a coarse clock have no time, and then their sum casts no doubt", () => {
  const work = workOf(LARGE, "forward");
  const times = work.plan.dispatches.map((_, i) => 2000 * (i + 1)); // medians
  assertGreater(times.length, 1);
  const row = finishedRow(work, [1e6, 1e6, 1e6], { ...SCALE, resolutionNs: 150 });
  assertEquals(row.kernels.map(({ gpuNs }) => gpuNs), times.map((ns) => ns < 20 * 150 ? null : ns));
  assertEquals(row.kernels[0].fractionOfCeiling, null);
  const doubts = (resolutionNs: number) =>
    finishedRow(work, Array(6).fill(1e6), { ...SCALE, resolutionNs }).warnings;
  assertEquals([32, 150].map((ns) => doubts(ns).some((doubt) => doubt.startsWith("The kernels"))), [
    true,
    false,
  ]);
});

Deno.test("few tokens are bound by traffic: the weights are read once", () => {
  const row = finishedRow(workOf(problemOf(1, 4096, 11008), "forward"), [1e6], SCALE);
  assertEquals(row.bound, "bytes");
  assertEquals(row.bytes, 4 * (2 * 4096 + 3 * 4096 * 11008));
  assertAlmostEquals(row.fractionOfCeiling!, row.bytes! / 4000 / 1e6, 1e-9);
});

Deno.test("only float16 with float16 sums may come near float16's own ceiling", () => {
  const fractionOf = (problem: ProblemSpec) =>
    finishedRow(workOf(problem, "forward"), [LEAST_NS], SCALE).fractionOfCeiling!;
  const half: ProblemSpec = { ...LARGE, dtype: "float16" };
  assertAlmostEquals(fractionOf(half), 1, 1e-9);
  assertAlmostEquals(fractionOf({ ...half, precision: "float16-sums" }), 0.5, 1e-9);
  assertAlmostEquals(fractionOf({ ...LARGE, precision: "float16-sums" }), 1, 1e-9);
});

Deno.test("a rate above the ceiling is kept, and doubted", () => {
  const row = finishedRow(workOf(LARGE, "forward"), [LEAST_NS / 2], SCALE);
  assertAlmostEquals(row.fractionOfCeiling!, 2, 1e-9);
  assert(row.warnings.some((warning) => warning.includes("above the ceiling")));
});

Deno.test("first use counts the compilation of its own kernels and its own run", () => {
  const row = finishedRow(workOf(LARGE, "full"), [1e9], SCALE);
  assertEquals([row.compileMs, row.coldMs], [35, 46]);
});

Deno.test("backward makes no y, and has the memory of backward alone", () => {
  const backward = finishedRow(workOf(LARGE, "backward"), [1e9], SCALE);
  assertEquals([backward.accuracy!.y, backward.accuracy!.dx, backward.memory!.savedBytes], [null, 2e-7, 7]);
  const full = finishedRow(workOf(LARGE, "full"), [1e9], SCALE);
  assertEquals([full.accuracy!.y, full.memory!.savedBytes], [1e-7, 8]);
});

Deno.test("a peak other than the planned one is doubted", () => {
  const work = workOf(LARGE, "full");
  const checked = { ...work.checked, memory: { ...work.checked.memory, peakBytes: 1 } };
  assert(
    finishedRow({ ...work, checked }, [1e9], SCALE).warnings.some((warning) =>
      warning.includes("the plan's")
    ),
  );
  assert(!finishedRow(work, [1e9], SCALE).warnings.some((warning) => warning.includes("the plan's")));
});

Deno.test("each launch stands under the roof by itself", () => {
  const { kernels } = finishedRow(workOf(LARGE, "backward"), [1e9], SCALE);
  assertEquals(kernels.map(({ gpuNs }) => gpuNs), kernels.map((_, i) => 2000 * (i + 1)), "medians");
  assert(kernels.some(({ bound }) => bound === "flops") && kernels.some(({ bound }) => bound === "bytes"));
});
