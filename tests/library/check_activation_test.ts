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

Deno.test("the message tells the worst place and both slopes", () =>
  withGpu(async (gpu) => {
    const error = await assertRejects(() => checkActivation(gpu, { wgsl: "x", derivative: "vec4f(3)" }));
    assert(error instanceof ActivationError);
    assert(
      /current value is 3 at x = -?[\d.]+, where differences give 1$/.test(error.message),
      error.message,
    );
  }));
