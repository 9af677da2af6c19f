import { assertEquals, assertThrows } from "@std/assert";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { type Case, discard, recordRun, timedParts } from "../../../bench/measure/execution.ts";
import { emptyInputs } from "../../../variants/form.ts";
import { weightForm } from "../../../bench/measure/inputs.ts";
import { variants } from "../../../variants/mod.ts";
import type { Variant } from "../../../variants/variant.ts";
import { problemOf } from "./problems.ts";
import { CAPABILITIES } from "./capabilities.ts";

const PROBLEM = problemOf(6, 8, 10);

function stage(variant: Variant): { recorder: PlanRecorder; run: Case; inputBytes: number } {
  const recorder = new PlanRecorder(CAPABILITIES);
  const { dy, ...inputs } = emptyInputs(recorder.memory, PROBLEM, weightForm(variant));
  const run = { variant, problem: PROBLEM, inputs, dy };
  return { recorder, run, inputBytes: recorder.memory.ledger.liveBytes };
}

/** The variant with its calls noted. */
function noting(variant: Variant, calls: string[]): Variant {
  return {
    ...variant,
    forward: (block, training) => {
      calls.push(training ? "forward for training" : "forward");
      return variant.forward(block, training);
    },
    backward: (block, saved, dy) => {
      calls.push("backward");
      return variant.backward(block, saved, dy);
    },
  };
}

Deno.test("each timed backward has a fresh forward before it, which is not timed", () => {
  const calls: string[] = [];
  const { recorder, run } = stage(noting(variants[0], calls));
  const { prepare, timed } = timedParts(run, "backward", { repeats: 2 });
  for (let sample = 0; sample < 2; sample++) {
    prepare!(recorder);
    assertEquals(calls.splice(0), ["forward for training", "forward for training"]);
    timed(recorder);
    assertEquals(calls.splice(0), ["backward", "backward"]);
  }
});

Deno.test("forward is timed without training, full with forward and backward", () => {
  const calls: string[] = [];
  const { recorder, run } = stage(noting(variants[0], calls));
  timedParts(run, "forward", { repeats: 2 }).timed(recorder);
  assertEquals(calls.splice(0), ["forward", "forward"]);
  timedParts(run, "full", { repeats: 1 }).timed(recorder);
  assertEquals(calls.splice(0), ["forward for training", "backward"]);
  assertEquals([
    timedParts(run, "forward", { repeats: 1 }).prepare,
    timedParts(run, "full", { repeats: 1 }).prepare,
  ], [
    undefined,
    undefined,
  ]);
});

for (const variant of variants) {
  Deno.test(`${variant.id} leaves nothing but its inputs, in every mode and repeated`, () => {
    const { recorder, run, inputBytes } = stage(variant);
    discard(recordRun(recorder, run, { training: true }));
    for (const mode of ["forward", "backward", "full"] as const) {
      const { prepare, timed } = timedParts(run, mode, { repeats: 3 });
      prepare?.(recorder);
      timed(recorder);
    }
    assertEquals(recorder.memory.ledger.liveBytes, inputBytes);
  });
}

Deno.test("a variant that throws leaves nothing either, wherever it throws", () => {
  for (const failing of ["forward", "backward"] as const) {
    const [variant] = variants;
    const { recorder, run, inputBytes } = stage({
      ...variant,
      [failing]: (...args: unknown[]) => {
        (variant[failing] as (...args: unknown[]) => unknown)(...args);
        throw new Error("after its work");
      },
    });
    for (const mode of ["forward", "backward", "full"] as const) {
      const { prepare, timed } = timedParts(run, mode, { repeats: 2 });
      const all = () => {
        prepare?.(recorder);
        timed(recorder);
      };
      if (failing === "forward" || mode !== "forward") assertThrows(all, Error, "after its work");
      assertEquals(recorder.memory.ledger.liveBytes, inputBytes, `${failing} in ${mode}`);
    }
  }
});
