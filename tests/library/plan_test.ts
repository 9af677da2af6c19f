import { assert, assertEquals, assertThrows } from "@std/assert";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import {
  explain,
  type Gpu,
  NoImplementationError,
  plan,
  swiglu,
  swigluWithGrad,
  variants,
} from "../../mod.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { IN_PLACE } from "../variants/overwriting.ts";
import { assertNear, blockOf, disposeAll, type Fixture, type Sizes, withGpu } from "./fixture.ts";

/** A lone token, an odd shape, a skinny one and an aligned one. */
const SHAPES: Sizes[] = [
  { tokens: 1, dim: 1, hiddenDim: 1 },
  { tokens: 5, dim: 7, hiddenDim: 9 },
  { tokens: 2, dim: 64, hiddenDim: 160 },
  { tokens: 64, dim: 32, hiddenDim: 96 },
];

/** Runs a block and tells the bytes that the ledger saw. */
function measured(gpu: Gpu, block: Fixture, how: {
  form: number;
  training: boolean;
  implementation?: string;
  memoryBudget?: number;
}): { peakBytes: number; savedBytes: number } {
  const { ledger } = gpu.memory;
  const { form, training, ...options } = how;
  ledger.resetPeak();
  if (!training) {
    swiglu(gpu, block.x, block.forms[form], options).dispose();
    return { peakBytes: ledger.peakBytes, savedBytes: ledger.live("saved") };
  }
  const { y, backward } = swigluWithGrad(gpu, block.x, block.forms[form], options);
  const savedBytes = ledger.live("saved");
  disposeAll({ y, ...backward(block.dy) });
  return { peakBytes: ledger.peakBytes, savedBytes };
}

for (const dtype of DTYPES) {
  Deno.test(`predicted saved and peak bytes are the measured ones for every variant and shape in ${dtype}`, () =>
    withGpu((gpu) => {
      for (const sizes of SHAPES) {
        const block = blockOf(gpu, sizes, { dtype });
        for (const { id: implementation } of variants) {
          for (const [form, weightForm] of (["separate", "combined"] as const).entries()) {
            for (const training of [true, false]) {
              const how = { implementation, training };
              const { peakBytes, savedBytes } = explain(gpu, { ...sizes, dtype }, { ...how, weightForm });
              const name = JSON.stringify({ ...sizes, ...how, weightForm });
              assertEquals(measured(gpu, block, { ...how, form }), { peakBytes, savedBytes }, name);
            }
          }
        }
        disposeAll(block);
      }
    }));
}

Deno.test("for any budget from the floor upwards the run stays within it, and below it the floor is stated", () =>
  withGpu((gpu) => {
    const sizes = { tokens: 700, dim: 8, hiddenDim: 12 };
    const block = blockOf(gpu, sizes);
    for (const training of [true, false]) {
      for (const [form, weightForm] of (["separate", "combined"] as const).entries()) {
        const how = { training, weightForm };
        const error = assertThrows(
          () => plan(gpu, sizes, { ...how, memoryBudget: 1 }),
          NoImplementationError,
        );
        const floor = Number(/the least that would do is (\d+) bytes$/.exec(error.message)![1]);
        assertThrows(() => plan(gpu, sizes, { ...how, memoryBudget: floor - 1 }), NoImplementationError);
        const free = plan(gpu, sizes, how).peakBytes;
        assert(floor < free);
        const budgets = Array.from({ length: 9 }, (_, i) => Math.round(floor + i / 8 * (free - floor)));
        for (const memoryBudget of [...budgets, free + 1]) {
          const { peakBytes } = plan(gpu, sizes, { ...how, memoryBudget });
          assert(peakBytes <= memoryBudget, `${peakBytes} of ${memoryBudget}`);
          assertEquals(measured(gpu, block, { training, form, memoryBudget }).peakBytes, peakBytes);
        }
      }
    }
    disposeAll(block);
  }));

Deno.test("a block that recomputes in chunks of tokens gives the same y and gradients", () =>
  withGpu(async (gpu) => {
    const sizes = { tokens: 300, dim: 8, hiddenDim: 16 };
    const { forms, ...block } = blockOf(gpu, sizes);
    const memoryBudget = explain(gpu, sizes).peakBytes - 1;
    const chosen = explain(gpu, sizes, { memoryBudget });
    assert(chosen.chunkTokens !== null && chosen.rejected.length > 0);
    const { y, backward } = swigluWithGrad(gpu, block.x, forms[0], { memoryBudget });
    const { dx, dDown, ...rest } = backward(block.dy);
    const expected = oracle({ ...sizes, activation: "silu" }, block.host);
    const outputs = { y, dx, dDown, ...rest };
    for (const [name, tensor] of Object.entries(outputs)) {
      await assertNear(tensor, expected[name as keyof typeof expected]);
    }
    disposeAll({ ...block, ...outputs });
  }));

Deno.test("explain tells the saved bytes that backward overwrites: g and u of the variants that work in place", () =>
  withGpu((gpu) => {
    const { tokens, hiddenDim } = SHAPES[3];
    const inPlace = variants.map(({ id }) => id).filter((implementation) => {
      const { reusedBytes } = explain(gpu, SHAPES[3], { implementation });
      assert(reusedBytes === 0 || reusedBytes === 2 * tokens * hiddenDim * 4, implementation);
      return reusedBytes > 0;
    });
    assertEquals(
      inPlace,
      IN_PLACE,
      "a variant that overwrites what it saved belongs into tests/variants/overwriting.ts",
    );
  }));

Deno.test("plan is explain without what was passed over", () =>
  withGpu((gpu) => {
    const { rejected, ...chosen } = explain(gpu, SHAPES[1], { memoryBudget: 4000 });
    assert(Array.isArray(rejected));
    assertEquals(plan(gpu, SHAPES[1], { memoryBudget: 4000 }), chosen);
  }));
