/** Activations of 16 bits with float32 weights, and the reverse: y and dx have the dtype of x, gradients that of the weights. */
import { assertEquals } from "@std/assert";
import {
  explain,
  gatedLinearUnit,
  type Gpu,
  type Options,
  swiglu,
  swigluWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { type DType, DTYPES, roundTo } from "../../kernels/gpu/dtype.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { freshSeed } from "../gpu.ts";
import { assertNear, disposeAll, type Sizes, withGpu } from "./fixture.ts";

/** Rounding of x, weights and results; g, u and h on the way are stored as x is. */
const TOLERANCE = { float16: 3e-3, bfloat16: 3e-2 } as const;

const MIXES = DTYPES.filter((dtype) => dtype !== "float32").flatMap((narrow) =>
  [{ narrow, dtype: narrow, weightDtype: "float32" }, {
    narrow,
    dtype: "float32",
    weightDtype: narrow,
  }] as const
);

/** Random inputs as their dtypes store them. */
function inputsOf(sizes: Sizes, { dtype, weightDtype }: { dtype: DType; weightDtype: DType }): HostInputs {
  const drawn = randomInputs({ ...sizes, dtype: "float32" }, freshSeed());
  const as = (name: keyof HostInputs, own: DType) => roundTo(drawn[name], own);
  return {
    x: as("x", dtype),
    dy: as("dy", dtype),
    gate: as("gate", weightDtype),
    up: as("up", weightDtype),
    down: as("down", weightDtype),
  };
}

async function check(
  gpu: Gpu,
  { narrow, dtype, weightDtype }: typeof MIXES[number],
  { sizes, options }: { sizes: Sizes; options: readonly Options[] },
): Promise<void> {
  const { tokens, dim, hiddenDim } = sizes;
  const host = inputsOf(sizes, { dtype, weightDtype });
  const expected = oracle({ ...sizes, activation: "silu" }, host);
  const make = (name: keyof HostInputs, shape: number[], own: DType) =>
    Tensor.from(gpu, host[name], shape, { dtype: own, label: name });
  const [x, dy] = [make("x", [tokens, dim], dtype), make("dy", [tokens, dim], dtype)];
  const weights = {
    gate: make("gate", [dim, hiddenDim], weightDtype),
    up: make("up", [dim, hiddenDim], weightDtype),
    down: make("down", [hiddenDim, dim], weightDtype),
  };
  const { ledger } = gpu.memory;
  for (const each of options) {
    const planned = explain(gpu, { ...sizes, dtype, weightDtype }, each);
    assertEquals(planned.chunkTokens !== null, each.memoryBudget !== undefined);
    ledger.resetPeak();
    const { y, backward } = swigluWithGrad(gpu, x, weights, each);
    const { dx, dGate, dUp, dDown } = backward(dy);
    assertEquals(ledger.peakBytes, planned.peakBytes, JSON.stringify(each));
    const inference = swiglu(gpu, x, weights, each);
    const outputs = { y, dx, dGate, dUp, dDown };
    for (const [name, tensor] of Object.entries({ ...outputs, inference })) {
      const reference = name === "inference" ? "y" : name as keyof typeof outputs;
      await assertNear(tensor, expected[reference], TOLERANCE[narrow]);
      assertEquals(tensor.dtype, reference === "y" || reference === "dx" ? dtype : weightDtype, name);
    }
    disposeAll({ ...outputs, inference });
  }
  const { gate, up } = weights;
  using unit = gatedLinearUnit(gpu, x, { gate, up });
  assertEquals(unit.dtype, dtype);
  disposeAll({ x, dy, ...weights });
}

// A software adapter takes long to compile kernels of 16 bits. Variants share theirs, so that one mix tells of all variants.
MIXES.forEach((mix, i) => {
  const implementations = i === 0 ? variants.map(({ id }) => id) : ["tuned"];
  Deno.test(`${mix.dtype} with ${mix.weightDtype} weights, by ${implementations.join(", ")}`, () =>
    withGpu((gpu) =>
      check(gpu, mix, {
        sizes: { tokens: 5, dim: 9, hiddenDim: 6 },
        options: implementations.map((implementation) => ({ implementation })),
      })
    ));
});

Deno.test("float32 with bfloat16 weights, in tiles and in chunks of tokens", () =>
  withGpu((gpu) =>
    check(gpu, MIXES[3], {
      sizes: { tokens: 300, dim: 4, hiddenDim: 6 },
      options: [{}, { memoryBudget: 22_000 }],
    })
  ));
