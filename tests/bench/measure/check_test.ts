import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { type CheckedRun, checkRun } from "../../../bench/measure/check.ts";
import { withErrorScopes } from "../../../bench/measure/scopes.ts";
import { DeviceInputs } from "../../../bench/measure/inputs.ts";
import type { ProblemSpec } from "../../../bench/measure/job.ts";
import { planRow } from "../../../bench/measure/row_plan.ts";
import { referenceOf } from "../../../bench/measure/reference.ts";
import { faultOf, tolerancesOf } from "../../../bench/measure/tolerance.ts";
import { variants } from "../../../variants/mod.ts";
import type { Variant } from "../../../variants/variant.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { accepted, altered, problemOf, skipping } from "./problems.ts";

const gpu = await requestGpu();

async function checked(
  variant: Variant,
  problem: ProblemSpec,
  { training = true, wholeUpTo }: { training?: boolean; wholeUpTo?: number } = {},
): Promise<CheckedRun> {
  const host = randomInputs(problem, 1);
  const reference = referenceOf(problem, host, { seed: 1, wholeUpTo });
  using inputs = new DeviceInputs(gpu, problem, host);
  const run = { variant, problem, inputs: inputs.for(variant), dy: inputs.dy };
  return await checkRun(gpu, run, { training, reference, compileTimes: new Map() });
}

for (const variant of variants) {
  Deno.test(`${variant.id} passes, whole and sampled, and its memory is as planned`, async () => {
    const problem = problemOf(33, 20, 41);
    for (const wholeUpTo of [undefined, 0]) {
      const { errors, fault } = await checked(variant, problem, { wholeUpTo });
      assertEquals(fault, null);
      for (const [name, error] of Object.entries(errors)) {
        assert(error! > 0 && error! < 1e-5, `${name}: ${error}`);
      }
    }
    const forward = await checked(variant, problem, { training: false });
    const training = await checked(variant, problem);
    assertEquals([forward.errors.dx, forward.memory.savedBytes], [null, 0]);
    for (
      const [mode, measured] of [
        ["forward", forward.memory],
        ["backward", training.backwardMemory],
        ["full", training.memory],
      ] as const
    ) {
      const plan = accepted(planRow({ variant, problem, mode }, gpu.capabilities));
      assertEquals(measured.peakBytes, plan.peakBytes, `${variant.id} ${mode}`);
      assert(measured.reservedBytes >= measured.peakBytes);
    }
  });
}

for (const dtype of ["float16", "bfloat16"] as const) {
  Deno.test(`${dtype} passes within its own tolerance, which float32's would not allow`, async () => {
    const problem = problemOf(16, 32, 64, dtype);
    const { errors, fault } = await checked(variants[0], problem);
    assertEquals(fault, null);
    assert(errors.y! > tolerancesOf(problemOf(16, 32, 64)).y);
  });
}

Deno.test("a launch that is left out leaves poison, and the check sees it", async () => {
  const y = await checked(skipping("no y", "y"), problemOf(8, 8, 8));
  assertStringIncludes(y.fault!, "y misses the float64 oracle: relative error Infinity");
  const dDown = await checked(skipping("no dDown", "dDown"), problemOf(8, 8, 8));
  assertStringIncludes(dDown.fault!, "dDown misses");
  assertEquals(dDown.errors.dDown, Infinity);
  assert(dDown.errors.dx! < 1e-5);
});

Deno.test("a sampled check sees a wrong last token and a wrong last unit", async () => {
  // A quarter of the workgroups is left out: the last tiles are never written.
  const cut = (label: string) =>
    altered(`cut ${label}`, (recorder) =>
      new ObservedRecorder(recorder, {
        launch: (dispatch, record) => {
          if (dispatch.kernel.label !== label) return record();
          const [x, y, z] = dispatch.workgroups;
          recorder.dispatch({ ...dispatch, workgroups: [Math.max(1, Math.floor(0.75 * x)), y, z] });
        },
      }));
  const problem = problemOf(160, 160, 160);
  for (const label of ["y", "dx", "dDown"]) {
    const { fault, errors } = await checked(cut(label), problem, { wholeUpTo: 0 });
    assert(fault !== null, `${label} passes with errors ${JSON.stringify(errors)}`);
  }
});

Deno.test("the fault names the output, its error and what is allowed", () => {
  const errors = { y: 1e-7, dx: 2e-4, dGate: 0, dUp: 0, dDown: 0 };
  assertEquals(
    faultOf(errors, problemOf(4, 4, 4)),
    "dx misses the float64 oracle: relative error 2.0e-4, allowed are 1.0e-5",
  );
  assertEquals(faultOf({ ...errors, dx: null }, problemOf(4, 4, 4)), null);
  assert(faultOf({ ...errors, dx: NaN }, problemOf(4, 4, 4)) !== null, "NaN passes");
});

Deno.test("tolerances follow the arithmetic: wider for narrow storage and for very long sums, in the mode that has them", () => {
  const f32 = tolerancesOf(problemOf(4096, 4096, 11008));
  assertEquals(f32, { y: 5e-6, gradients: 1e-5 });
  const long = tolerancesOf(problemOf(262144, 128, 512));
  assertEquals(long, { y: 5e-6, gradients: 4e-5 });
  assert(tolerancesOf(problemOf(4, 4, 4, "bfloat16")).y > tolerancesOf(problemOf(4, 4, 4, "float16")).y);
  const half = tolerancesOf({ ...problemOf(4, 4, 4, "float16"), precision: "float16-sums" });
  assert(half.y > tolerancesOf(problemOf(4, 4, 4, "float16")).y);
});

Deno.test("a variant that throws in the middle leaves nothing allocated", async () => {
  const live = gpu.memory.ledger.liveBytes - gpu.memory.ledger.live("internal");
  let launches = 0;
  const throwing = altered("throwing", (recorder) =>
    new ObservedRecorder(recorder, {
      launch: (_, record) => {
        if (++launches === 3) throw new Error("launch 3 fails");
        record();
      },
    }));
  await assertRejects(() => checked(throwing, problemOf(8, 8, 8)), Error, "launch 3 fails");
  assertEquals(gpu.memory.ledger.liveBytes - gpu.memory.ledger.live("internal"), live);
});

Deno.test("an allocation that the device refuses is out of memory, stated with the bytes that are live", async () => {
  const error = await assertRejects(
    () => withErrorScopes(gpu, () => gpu.memory.acquire(2 ** 40, { purpose: "workspace", label: "much" })),
    OutOfMemoryError,
  );
  assertStringIncludes(error.message, String(2 ** 40));
  assertStringIncludes(error.message, `${gpu.memory.ledger.liveBytes} bytes are live`);
});

Deno.test("an invalid call inside the scopes is reported as what it is", async () => {
  await assertRejects(
    () => withErrorScopes(gpu, () => void gpu.device.createBuffer({ size: 4, usage: 0 })),
    Error,
    "The GPU reported",
  );
});

testNothingLeft(gpu);
