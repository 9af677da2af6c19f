/** Gates that are NaN or infinite pass through the fused products and element-wise kernels of every variant. */
import { assert, assertEquals } from "@std/assert";
import { ACTIVATIONS, swigluWithGrad, Tensor, variants } from "../../mod.ts";
import { scalarActivation } from "../../bench/oracle/activation.ts";
import { requestGpu, testNothingLeft } from "../gpu.ts";

const gpu = await requestGpu();

const GATES = Float32Array.of(NaN, Infinity, -Infinity, 0, -0, 3e38, -3e38, 1e-4);

/** Those whose kernels hold the activation: apart, in one with all that has no product, and within products. */
const KINDS = ["pytorch", "unsloth", "tuned"];

for (const activation of ACTIVATIONS) {
  const ids = activation === "gelu_tanh" ? variants.map(({ id }) => id) : KINDS;
  for (const implementation of ids) {
    Deno.test(`${implementation} gives h and dg of ${activation} for special gates as float64 does`, async () => {
      // One token, one feature: g is the gate itself, h is dDown and dg is dGate.
      const count = GATES.length;
      const ones = (shape: number[]) =>
        Tensor.from(gpu, new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
      const x = ones([1, 1]), dy = ones([1, 1]);
      const weights = {
        gate: Tensor.from(gpu, GATES, [1, count]),
        up: ones([1, count]),
        down: ones([count, 1]),
      };
      const { y, backward } = swigluWithGrad(gpu, x, weights, { activation, implementation });
      const gradients = backward(dy);
      const [h, dg] = await Promise.all([gradients.dDown.read(), gradients.dGate.read()]);
      const { value, derivative, up = (u) => u } = scalarActivation(activation);
      GATES.forEach((g, i) => {
        assertSame(h[i], value(g) * up(1), `act(${g})`);
        assertSame(dg[i], derivative(g) * up(1), `act'(${g})`);
      });
      for (const tensor of [x, dy, y, ...Object.values(weights), ...Object.values(gradients)]) {
        tensor.dispose();
      }
    });
  }
}

/** NaN to NaN, or within float32's rounding. */
function assertSame(actual: number, expected: number, name: string): void {
  if (!Number.isFinite(expected)) return assertEquals(actual, expected, name);
  assert(
    Math.abs(actual - expected) <= 2 ** -19 * Math.abs(expected),
    `${name} is ${actual}, not ${expected}`,
  );
}

testNothingLeft(gpu);
