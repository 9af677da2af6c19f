/** A batch, or an expert's share of it, may be empty: results of no rows, and weight gradients of zeros. */
import { assertEquals } from "@std/assert";
import {
  countNonFinite,
  explain,
  gatedLinearUnit,
  type Gpu,
  type Options,
  swiglu,
  swigluWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { type DType, DTYPES } from "../../kernels/gpu/dtype.ts";
import {
  namedWeights,
  WEIGHT_FORMS,
  type WeightForm,
  weightShapes,
  weightsOf,
} from "../../variants/weights.ts";
import { disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 0, dim: 5, hiddenDim: 3 };

/** Weights of a form that are all NaN. What is disposed here leaves NaN in the memory that gradients get. */
function weightsOfNaN(gpu: Gpu, form: WeightForm, dtype: DType) {
  const make = () =>
    weightsOf(
      form,
      Object.fromEntries(
        Object.entries(weightShapes(form, sizes)).map(([name, shape]) => {
          const values = new Float32Array(shape.reduce((a, b) => a * b)).fill(NaN);
          return [name, Tensor.from(gpu, values, shape, { dtype })];
        }),
      ),
    );
  disposeAll(namedWeights(make()));
  return make();
}

async function check(gpu: Gpu, form: WeightForm, dtype: DType, options: Options): Promise<void> {
  const { ledger } = gpu.memory;
  const weights = weightsOfNaN(gpu, form, dtype);
  using x = Tensor.from(gpu, new Float32Array(0), [2, 0, sizes.dim], { dtype });
  const { parts: weightForm, ...how } = form;
  const planned = explain(gpu, { ...sizes, dtype }, { ...options, ...how, weightForm });
  const before = ledger.chargedBytes;
  ledger.resetPeak();
  const { y, backward } = swigluWithGrad(gpu, x, weights, options);
  const { dx, ...gradients } = backward(x);
  assertEquals(ledger.peakBytes, ledger.chargedBytes);
  assertEquals([ledger.chargedBytes - before, 0], [planned.peakBytes, planned.savedBytes]);
  const inference = swiglu(gpu, x, weights, options);
  for (const tensor of [y, dx, inference]) {
    assertEquals([tensor.shape, tensor.dtype, (await tensor.read()).length], [[2, 0, sizes.dim], dtype, 0]);
  }
  const shapes = Object.values(weightShapes(form, sizes));
  const made = Object.values(gradients) as Tensor[];
  assertEquals(made.map(({ shape }) => shape).sort(), shapes.sort());
  for (const gradient of made) assertEquals(await gradient.read(), new Float32Array(gradient.length));
  disposeAll({ ...gradients, ...namedWeights(weights), y, dx, inference });
}

for (const dtype of DTYPES) {
  Deno.test(`no tokens give empty results and zero gradients in ${dtype}`, () =>
    withGpu(async (gpu) => {
      for (const form of WEIGHT_FORMS) await check(gpu, form, dtype, {});
      for (const { id } of variants) await check(gpu, WEIGHT_FORMS[0], dtype, { implementation: id });
      await check(gpu, WEIGHT_FORMS[0], dtype, { memoryBudget: 1000, precision: "highest" });
    }));
}

Deno.test("a gated linear unit of no tokens is empty", () =>
  withGpu(async (gpu) => {
    for (const form of WEIGHT_FORMS) {
      const weights = weightsOfNaN(gpu, form, "float32");
      const { down: _, ...weight } = weights;
      using x = Tensor.empty(gpu, [0, sizes.dim]);
      using h = gatedLinearUnit(gpu, x, weight);
      assertEquals([h.shape, (await h.read()).length], [[0, sizes.hiddenDim], 0]);
      assertEquals(await countNonFinite(gpu, h), 0);
      disposeAll(namedWeights(weights));
    }
  }));

Deno.test("no tokens can be recorded into a caller's encoder, between others", () =>
  withGpu(async (gpu) => {
    const weights = weightsOfNaN(gpu, WEIGHT_FORMS[0], "float32");
    using x = Tensor.empty(gpu, [0, sizes.dim]);
    const encoder = gpu.device.createCommandEncoder();
    const { y, backward } = swigluWithGrad(gpu, x, weights, { encoder });
    const gradients = backward(y, { encoder }) as unknown as Record<string, Tensor>;
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    assertEquals((await y.read()).length, 0);
    assertEquals(await gradients.dDown.read(), new Float32Array(sizes.dim * sizes.hiddenDim));
    disposeAll({ ...gradients, ...namedWeights(weights), y });
  }));
