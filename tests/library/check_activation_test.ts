import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Activation, ActivationError, ACTIVATIONS, checkActivation } from "../../mod.ts";
import { withGpu } from "./fixture.ts";

const RIGHT = {
  square: { wgsl: "x * x", derivative: "2 * x" },
  "squared relu": {
    wgsl: "select(x * x, vec4f(0), x < vec4f(0))",
    derivative: "select(2 * x, vec4f(0), x < vec4f(0))",
  },
  "leaky relu": {
    wgsl: "select(0.1 * x, x, x > vec4f(0))",
    derivative: "select(vec4f(0.1), vec4f(1), x > vec4f(0))",
  },
  exponential: { wgsl: "exp(x)", derivative: "exp(x)" },
};

const Z = "0.7978845608 * (x + 0.044715 * x * x * x)";
const E = "exp(-1.702 * x)";

const MORE_RIGHT: Activation[] = [
  // 1 + tanh cancels near -1, which is no fault of the derivative.
  {
    wgsl: `0.5 * x * (1 + tanh(${Z}))`,
    derivative:
      `0.5 * (1 + tanh(${Z})) + 0.5 * x * (1 - tanh(${Z}) * tanh(${Z})) * 0.7978845608 * (1 + 0.134145 * x * x)`,
  },
  { wgsl: "x + 100", derivative: "vec4f(1)" },
  { wgsl: "select(x * x, vec4f(0), x < vec4f(0))", derivative: "select(2 * x, vec4f(0), x < vec4f(0))" },
  // Bits are judged by differences on the device.
  { wgsl: "bitcast<vec4f>(bitcast<vec4u>(x))", derivative: "vec4f(1)" },
];

/** Right for |x| up to 10, or on the paper alone. */
const WRONG_AFAR: [Activation, string][] = [
  [
    {
      wgsl: "x / (1 + exp(-1.702 * x))",
      derivative: `(1 + ${E} * (1 + 1.702 * x)) / ((1 + ${E}) * (1 + ${E}))`,
    },
    "derivative must be finite on the device for |x| up to 65504: current value is NaN at x = -",
  ],
  [
    { wgsl: "log(1 + exp(x))", derivative: "1 / (1 + exp(-x))" },
    "wgsl must be finite on the device for |x| up to 65504: current value is inf",
  ],
  [{ wgsl: "select(x, vec4f(0), x > vec4f(12))", derivative: "vec4f(1)" }, "derivative must be that of wgsl"],
  [{ wgsl: "x / 0.0", derivative: "x / 0.0" }, "Cannot use activation"],
  [{ wgsl: "1000 + 0.001 * x", derivative: "vec4f(0.002)" }, "derivative must be that of wgsl"],
  [
    { wgsl: "max(x, vec4f(0)) + 0", derivative: "select(vec4f(0), vec4f(1), x > vec4f(0))" },
    "wgsl must keep NaN",
  ],
];

const WRONG: [Activation, string][] = [
  [{ wgsl: "x * x", derivative: "x" }, "derivative must be that of wgsl"],
  [{ wgsl: "x * x", derivative: "2.01 * x" }, "derivative must be that of wgsl"],
  [{ wgsl: "tanh(x)", derivative: "1 + tanh(x) * tanh(x)" }, "derivative must be that of wgsl"],
  [{ wgsl: "max(x, vec4f(0))", derivative: "vec4f(1)" }, "derivative must be that of wgsl"],
  [{ wgsl: "sqrt(x)", derivative: "0.5 / sqrt(x)" }, "where differences give NaN"],
  [{ wgsl: "x +", derivative: "vec4f(1)" }, "its WGSL must compile"],
  [{ wgsl: "x", derivative: "one" }, "its WGSL must compile"],
];

Deno.test("every built-in activation has the derivative of itself", () =>
  withGpu(async (gpu) => {
    for (const name of ACTIVATIONS) await checkActivation(gpu, name);
  }));

