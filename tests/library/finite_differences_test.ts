/** Gradients of a whole block in the forms that training asks for, by finite differences of the float64 oracle. */
import { assert, assertStrictEquals } from "@std/assert";
import { type CustomActivation, type SeparateWeights, swigluWithGrad, Tensor } from "../../mod.ts";
import type { HostInputs } from "../../bench/oracle/data.ts";
import { centralDifferences, loss } from "../bench/oracle/differences.ts";
import { sigmoid } from "../../bench/oracle/activation.ts";
import { WEIGHT_FORMS } from "../../variants/weights.ts";
import { assertNear, blockOf, disposeAll, type Sizes, withGpu } from "./fixture.ts";
import { stored, weightsIn } from "./weight_forms.ts";

const sizes: Sizes = { tokens: 5, dim: 4, hiddenDim: 6 };

/** No random gate or up is near the limit: a difference across a kink would be no slope. */
const activation = { name: "clamped_swiglu", alpha: 1.3, limit: 12, shift: 0.5 } as const;

/** Slopes of the loss by x and by each weight, in the order of [in, out]. */
function slopes(host: HostInputs) {
  const [x, gate, up, down, dy] = [host.x, host.gate, host.up, host.down, host.dy]
    .map((values) => Float64Array.from(values));
  const by = (values: Float64Array) =>
    centralDifferences(values, () => loss({ ...sizes, activation }, { x, gate, up, down, dy }));
  return { x: by(x), gate: by(gate), up: by(up), down: by(down) };
}

Deno.test("gradients of a block with weights [out, in] are the slopes of its loss", () =>
  withGpu(async (gpu) => {
    const block = blockOf(gpu, sizes);
    const form = WEIGHT_FORMS.find(({ parts, layout }) => parts === "separate" && layout === "out,in")!;
    const { weights, tensors } = weightsIn(gpu, form, { projections: block.host, sizes, dtype: "float32" });
    const { x, ...projections } = slopes(block.host);
    const { gate, up, down } = stored(form, projections, sizes);
    const { y, backward } = swigluWithGrad(gpu, block.x, weights as SeparateWeights, { activation });
    const { dx, dGate, dUp, dDown } = backward(block.dy);
    await assertNear(dx, x);
    await assertNear(dGate, gate);
    await assertNear(dUp, up);
    await assertNear(dDown, down);
    disposeAll({ y, dx, dGate, dUp, dDown });
    disposeAll(block);
    disposeAll(tensors);
  }));

Deno.test("gradients that are added to tensors raise them by the slopes of the loss", () =>
  withGpu(async (gpu) => {
    const { host, forms: [weights], ...block } = blockOf(gpu, sizes);
    const { x, gate, up, down } = slopes(host);
    const expected = { dx: x, dGate: gate, dUp: up, dDown: down };
    const start = (i: number) => (i % 7 - 3) / 2;
    const target = (name: keyof typeof expected, shape: number[]) =>
      Tensor.from(gpu, expected[name].map((_, i) => start(i)), shape, { label: name });
    const into = {
      dx: target("dx", [5, 4]),
      dGate: target("dGate", [4, 6]),
      dUp: target("dUp", [4, 6]),
      dDown: target("dDown", [6, 4]),
    };
    const { y, backward } = swigluWithGrad(gpu, block.x, weights, { activation, into });
    const gradients = backward(block.dy);
    for (const name of ["dx", "dGate", "dUp", "dDown"] as const) {
      assertStrictEquals(gradients[name], into[name]);
      await assertNear(into[name], expected[name].map((slope, i) => slope + start(i)));
    }
    disposeAll({ y, ...into });
    disposeAll(block);
  }));

Deno.test("the gradient of an activation's parameter is W_up . dUp of a block with the derivative by it as activation", () =>
  withGpu(async (gpu) => {
    const beta = 1.5;
    const { host, forms: [weights], ...block } = blockOf(gpu, sizes);
    const [x, gate, up, down, dy] = [host.x, host.gate, host.up, host.down, host.dy];
    const swish = (beta: number) => ({ value: (x: number) => x * sigmoid(beta * x), derivative: () => NaN });
    const [expected] = centralDifferences(
      Float64Array.of(beta),
      (at) => loss({ ...sizes, activation: swish(at[0]) }, { x, gate, up, down, dy }),
    );

    const s = "(1 / (1 + exp(-beta * x)))";
    const activation: CustomActivation = {
      wgsl: `x * x * ${s} * (1 - ${s})`,
      derivative: "vec4f(0)",
      parameters: { beta },
    };
    const { y, backward } = swigluWithGrad(gpu, block.x, weights, { activation, wrt: ["up"] });
    const { dUp } = backward(block.dy);
    const terms = (await dUp.read()).map((slope, i) => slope * up[i]);
    const sum = terms.reduce((sum, term) => sum + term, 0);
    const scale = terms.reduce((sum, term) => sum + Math.abs(term), 0);
    assert(Math.abs(sum - expected) < 1e-5 * scale, `${sum}, not ${expected}`);
    disposeAll({ y, dUp });
    disposeAll(block);
  }));
