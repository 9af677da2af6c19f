import { assertEquals, assertMatch } from "@std/assert";
import { gatedLinearUnit, Gpu, requestGpu, swiglu, swigluWithGrad, Tensor, variants } from "../../mod.ts";
import { splitGateUp } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 12, dim: 20, hiddenDim: 36 };
const leading = [3, 4];

Deno.test("every implementation gives y and gradients for separate and for combined weights, and leaves nothing", () =>
  withGpu(async (gpu) => {
    const { host, forms, ...block } = blockOf(gpu, sizes, { leading });
    const { x, dy } = block;
    const expected = oracle({ ...sizes, activation: "silu" }, host);
    const before = gpu.memory.ledger.chargedBytes;
    for (const implementation of [null, ...variants.map(({ id }) => id)]) {
      for (const weights of forms) {
        const inference = swiglu(gpu, x, weights, { implementation });
        const { y, backward } = swigluWithGrad(gpu, x, weights, { implementation });
        const { dx, dDown, ...rest } = backward(dy);
        assertEquals([inference.shape, y.shape, dx.shape], [x.shape, x.shape, x.shape]);
        await assertNear(inference, expected.y);
        await assertNear(y, expected.y);
        await assertNear(dx, expected.dx);
        await assertNear(dDown, expected.dDown);
        if ("dGateUp" in rest) {
          const { gate, up } = splitGateUp(await rest.dGateUp.read(), sizes.hiddenDim);
          using dGate = Tensor.from(gpu, gate, [20, 36], { label: "dGate" });
          using dUp = Tensor.from(gpu, up, [20, 36], { label: "dUp" });
          await assertNear(dGate, expected.dGate);
          await assertNear(dUp, expected.dUp);
        } else {
          await assertNear(rest.dGate, expected.dGate);
          await assertNear(rest.dUp, expected.dUp);
        }
        disposeAll({ inference, y, dx, dDown, ...rest });
      }
    }
    assertEquals(gpu.memory.ledger.chargedBytes, before);
    disposeAll(block);
  }));

Deno.test("weights may be getters of a class", () =>
  withGpu(async (gpu) => {
    const { host, forms: [separate], ...block } = blockOf(gpu, sizes);
    class Layer {
      get gate() {
        return separate.gate;
      }
      get up() {
        return separate.up;
      }
      get down() {
        return separate.down;
      }
    }
    const expected = oracle({ ...sizes, activation: "silu" }, host);
    const inference = swiglu(gpu, block.x, new Layer());
    const { y, backward } = swigluWithGrad(gpu, block.x, new Layer());
    const { dx, dGate, dUp, dDown } = backward(block.dy);
    const outputs = { y, dx, dGate, dUp, dDown };
    await assertNear(inference, expected.y);
    for (const [name, tensor] of Object.entries(outputs)) {
      await assertNear(tensor, expected[name as keyof typeof outputs]);
    }
    disposeAll({ ...block, ...outputs, inference });
  }));

Deno.test("gatedLinearUnit gives h of separate and combined weights", () =>
  withGpu(async (gpu) => {
    const { host, forms: _, ...block } = blockOf(gpu, sizes, { leading });
    const { tokens, dim, hiddenDim } = sizes;
    const h = new Float64Array(tokens * hiddenDim);
    for (let t = 0; t < tokens; t++) {
      for (let j = 0; j < hiddenDim; j++) {
        let [g, u] = [0, 0];
        for (let d = 0; d < dim; d++) {
          g += host.x[t * dim + d] * host.gate[d * hiddenDim + j];
          u += host.x[t * dim + d] * host.up[d * hiddenDim + j];
        }
        h[t * hiddenDim + j] = g / (1 + Math.exp(-g)) * u;
      }
    }
    for (const weight of [block.gateUp, { gate: block.gate, up: block.up }]) {
      using result = gatedLinearUnit(gpu, block.x, weight);
      assertEquals(result.shape, [...leading, hiddenDim]);
      await assertNear(result, h);
    }
    disposeAll(block);
  }));

Deno.test("disposing what swigluWithGrad gives frees what forward saved, and leaves y", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    {
      using result = swigluWithGrad(gpu, block.x, weights);
      await result.y.read();
      disposeAll({ y: result.y });
    }
    assertEquals(gpu.memory.ledger.chargedBytes, 0);
    disposeAll(block);
  }));

Deno.test("a caller's device and buffer are used and stay the caller's", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const gpu = Gpu.from(device);
  const buffer = device.createBuffer({ size: 1024, usage: 0x80 | 0x04 | 0x08 });
  const x = Tensor.wrap(gpu, buffer, [4, 8], { byteOffset: 256 });
  x.write(Float32Array.from({ length: 32 }, (_, i) => i / 32));
  const identity = Float32Array.from({ length: 64 }, (_, i) => i % 9 === 0 ? 1 : 0);
  const [gate, up, down] = ["gate", "up", "down"].map((label) =>
    Tensor.from(gpu, identity, [8, 8], { label })
  );
  using y = swiglu(gpu, x, { gate, up, down }, { activation: "identity" });
  const squares = Float64Array.from({ length: 32 }, (_, i) => (i / 32) ** 2); // an identity gate: y = x * x
  await assertNear(y, squares);
  disposeAll([x, gate, up, down, y]);
  gpu.dispose();
  device.queue.writeBuffer(buffer, 0, new Uint8Array(4));
  await device.queue.onSubmittedWorkDone();
  device.destroy();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

Deno.test("a tensor may begin wherever the device can bind", () =>
  withGpu(async (gpu) => {
    const byteOffset = gpu.capabilities.minStorageBufferOffsetAlignment;
    const buffer = gpu.device.createBuffer({ size: byteOffset + 1024, usage: 0x80 | 0x04 | 0x08 });
    const { host, forms: [weights], ...block } = blockOf(gpu, sizes);
    const { tokens, dim } = sizes;
    using x = Tensor.wrap(gpu, buffer, [tokens, dim], { byteOffset });
    x.write(host.x);
    const expected = oracle({ ...sizes, activation: "silu" }, host);
    for (const implementation of variants.map(({ id }) => id)) {
      const { y, backward } = swigluWithGrad(gpu, x, weights, { implementation });
      const gradients = backward(block.dy);
      await assertNear(y, expected.y);
      await assertNear(gradients.dGate, expected.dGate);
      disposeAll({ y, ...gradients });
    }
    disposeAll(block);
    buffer.destroy();
  }));

Deno.test("WGSL that does not compile is reported by name where a result is read", async () => {
  const gpu = await requestGpu();
  const { forms: [weights], ...block } = blockOf(gpu, sizes);
  const broken = { wgsl: "x +", derivative: "vec4f(1)" };
  using y = swiglu(gpu, block.x, weights, { activation: broken });
  const message = await y.read().then(() => "read", (error) => String(error));
  // naga's words, or Tint's where the tests run on Dawn.
  assertMatch(message, /Cannot go on as the GPU reported: .*(parsing error|Error while parsing WGSL)/s);
  disposeAll(block);
  gpu.dispose();
});
