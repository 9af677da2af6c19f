import { assert, assertEquals, assertGreater } from "@std/assert";
import { DeviceInputs } from "../../../bench/measure/inputs.ts";
import type { Mode } from "../../../bench/measure/shapes.ts";
import type { CheckedRow } from "../../../bench/measure/row.ts";
import { profiled, timedRow, wallTimeOf } from "../../../bench/measure/row_clock.ts";
import { planRow } from "../../../bench/measure/row_plan.ts";
import { gpuTimes } from "../../../bench/timing/clock.ts";
import { Instruments } from "../../../bench/timing/instruments.ts";
import { leastNs } from "../../../bench/timing/step.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import type { Variant } from "../../../variants/variant.ts";
import { accepted, problemOf, variantOf } from "./problems.ts";

const gpu = await requestGpu();
const PROBLEM = problemOf(8, 8, 16);

/** A row that counts as checked, what it is timed with, and the calls of its variant so far. */
async function withRow(
  mode: Mode,
  use: (row: CheckedRow, instruments: Instruments, calls: string[]) => Promise<void>,
): Promise<void> {
  using instruments = await Instruments.create(gpu, { flush: false });
  const calls: string[] = [];
  const tuned = variantOf("tuned");
  const variant: Variant = {
    ...tuned,
    forward: (block, training) => (calls.push("forward"), tuned.forward(block, training)),
    backward: (block, saved, dy) => (calls.push("backward"), tuned.backward(block, saved, dy)),
  };
  using inputs = await DeviceInputs.create(gpu, { problem: PROBLEM, seed: 1, variants: [variant] });
  const plan = accepted(planRow({ variant: tuned, problem: PROBLEM, mode }, gpu.capabilities));
  const run = { variant, problem: PROBLEM, inputs: inputs.for(variant), dy: inputs.dy };
  const row = { spec: { variant: "tuned", mode }, problem: PROBLEM, plan, run } as CheckedRow;
  await gpuTimes(instruments, [timedRow(gpu, row)]); // compiles, as a check does
  calls.splice(0);
  await use(row, instruments, calls);
}

/** The same instruments with a device's clock of another step, or with none. */
function withStep(instruments: Instruments, resolutionNs: number | null): Instruments {
  const { waitMs, tickNs, timer } = instruments;
  const clock = resolutionNs === null ? null : timer;
  return { gpu, waitMs, tickNs, timer: clock, resolutionNs, flushes: false } as Instruments;
}

for (const mode of ["forward", "backward", "full"] as const) {
  Deno.test(`with a coarse clock, or none, ${mode} is repeated until a sample lasts`, () =>
    withRow(mode, async (row, instruments) => {
      for (const step of [1e6, null]) {
        const clock = withStep(instruments, step);
        const { aboutNs, repeats } = await profiled(clock, row);
        assert(repeats * aboutNs >= leastNs(clock) || repeats === 1024, `${repeats} runs of ${aboutNs} ns`);
      }
    }));
}

Deno.test("a coarse clock sees a short row only when it is repeated", () =>
  withRow("forward", async (row, instruments, calls) => {
    const { repeats } = await profiled(withStep(instruments, 1e6), row); // a sample lasts 100 ms
    assertGreater(repeats, 1);
    assertGreater(calls.length, 1);
  }));

Deno.test("on the wall clock every run is recorded, those of backward behind all their preparations", async () => {
  for (const [mode, expected] of [["forward", "ff"], ["full", "fbfb"], ["backward", "ffbb"]] as const) {
    await withRow(mode, async (row, instruments, calls) => {
      await wallTimeOf(instruments, row, 2);
      assertEquals(calls.map(([letter]) => letter).join(""), expected);
    });
  }
});

Deno.test("with a fine clock one run tells the repeats, 32 at most", () =>
  withRow("forward", async (row, instruments) => {
    const { aboutNs, repeats } = await profiled(instruments, row);
    assertEquals(repeats, Math.min(32, Math.max(1, Math.ceil(50_000 / aboutNs))));
  }));

testNothingLeft(gpu);
