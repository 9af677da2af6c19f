// deno-lint-ignore-file no-explicit-any -- bad calls are those that the types forbid
/** Element-wise updates on the device, and what training by them comes to. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { elementwise, type Gpu, swigluWithGrad, Tensor } from "../../mod.ts";
import { roundTo } from "../../kernels/gpu/dtype.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";

const of = (gpu: Gpu, values: ArrayLike<number>, options = {}) =>
  Tensor.from(gpu, Float32Array.from(values), [values.length], options);

Deno.test("all values come from what tensors held before, in any mix of dtypes, shapes and lengths", () =>
  withGpu(async (gpu) => {
    for (const count of [1, 5, 8, 1027]) {
      const a = Float32Array.from({ length: count }, (_, i) => (i % 13) - 6);
      const b = a.map((value, i) => value * 0.5 + i % 3);
      const tensors = {
        a: Tensor.from(gpu, a, [1, count]),
        b: Tensor.from(gpu, b, [count, 1], { dtype: "bfloat16" }),
        c: of(gpu, a.map(() => NaN), { dtype: "float16" }),
      };
      elementwise(gpu, tensors, { a: "b", b: "a + scale * b", c: "a * b" }, { parameters: { scale: 2 } });
      const halves = roundTo(b, "bfloat16");
      assertEquals(await tensors.a.read(), halves);
      assertEquals(await tensors.b.read(), roundTo(a.map((value, i) => value + 2 * halves[i]), "bfloat16"));
      assertEquals(await tensors.c.read(), roundTo(a.map((value, i) => value * halves[i]), "float16"));
      disposeAll(tensors);
    }
  }));

Deno.test("names may be words of WGSL or of the kernel, and a new value of a parameter compiles nothing", () =>
  withGpu(async (gpu) => {
    const tensors = { target: of(gpu, [1, 2, 3]), p: of(gpu, [10, 20, 30]), row: of(gpu, [0, 0, 0]) };
    const step = (exp: number) =>
      elementwise(gpu, tensors, { row: "target * exp + p.xyzw - max(p, target) * 0 + 1e0" }, {
        parameters: { exp, e0: 7 },
      });
    step(2);
    assertEquals([...await tensors.row.read()], [13, 25, 37]);
    const { compileMs } = gpu;
    step(-1);
    assertEquals([...await tensors.row.read()], [10, 19, 28]);
    assertEquals(gpu.compileMs, compileMs);
    disposeAll(tensors);
  }));

Deno.test("a caller's encoder takes an update; what it writes cannot be read before the submit", () =>
  withGpu(async (gpu) => {
    const encoder = gpu.device.createCommandEncoder();
    const a = of(gpu, [1, 2]);
    elementwise(gpu, { a }, { a: "a + 1" }, { encoder });
    assertThrows(() => elementwise(gpu, { a }, { a: "a + 1" }), TypeError, "Cannot use tensors.a");
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    assertEquals([...await a.read()], [2, 3]);
    a.dispose();
  }));

Deno.test("bad updates are refused by name, and nothing is left", () =>
  withGpu((gpu) => {
    const [a, b] = [of(gpu, [1, 2]), of(gpu, [1, 2, 3])];
    const call = (...args: any[]) => () => (elementwise as any)(gpu, ...args);
    const cases = [
      [call(null, {}), TypeError, "use tensors as it must be an object: current value is null"],
      [call({}, {}), RangeError, "use tensors as there must be at least one: current value has none"],
      [call({ a: 1 }, { a: "a" }), TypeError, "use tensors.a as it must be a Tensor: current value is 1"],
      [
        call({ a, b }, { a: "a" }),
        RangeError,
        "use tensors.b as it must have as many elements as tensors.a, 2: current value is 3",
      ],
      [
        call({ "a-b": a }, { "a-b": "1" }),
        RangeError,
        "use tensors as each name must be letters, digits and _, a letter first: current value is a-b",
      ],
      [call({ a }, {}), RangeError, "use updates as there must be at least one: current value has none"],
      [
        call({ a }, { b: "a" }),
        RangeError,
        "use updates.b as it must be one of tensors, a: current value is b",
      ],
      [call({ a }, { a: 3 }), TypeError, "use updates.a as it must be a WGSL expression: current value is 3"],
      [
        call({ a }, { a: "(".repeat(101) }),
        RangeError,
        "use updates.a as its brackets must be nested at most 100 deep: current value is 101",
      ],
      [
        call({ a }, { a: "a" }, { parameters: { a: 1 } }),
        RangeError,
        "use parameters as each name must be letters, digits and _, a letter first, and not a: current value is a",
      ],
      [
        call({ a }, { a: "a" }, { parameters: { rate: Infinity } }),
        RangeError,
        "use parameters.rate as it must be a finite number in float32: current value is Infinity",
      ],
      [
        call({ a }, { a: "a" }, { rate: 1 }),
        TypeError,
        "use options.rate as options may have parameters, encoder only",
      ],
    ] as const;
    for (const [bad, kind, message] of cases) {
      const error = assertThrows(bad, kind);
      assertEquals(error.message, `Cannot ${message}`);
    }
    disposeAll([a, b]);
  }));

Deno.test("gradient descent on the device takes the oracle's steps, and the loss falls", () =>
  withGpu(async (gpu) => {
    const sizes = { tokens: 16, dim: 6, hiddenDim: 10 };
    const { forms: [weights], gateUp, ...block } = blockOf(gpu, sizes);
    const { host: { x, dy: target, ...host } } = block;
    const rate = 2e-3;
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) {
      const { y, backward } = swigluWithGrad(gpu, block.x, weights);
      elementwise(gpu, { y, target: block.dy }, { y: "y - target" });
      const { dx, dGate, dUp, dDown } = backward(y);
      const pairs = [[block.gate, dGate], [block.up, dUp], [block.down, dDown]];
      for (const [w, g] of pairs) elementwise(gpu, { w, g }, { w: "w - rate * g" }, { parameters: { rate } });
      if (step % 10 === 9) losses.push((await y.read()).reduce((sum, value) => sum + value ** 2 / 2, 0));
      disposeAll({ y, dx, dGate, dUp, dDown });
    }
    const exact = { gate: host.gate.slice(), up: host.up.slice(), down: host.down.slice() };
    for (let step = 0; step < 30; step++) {
      const problem = { ...sizes, activation: "silu" } as const;
      const { y } = oracle(problem, { x, dy: target, ...exact });
      const dy = target.map((value, i) => y[i] - value);
      const gradients = oracle(problem, { x, dy, ...exact });
      const steps = { gate: gradients.dGate, up: gradients.dUp, down: gradients.dDown };
      for (const name of ["gate", "up", "down"] as const) {
        exact[name].forEach((_, i) => exact[name][i] -= rate * steps[name][i]);
      }
    }
    for (const name of ["gate", "up", "down"] as const) {
      await assertNear(block[name], Float64Array.from(exact[name]));
    }
    assert(losses[0] > losses[1] && losses[1] > losses[2], losses.join(", "));
    disposeAll({ gateUp, ...block });
  }));
