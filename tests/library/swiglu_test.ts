import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  explain,
  gatedLinearUnit,
  Gpu,
  NoImplementationError,
  plan,
  requestGpu,
  swiglu,
  swigluWithGrad,
  Tensor,
  variants,
} from "../../mod.ts";
import { combineGateUp, randomInputs, splitGateUp } from "../../variants/data.ts";
import { oracle, relativeFrobeniusError } from "../../variants/oracle.ts";

const sizes = { tokens: 12, dim: 20, hiddenDim: 36 };
const problem = { ...sizes, dtype: "float32", activation: "silu" } as const;

function setUp(gpu: Gpu) {
  const host = randomInputs({ ...sizes, dtype: "float32" }, Math.floor(Math.random() * 2 ** 31));
  const { tokens, dim, hiddenDim } = sizes;
  const gateUpValues = combineGateUp(host.gate, host.up, hiddenDim);
  return {
    host,
    expected: oracle(problem, host),
    x: Tensor.from(gpu, host.x, [3, tokens / 3, dim]),
    dy: Tensor.from(gpu, host.dy, [3, tokens / 3, dim]),
    gate: Tensor.from(gpu, host.gate, [dim, hiddenDim]),
    up: Tensor.from(gpu, host.up, [dim, hiddenDim]),
    gateUp: Tensor.from(gpu, gateUpValues, [dim, 2, hiddenDim]),
    down: Tensor.from(gpu, host.down, [hiddenDim, dim]),
  };
}

function disposeAll(tensors: Record<string, unknown>): void {
  for (const tensor of Object.values(tensors)) if (tensor instanceof Tensor) tensor.dispose();
}

async function close(tensor: Tensor, expected: Float64Array): Promise<void> {
  const error = relativeFrobeniusError(await tensor.read(), expected);
  assertEquals(error < 1e-5, true, `${tensor.label}: error ${error}`);
}

