/** The activations that callers may define, and what the library keeps of them. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkActivation,
  explain,
  gatedLinearUnit,
  plan,
  swiglu,
  swigluWithGrad,
  Tensor,
} from "../../mod.ts";
import { withGpu } from "./fixture.ts";

const LONG = "x" + " + x * 0.0".repeat(20000);
const DEEP = "(".repeat(1500) + "x" + ")".repeat(1500);

const TOO_MUCH = [
  [{ wgsl: LONG, derivative: "vec4f(1)" }, "use activation.wgsl as it must have at most 4000 characters"],
  [{ wgsl: "x", derivative: LONG }, "use activation.derivative as it must have at most 4000 characters"],
  [
    { wgsl: DEEP, derivative: "vec4f(1)" },
    "use activation.wgsl as its brackets must be nested at most 100 deep",
  ],
  [
    { wgsl: "x", derivative: DEEP },
    "use activation.derivative as its brackets must be nested at most 100 deep",
  ],
] as const;

Deno.test("every entry refuses expressions that would end the process in the compiler", () =>
  withGpu(async (gpu) => {
    using x = Tensor.from(gpu, Float32Array.of(1), [1, 1]);
    const weights = { gate: x, up: x, down: x };
    const sizes = { tokens: 1, dim: 1, hiddenDim: 1 };
    for (const [activation, message] of TOO_MUCH) {
      await assertRejects(() => checkActivation(gpu, activation), RangeError, message);
      for (
        const call of [
          () => swiglu(gpu, x, weights, { activation }),
          () => swigluWithGrad(gpu, x, weights, { activation }),
          () => gatedLinearUnit(gpu, x, { gate: x, up: x }, { activation }),
          () => explain(gpu, { ...sizes, activation }),
          () => explain(gpu, sizes, { activation }),
          () => plan(gpu, { ...sizes, activation }),
        ]
      ) assertThrows(call, RangeError, message);
    }
  }));

Deno.test("an expression at the limits compiles and runs", () =>
  withGpu(async (gpu) => {
    const nested = "(".repeat(100) + "x" + ")".repeat(100);
    await checkActivation(gpu, { wgsl: nested, derivative: "vec4f(1)" });
    await checkActivation(gpu, { wgsl: "x" + " + 0.0 * x".repeat(399), derivative: "vec4f(1)" });
  }));

class Square {
  #reads = 0;
  get wgsl() {
    return this.#reads++ === 0 ? "x * x" : "nothing";
  }
  get derivative() {
    return "2 * x";
  }
}

Deno.test("an activation with getters is read once, by the check and by a call", () =>
  withGpu(async (gpu) => {
    await checkActivation(gpu, new Square());
    using x = Tensor.from(gpu, Float32Array.of(3), [1, 1]);
    using h = gatedLinearUnit(gpu, x, { gate: x, up: x }, { activation: new Square() });
    assertEquals([...await h.read()], [81 * 9]);
  }));
