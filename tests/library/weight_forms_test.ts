/** Weights as checkpoints store them give the same y, and gradients that are stored as they are. */
import { assertEquals } from "@std/assert";
import {
  explain,
  gatedLinearUnit,
  type Gpu,
  type Options,
  type Plan,
  swiglu,
  swigluWithGrad,
  type Tensor,
  variants,
} from "../../mod.ts";
import { type DType, DTYPES } from "../../kernels/gpu/dtype.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { formName, WEIGHT_FORMS, type WeightForm, type Weights } from "../../variants/weights.ts";
import { digitsOf } from "../variants/accuracy.ts";
import { assertNear, blockOf, disposeAll, type Fixture, type Sizes, withGpu } from "./fixture.ts";
import { stored, weightsIn } from "./weight_forms.ts";

const FORMS = WEIGHT_FORMS.filter(({ layout, interleaved }) => layout === "out,in" || interleaved);

/** Rounding of what is stored, and of g, u and h on the way. */
const TOLERANCE = { float32: 1e-5, float16: 3e-3, bfloat16: 3e-2 } as const;

/** What a block gives, by the names of the gradients as they are returned. */
interface Checked {
  readonly block: Fixture;
  readonly sizes: Sizes;
  readonly form: WeightForm;
  readonly weights: Weights;
  readonly options: Options;
}

/** Runs a block, compares all that it gives with the oracle, and its bytes with the plan. */
async function check(gpu: Gpu, { block, sizes, form, weights, options }: Checked): Promise<void> {
  const { dtype } = block.x;
  const { ledger } = gpu.memory;
  const tolerance = TOLERANCE[digitsOf({ dtype, precision: options.precision })];
  const expected = oracle({ ...sizes, activation: "silu" }, block.host);
  const { dGate: gate, dUp: up, dDown: down } = expected;
  const gradients = stored(form, { gate, up, down }, sizes);
  const { layout, interleaved, parts: weightForm } = form;
  const planned = (training: boolean) =>
    explain(gpu, { ...sizes, dtype }, { ...options, layout, interleaved, weightForm, training });
  assertEquals(planned(true).chunkTokens !== null, options.memoryBudget !== undefined);
  ledger.resetPeak();
  const { y, backward } = swigluWithGrad(gpu, block.x, weights, options);
  const savedBytes = ledger.live("saved");
  const { dx, ...rest } = backward(block.dy);
  const about = `${formName(form)}, ${JSON.stringify(options)}`;
  assertEquals([savedBytes, ledger.peakBytes], bytesOf(planned(true)), about);
  const others = ledger.chargedBytes;
  ledger.resetPeak();
  const inference = swiglu(gpu, block.x, weights, options);
  assertEquals([0, ledger.peakBytes - others], bytesOf(planned(false)), about);
  try {
    for (const tensor of [y, inference]) await assertNear(tensor, expected.y, tolerance);
    await assertNear(dx, expected.dx, tolerance);
    assertEquals(Object.keys(rest).length, Object.keys(gradients).length);
    for (const [name, values] of Object.entries(gradients)) {
      const gradient = rest[`d${name[0].toUpperCase()}${name.slice(1)}` as keyof typeof rest] as Tensor;
      const weight = (weights as unknown as Record<string, Tensor>)[name];
      assertEquals([gradient.shape, gradient.dtype], [weight.shape, weight.dtype]);
      await assertNear(gradient, values, tolerance);
    }
  } finally {
    disposeAll({ y, dx, inference, ...rest });
  }
}

const bytesOf = ({ savedBytes, peakBytes }: Plan) => [savedBytes, peakBytes];

/** Some options for weights of one form. */
function checkAll(
  form: WeightForm,
  { sizes, options, dtype = "float32" }: { sizes: Sizes; options: readonly Options[]; dtype?: DType },
): Promise<void> {
  return withGpu(async (gpu) => {
    const block = blockOf(gpu, sizes, { dtype });
    const { weights, tensors } = weightsIn(gpu, form, { projections: block.host, sizes, dtype });
    for (const each of options) await check(gpu, { block, sizes, form, weights, options: each });
    disposeAll(block);
    disposeAll(tensors);
  });
}

const ODD: Sizes = { tokens: 7, dim: 10, hiddenDim: 9 };

for (const form of FORMS) {
  Deno.test(`every implementation takes ${formName(form)} weights`, () =>
    checkAll(form, { sizes: ODD, options: variants.map(({ id }) => ({ implementation: id })) }));

  Deno.test(`tiles, and chunks of tokens, take ${formName(form)} weights`, () =>
    checkAll(form, {
      sizes: { tokens: 300, dim: 8, hiddenDim: 12 },
      options: [{}, { precision: "highest" }, { memoryBudget: 45_000 }],
    }));
}

// A software adapter takes long to compile kernels of 16 bits: few rows take those that are soon ready.
for (const dtype of DTYPES.filter((dtype) => dtype !== "float32")) {
  for (const form of FORMS) {
    Deno.test(`${dtype} takes ${formName(form)} weights`, () =>
      checkAll(form, { sizes: { tokens: 5, dim: 6, hiddenDim: 9 }, dtype, options: [{}] }));
  }
}

// One type for each precision: tests of gradients and of parameters pair them in other ways.
const PRECISIONS = [["highest", "float16"], ["tf32", "float32"], ["fastest", "bfloat16"]] as const;

PRECISIONS.forEach(([precision, dtype], i) => {
  const form = FORMS[i % FORMS.length];
  Deno.test(`precision ${precision} of ${dtype} takes ${formName(form)} weights`, () =>
    checkAll(form, { sizes: { tokens: 5, dim: 6, hiddenDim: 9 }, dtype, options: [{ precision }] }));
});

Deno.test("a gated linear unit takes weights as checkpoints store them", () =>
  withGpu(async (gpu) => {
    const block = blockOf(gpu, ODD);
    using plain = gatedLinearUnit(gpu, block.x, block.gateUp);
    const h = Float64Array.from(await plain.read());
    for (const form of FORMS) {
      const { weights, tensors } = weightsIn(gpu, form, {
        projections: block.host,
        sizes: ODD,
        dtype: "float32",
      });
      const { down: _, ...weight } = weights;
      using unit = gatedLinearUnit(gpu, block.x, weight);
      await assertNear(unit, h);
      disposeAll(tensors);
    }
    disposeAll(block);
  }));