Deno.test("every implementation gives y and gradients for separate and for combined weights, and leaves nothing", async () => {
  const gpu = await requestGpu();
  const all = setUp(gpu);
  const { host, expected, x, dy, gate, up, gateUp, down } = all;
  const before = gpu.memory.ledger.chargedBytes;
  for (const implementation of [null, ...variants.map(({ id }) => id)]) {
    for (const weights of [{ gate, up, down }, { gateUp, down }]) {
      const forward = swiglu(gpu, x, weights, { implementation });
      assertEquals(forward.shape, x.shape);
      await close(forward, expected.y);
      const { y, backward } = swigluWithGrad(gpu, x, weights, { implementation });
      await close(y, expected.y);
      const gradients = backward(dy);
      assertEquals(gradients.dx.shape, x.shape);
      await close(gradients.dx, expected.dx);
      await close(gradients.dDown, expected.dDown);
      if ("dGateUp" in gradients) {
        const parts = splitGateUp(await gradients.dGateUp.read(), sizes.hiddenDim);
        assertEquals(relativeFrobeniusError(parts.gate, expected.dGate) < 1e-5, true);
        assertEquals(relativeFrobeniusError(parts.up, expected.dUp) < 1e-5, true);
      } else {
        await close(gradients.dGate, expected.dGate);
        await close(gradients.dUp, expected.dUp);
      }
      disposeAll({ forward, y, ...gradients });
    }
  }
  gpu.check();
  assertEquals(gpu.memory.ledger.chargedBytes, before);
  assertEquals(host.x.length, x.length);
  disposeAll(all);
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

Deno.test("gatedLinearUnit gives h of separate and combined weights", async () => {
  const gpu = await requestGpu();
  const all = setUp(gpu);
  const { host, x, gate, up, gateUp } = all;
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
  for (const weight of [gateUp, { gate, up }]) {
    using result = gatedLinearUnit(gpu, x, weight);
    assertEquals(result.shape, [3, tokens / 3, hiddenDim]);
    await close(result, h);
  }
  disposeAll(all);
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

Deno.test("explain predicts saved and peak bytes that the run then takes, to the byte", async () => {
  const gpu = await requestGpu();
  const all = setUp(gpu);
  const { x, dy, gate, up, down } = all;
  const { ledger } = gpu.memory;
  for (const implementation of variants.map(({ id }) => id)) {
    const predicted = explain(gpu, sizes, { implementation });
    assertEquals(predicted.implementation, implementation);
    ledger.resetPeak();
    const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down }, { implementation });
    assertEquals(ledger.live("saved"), predicted.savedBytes, implementation);
    const gradients = backward(dy);
    assertEquals(ledger.peakBytes, predicted.peakBytes, implementation);
    disposeAll({ y, ...gradients });
  }
  disposeAll(all);
  gpu.dispose();
});

Deno.test("a memory budget makes the block recompute in chunks of tokens, within the budget and with the same result", async () => {
  const gpu = await requestGpu();
  const large = { tokens: 600, dim: 8, hiddenDim: 16 };
  const host = randomInputs({ ...large, dtype: "float32" }, 7);
  const expected = oracle({ ...large, activation: "silu" }, host);
  const x = Tensor.from(gpu, host.x, [600, 8]);
  const dy = Tensor.from(gpu, host.dy, [600, 8]);
  const weights = {
    gate: Tensor.from(gpu, host.gate, [8, 16]),
    up: Tensor.from(gpu, host.up, [8, 16]),
    down: Tensor.from(gpu, host.down, [16, 8]),
  };
  const free = explain(gpu, large);
  const chunked = explain(gpu, large, { memoryBudget: free.peakBytes - 1 });
  assertEquals(chunked.chunkTokens !== null, true);
  assertEquals(chunked.rejected.length > 0, true);
  const { rejected: _, ...chosen } = chunked;
  assertEquals(plan(gpu, large, { memoryBudget: free.peakBytes - 1 }), chosen);
  gpu.memory.ledger.resetPeak();
  const { y, backward } = swigluWithGrad(gpu, x, weights, { memoryBudget: free.peakBytes - 1 });
  const gradients = backward(dy);
  assertEquals(gpu.memory.ledger.peakBytes, chunked.peakBytes);
  assertEquals(chunked.peakBytes < free.peakBytes, true);
  await close(y, expected.y);
  await close(gradients.dx, expected.dx);
  await close(gradients.dDown, expected.dDown);
  if ("dGate" in gradients) await close(gradients.dGate, expected.dGate);
  const error = assertThrows(() => explain(gpu, large, { memoryBudget: 1000 }), NoImplementationError);
  assertEquals(/the least that would do is \d+ bytes$/.test(error.message), true, error.message);
  disposeAll({ y, x, dy, ...weights, ...gradients });
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

Deno.test("bad calls are refused before anything is allocated", async () => {
  const gpu = await requestGpu();
  const other = await requestGpu();
  const all = setUp(gpu);
  const { x, gate, up, gateUp, down, dy } = all;
  const foreign = Tensor.from(other, new Float32Array(4), [2, 2]);
  const half = Tensor.from(gpu, new Float32Array(36 * 20), [36, 20], { dtype: "float16" });
  const gone = Tensor.from(gpu, new Float32Array(4), [2, 2]);
  gone.dispose();
  const weights = { gate, up, down };
  // deno-lint-ignore no-explicit-any
  const call = (...args: any[]) => () => (swiglu as any)(gpu, ...args);
  const cases: [() => unknown, ErrorConstructor | typeof NoImplementationError, string][] = [
    [call(null, weights), TypeError, "Cannot use x as it must be a Tensor: current value is null"],
    [call(gone, weights), TypeError, "Cannot use x as it must not be disposed: current value is disposed"],
    [
      call(foreign, weights),
      TypeError,
      "Cannot use x as it must be of this Gpu: current value is of another",
    ],
    [
      call(x, null),
      TypeError,
      "Cannot use weights as they must be { gate, up, down } or { gateUp, down }: current value is null",
    ],
    [
      call(x, { gate, down }),
      TypeError,
      "Cannot use weights.up as it must be a Tensor: current value is undefined",
    ],
    [
      call(x, { ...weights, gateUp }),
      TypeError,
      "Cannot use weights as they must have either gateUp or gate and up: current value has both",
    ],
    [
      call(x, { ...weights, gate: down }),
      RangeError,
      "Cannot use weights.gate as its shape must be [20,20]: current value is [36,20]",
    ],
    [
      call(x, { ...weights, up: down }),
      RangeError,
      "Cannot use weights.up as its shape must be [20,36]: current value is [36,20]",
    ],
    [
      call(x, { ...weights, down: up }),
      RangeError,
      "Cannot use weights.down as its shape must be [36,20]: current value is [20,36]",
    ],
    [
      call(x, { gateUp: gate, down }),
      RangeError,
      "Cannot use weights.gateUp as its shape must be [20,2,36]: current value is [20,36]",
    ],
    [
      call(x, { ...weights, down: half }),
      TypeError,
      "Cannot use weights.down as its dtype must be x's, float32: current value is float16",
    ],
    [
      call(x, weights, { activation: "swish" }),
      RangeError,
      "Cannot use activation as it must be one of silu, gelu, gelu_tanh, relu, sigmoid, tanh, identity: current value is swish",
    ],
    [
      call(x, weights, { activation: { wgsl: "x" } }),
      TypeError,
      "Cannot use activation as it must be a name or have wgsl and derivative, both expressions of x: current value is Object",
    ],
    [
      call(x, weights, { precision: "double" }),
      RangeError,
      "Cannot use precision as it must be one of highest, default, fastest: current value is double",
    ],
    [
      call(x, weights, { memoryBudget: NaN }),
      RangeError,
      "Cannot use memoryBudget as it must be null or bytes above 0: current value is NaN",
    ],
    [
      call(x, weights, { memoryBudget: -1 }),
      RangeError,
      "Cannot use memoryBudget as it must be null or bytes above 0: current value is -1",
    ],
    [
      () => Tensor.from(gpu, new Float32Array(3), [2, 2]),
      RangeError,
      "Cannot make tensor as shape [2,2] holds 4 elements: current value is 3",
    ],
    [
      () => Tensor.empty(gpu, [0, 2]),
      RangeError,
      "Cannot make tensor as its shape must be whole numbers from 1 up: current value is [0,2]",
    ],
    [
      () => Tensor.wrap(gpu, x.buffer, [2], { byteOffset: 4 }),
      RangeError,
      "Cannot wrap tensor as byteOffset must be a multiple of 256: current value is 4",
    ],
    [() => x.reshape([7]), RangeError, "Cannot reshape tensor as it has 240 elements: current value is [7]"],
  ];
  const live = gpu.memory.ledger.liveBytes;
  for (const [bad, kind, message] of cases) assertEquals(assertThrows(bad, kind).message, message);
  assertThrows(
    call(x, weights, { implementation: "cudnn" }),
    RangeError,
    "Cannot use implementation as it must be null or one of pytorch",
  );
  const { y, backward, dispose } = swigluWithGrad(gpu, x, weights);
  assertThrows(
    () => backward(gate),
    RangeError,
    "Cannot use dy as its shape must be [3,4,20]: current value is [20,36]",
  );
  dispose();
  assertThrows(() => backward(dy), TypeError, "Cannot go backward as what forward saved must be there");
  y.dispose();
  assertEquals(gpu.memory.ledger.liveBytes - gpu.memory.ledger.live("internal"), live);
  await assertRejects(() => gone.read(), TypeError, "Cannot use tensor as it is disposed");
  disposeAll({ ...all, half });
  foreign.dispose();
  other.dispose();
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

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
  assertAlmostEquals((await y.read())[31], (31 / 32) ** 2, 1e-6); // identity gate: y = x * x
  for (const tensor of [x, gate, up, down, y]) tensor.dispose();
  gpu.dispose();
  device.queue.writeBuffer(buffer, 0, new Uint8Array(4));
  await device.queue.onSubmittedWorkDone();
  device.destroy();
});

Deno.test("100 steps of gradient descent lower the loss of a gated MLP, and memory stays as it is", async () => {
  const gpu = await requestGpu();
  const [T, D, H] = [16, 4, 8];
  const random = (...shape: number[]) =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
  const x = Tensor.from(gpu, random(T, D), [T, D]);
  const target = random(T, D);
  const host = { gate: random(D, H), up: random(D, H), down: random(H, D) };
  const weights = {
    gate: Tensor.from(gpu, host.gate, [D, H]),
    up: Tensor.from(gpu, host.up, [D, H]),
    down: Tensor.from(gpu, host.down, [H, D]),
  };
  const losses: number[] = [];
  const bytes = new Set<number>();
  for (let step = 0; step < 100; step++) {
    const { y, backward } = swigluWithGrad(gpu, x, weights);
    const difference = (await y.read()).map((value, i) => value - target[i]);
    losses.push(difference.reduce((sum, value) => sum + value * value, 0) / 2);
    const dy = Tensor.from(gpu, difference, [T, D]);
    const gradients = backward(dy) as Record<string, Tensor>;
    for (const [name, gradient] of [["gate", "dGate"], ["up", "dUp"], ["down", "dDown"]] as const) {
      const slope = await gradients[gradient].read();
      host[name].forEach((_, i) => host[name][i] -= 0.1 * slope[i]);
      weights[name].write(host[name]);
    }
    disposeAll({ y, dy, ...gradients });
    bytes.add(gpu.memory.ledger.liveBytes);
  }
  assertEquals(losses[99] < 0.9 * losses[0], true, `${losses[0]} to ${losses[99]}`);
  assertEquals(bytes.size, 1);
  disposeAll({ x, ...weights });
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});