Deno.test("custom activations with their derivatives pass, kinks included", () =>
  withGpu(async (gpu) => {
    for (const activation of Object.values(RIGHT)) await checkActivation(gpu, activation);
  }));

Deno.test("a derivative of another function, a slope that is no number, and WGSL that is none are refused", () =>
  withGpu(async (gpu) => {
    const live = gpu.memory.ledger.chargedBytes + gpu.memory.ledger.live("input");
    for (const [activation, message] of WRONG) {
      await assertRejects(() => checkActivation(gpu, activation), ActivationError, message);
    }
    gpu.check();
    assertEquals(gpu.memory.ledger.chargedBytes + gpu.memory.ledger.live("input"), live);
  }));

Deno.test("the message tells a place and both slopes", () =>
  withGpu(async (gpu) => {
    const error = await assertRejects(() => checkActivation(gpu, { wgsl: "x", derivative: "vec4f(3)" }));
    assert(error instanceof ActivationError);
    assert(
      /current value is 3 at x = -?[\d.]+, where differences give 1$/.test(error.message),
      error.message,
    );
  }));

Deno.test("what cancels, holds a constant, keeps NaN or cannot be told in float64 is accepted where it is right", () =>
  withGpu(async (gpu) => {
    for (const activation of MORE_RIGHT) await checkActivation(gpu, activation);
  }));

Deno.test("parameters are checked with their values, and the check says how far it looked", () =>
  withGpu(async (gpu) => {
    const cubic = (wgsl: string, scale: number) => ({
      ...{ wgsl, derivative: "3 * scale * x * x", parameters: { scale } },
    });
    const far = { slopes: (2 - 2 ** -23) * 2 ** 127, finite: 65504 };
    const exact = await checkActivation(gpu, cubic("scale * x * x * x", 1e-5));
    assertEquals(exact, { judge: "float64", ...far });
    const bits = await checkActivation(gpu, cubic("bitcast<vec4f>(bitcast<vec4u>(scale * x * x * x))", 0.5));
    assertEquals(bits.judge, "device");
    assert(bits.slopes < 10 && bits.slopes > 9.9 && bits.finite === 65504, JSON.stringify(bits));
    // Both operands bend at the limit. Without one, up is as large as it was.
    for (const limit of [1.5, 0.01, Infinity]) {
      await checkActivation(gpu, { name: "clamped_swiglu", alpha: 2, limit, shift: 100 });
    }
    await assertRejects(
      () => checkActivation(gpu, { ...cubic("scale * x", 2), derivative: "vec4f(scale + 1)" }),
      ActivationError,
      "derivative must be that of wgsl",
    );
    await assertRejects(
      () => checkActivation(gpu, { ...cubic("scale * x", 2), derivative: "vec4f(scales)" }),
      ActivationError,
      "its WGSL must compile",
    );
    // Right near 0, and infinity over infinity further on.
    const e = "exp(-bitcast<vec4f>(bitcast<vec4u>(x)))";
    await assertRejects(
      () =>
        checkActivation(gpu, {
          wgsl: `x / (1 + ${e})`,
          derivative: `(1 + ${e} * (1 + x)) / ((1 + ${e}) * (1 + ${e}))`,
        }),
      ActivationError,
      "derivative must be a number for |x| up to 65504: current value is NaN at x = -",
    );
  }));

Deno.test("what is wrong far from 0, by a constant's side, for NaN or on the device alone is refused", () =>
  withGpu(async (gpu) => {
    // Buffers of an earlier check hold right values: they must not be read as this one's.
    await checkActivation(gpu, { wgsl: "x", derivative: "vec4f(1)" });
    for (const [activation, message] of WRONG_AFAR) {
      const error = await assertRejects(() => checkActivation(gpu, activation), ActivationError);
      assert(
        error.message.toLowerCase().includes(message.toLowerCase()),
        `${JSON.stringify(activation)}: ${error.message}`,
      );
    }
  }));
