/** Variants note their launches once for all that these depend on. Repeated launches are the same. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { ObservedRecorder } from "../../bench/timing/observed.ts";
import { TUNING_SCHEMA, useTuning } from "../../kernels/matmul/tuning.ts";
import { emptyInputs } from "../../variants/form.ts";
import { variants } from "../../variants/mod.ts";
import { traced } from "../../variants/traced.ts";
import { tuned } from "../../variants/tuned.ts";
import { Block, type Problem, type Variant } from "../../variants/variant.ts";
import { formsOf, type WeightForm } from "./block.ts";
import { CAPABILITIES } from "../bench/measure/capabilities.ts";

const PROBLEM: Problem = {
  ...{ tokens: 70, dim: 36, hiddenDim: 52 },
  ...{ dtype: "float32", precision: "default", activation: "silu" },
};

/** The variant as its own file has it. */
async function untraced({ id }: Variant): Promise<Variant> {
  const module = await import(`../../variants/${id.replaceAll("-", "_")}.ts`);
  return Object.values(module).find((value) => (value as Variant).id === id) as Variant;
}

interface Run {
  readonly problem?: Problem;
  readonly form?: WeightForm;
  readonly training?: boolean;
  readonly capabilities?: typeof CAPABILITIES;
}

/** All that is recorded of a block as if on a device, launch by launch, and the bytes at the end. */
function recorded(variant: Variant, run: Run = {}) {
  const { problem = PROBLEM, form = "separate", training = true, capabilities = CAPABILITIES } = run;
  const plan = new PlanRecorder(capabilities);
  const { dy, ...inputs } = emptyInputs(plan.memory, problem, form);
  const block = new Block(new ObservedRecorder(plan, {}), problem, inputs);
  const { y, saved } = variant.forward(block, training);
  const kept = Object.entries({ y, ...saved }).map(([name, { label, shape }]) => [name, label, shape]);
  const gradients = training ? Object.entries(variant.backward(block, saved, dy)) : [];
  const { peakBytes, chargedBytes } = plan.memory.ledger;
  return {
    launches: plan.dispatches.map(plain),
    kept,
    gradients: gradients.map(([name, { label, shape }]) => [name, label, shape]),
    peakBytes,
    chargedBytes,
  };
}

/** A variant, and how often its own code has run forward. */
function counted(own: Variant): { variant: Variant; calls: () => number } {
  let calls = 0;
  const variant: Variant = {
    ...own,
    forward: (block, training) => {
      calls++;
      return own.forward(block, training);
    },
  };
  return { variant, calls: () => calls };
}

function plain({ kernel, bindings, ...rest }: Dispatch) {
  const parts = bindings.map(({ tensor: { label, shape, purpose }, ...part }) => ({
    label,
    shape,
    purpose,
    ...part,
  }));
  return { key: kernel.key, label: kernel.label, access: kernel.access, parts, ...rest };
}

for (const variant of variants) {
  Deno.test(`${variant.id} records the same from its notes as from its own code`, async () => {
    const own = await untraced(variant);
    for (const form of formsOf(variant)) {
      for (const dtype of DTYPES) {
        for (const sizes of [{}, { tokens: 1 }, { tokens: 2049, dim: 33 }]) {
          for (const training of [true, false]) {
            const run = { problem: { ...PROBLEM, dtype, ...sizes }, form, training };
            const expected = recorded(own, run);
            assert(expected.launches.length > 1);
            assertEquals(recorded(variant, run), expected);
            assertEquals(recorded(variant, run), expected, "the second time");
          }
        }
      }
    }
  });
}

Deno.test("a variant's own code runs once for each kind of block, on each device, with each tuning table", () => {
  const { variant: own, calls } = counted(tuned);
  const variant = traced(own);
  const runs: Run[] = [
    {},
    { training: false },
    { form: "combined" },
    { problem: { ...PROBLEM, tokens: 71 } },
    { problem: { ...PROBLEM, dtype: "float16" } },
    { problem: { ...PROBLEM, precision: "fastest" } },
    { problem: { ...PROBLEM, activation: { wgsl: "x", derivative: "vec4f(1)" } } },
    { capabilities: { ...CAPABILITIES } },
  ];
  for (const [i, run] of runs.entries()) {
    for (let again = 0; again < 3; again++) recorded(variant, run);
    assertEquals(calls(), i + 1, JSON.stringify(run));
  }
  useTuning({ schema: TUNING_SCHEMA, adapter: "another", entries: [] });
  recorded(variant);
  assertEquals(calls(), runs.length + 1);
});

Deno.test("256 kinds of blocks are kept, and plans make no notes", () => {
  const failing = counted({
    ...variants[0],
    forward: () => {
      throw new RangeError("no more");
    },
  });
  const variant = traced(failing.variant);
  const block = new Block(
    new PlanRecorder(CAPABILITIES),
    PROBLEM,
    emptyInputs(new PlanRecorder(CAPABILITIES).memory, PROBLEM, "separate"),
  );
  for (let i = 0; i < 2; i++) assertThrows(() => variant.forward(block, true), RangeError, "no more");
  assertEquals(failing.calls(), 2);

  const { variant: own, calls } = counted(tuned);
  const noting = traced(own);
  const kinds = (count: number) => {
    for (let i = 1; i <= count; i++) {
      recorded(noting, { problem: { ...PROBLEM, tokens: i }, training: false });
    }
  };
  kinds(256);
  kinds(256);
  assertEquals(calls(), 256);
  kinds(257);
  assertEquals(calls(), 257);
});

Deno.test("the same in chunks is noted too", () => {
  const { variant, calls } = counted(tuned);
  const [chunked] = traced({ ...tuned, inChunks: () => [variant] }).inChunks!(256);
  recorded(chunked);
  recorded(chunked);
  assertEquals(calls(), 1);
  assertEquals(traced(variants[0]).inChunks, undefined);
});
