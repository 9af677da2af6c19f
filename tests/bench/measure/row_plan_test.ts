import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import { planRow, type RowPlan } from "../../../bench/measure/row_plan.ts";
import { variants } from "../../../variants/mod.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { accepted, altered, problemOf, refusalOf, variantOf } from "./problems.ts";

function planned(
  id: string,
  mode: "forward" | "backward" | "full",
  limits?: { memoryBudget: number | null },
) {
  return planRow({ variant: variantOf(id), problem: problemOf(64, 32, 96), mode }, CAPABILITIES, limits);
}

function peakOf(plan: ReturnType<typeof planRow>): number {
  return accepted(plan).peakBytes;
}

Deno.test("full launches what forward for training and backward launch together", () => {
  for (const { id } of variants) {
    const backward = accepted(planned(id, "backward"));
    const full = accepted(planned(id, "full"));
    assert(backward.dispatches.length > 2 && full.dispatches.length > backward.dispatches.length, id);
    const labels = (plan: RowPlan) => plan.dispatches.map(({ kernel }) => kernel.label);
    assertEquals(labels(full).slice(-backward.dispatches.length), labels(backward));
    assert(full.tile !== null, id);
  }
});

Deno.test("forward alone needs y and what lives between its launches; pytorch's backward the sum by hand", () => {
  const [td, th, dh] = [64 * 32 * 4, 64 * 96 * 4, 32 * 96 * 4];
  assertEquals(peakOf(planned("pytorch", "forward")), 3 * th);
  // At its end pytorch's backward holds y, dx, its other half, du and three gradients of weights.
  const plan = planned("pytorch", "backward");
  assert(peakOf(plan) >= 3 * td + th + 3 * dh);
});

Deno.test("a budget below the peak refuses, naming both; one at the peak does not", () => {
  const peak = peakOf(planned("tuned", "full"));
  assertEquals(peakOf(planned("tuned", "full", { memoryBudget: peak })), peak);
  const refused = planned("tuned", "full", { memoryBudget: peak - 1 });
  assertEquals(refused, {
    refusal: `needs ${peak} bytes beyond its inputs and --memory-budget allows ${peak - 1}`,
    fault: false,
  });
});

Deno.test("a tensor beyond the device's largest buffer is refused before anything is allocated", () => {
  const small = { ...CAPABILITIES, maxBufferSize: 64 * 96 * 4 - 4 };
  const refused = planRow(
    { variant: variantOf("liger"), problem: problemOf(64, 32, 96), mode: "forward" },
    small,
  );
  assertStringIncludes(
    refusalOf(refused),
    `needs ${64 * 96 * 4} bytes and the device's maxBufferSize is ${64 * 96 * 4 - 4}`,
  );
});

Deno.test("inputs too large for a buffer are refused too", () => {
  const small = { ...CAPABILITIES, maxBufferSize: 32 * 2 * 96 * 4 - 4 };
  const problem = problemOf(1, 32, 96);
  const refused = planRow({ variant: variantOf("alphafold3-combined"), problem, mode: "forward" }, small);
  assertStringIncludes(refusalOf(refused), "Cannot allocate gateUp");
  accepted(planRow({ variant: variantOf("liger"), problem, mode: "forward" }, small));
});

Deno.test("a range that the variant itself breaks is its fault, and no limit of the device", () => {
  const broken = altered("broken", (recorder) =>
    new ObservedRecorder(recorder, {
      launch: () => {
        throw new RangeError("Cannot compute y as the shapes must fit");
      },
    }));
  const plan = planRow({ variant: broken, problem: problemOf(4, 8, 8), mode: "forward" }, CAPABILITIES);
  assertEquals(plan, { refusal: "Cannot compute y as the shapes must fit", fault: true });
});

Deno.test("what a variant says of itself is the reason", () => {
  const few = { ...CAPABILITIES, maxStorageBuffersPerShaderStage: 4 };
  const refused = planRow({ variant: variantOf("tuned"), problem: problemOf(4, 4, 4), mode: "forward" }, few);
  assertStringIncludes(refusalOf(refused), "the device allows 4");
});
