import { assert, assertEquals } from "@std/assert";
import { swiglu, swigluWithGrad, Tensor } from "../../mod.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 16, dim: 6, hiddenDim: 10 };
const STEPS = 40;
/** Far below the inverse of the loss's curvature, so that every step must go down. */
const RATE = 5e-4;

/** Half the squared distance of y to a target, and its gradient by y. */
function lossOf(y: ArrayLike<number>, target: Float32Array) {
  const dy = target.map((value, i) => y[i] - value);
  return { loss: dy.reduce((sum, value) => sum + value * value, 0) / 2, dy };
}

Deno.test("gradient descent lowers the loss, and every step's loss is the oracle's at the same weights", () =>
  withGpu(async (gpu) => {
    const { forms: [separate], gateUp, ...block } = blockOf(gpu, sizes);
    const { dy: target, gate, up, down } = block.host;
    const weights = { gate, up, down };
    const losses: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const { y, backward } = swigluWithGrad(gpu, block.x, separate);
      const { loss, dy } = lossOf(await y.read(), target);
      const slope = Tensor.from(gpu, dy, block.x.shape);
      const gradients = backward(slope);
      const steps = { gate: gradients.dGate, up: gradients.dUp, down: gradients.dDown };

      const expected = oracle({ ...sizes, activation: "silu" }, { ...block.host, ...weights, dy });
      const exact = lossOf(expected.y, target).loss;
      assert(Math.abs(loss / exact - 1) < 1e-5, `step ${step}: ${loss} beside ${exact}`);
      await assertNear(gradients.dGate, expected.dGate);

      for (const name of ["gate", "up", "down"] as const) {
        const values = await steps[name].read();
        values.forEach((value, i) => weights[name][i] -= RATE * value);
        block[name].write(weights[name]);
      }
      losses.push(loss);
      disposeAll({ y, slope, ...gradients });
    }
    losses.slice(1).forEach((loss, i) => assert(loss < losses[i], `step ${i + 1}: ${losses[i]} to ${loss}`));
    disposeAll({ gateUp, ...block });
  }));

Deno.test("10,000 steps hold the ledger flat, forward, backward and inference", () =>
  withGpu(async (gpu) => {
    const { forms, ...block } = blockOf(gpu, { tokens: 2, dim: 2, hiddenDim: 2 });
    const seen = new Set<string>();
    const { ledger } = gpu.memory;
    for (let step = 0; step < 10_000; step++) {
      const { y, backward } = swigluWithGrad(gpu, block.x, forms[step % 2]);
      const gradients = backward(block.dy);
      using inference = swiglu(gpu, block.x, forms[step % 2]);
      if (step % 1000 === 999) await inference.read();
      disposeAll({ y, ...gradients });
      if (step >= 2) seen.add([ledger.liveBytes, ledger.pooledBytes, ledger.peakReservedBytes].join());
    }
    assertEquals(seen.size, 1, [...seen].join(" / "));
    disposeAll(block);
  }));
