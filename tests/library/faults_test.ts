/** What faults leave behind: a caller's bad objects, a refused allocation, a shader that does not compile, a lost device. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ActivationError,
  checkActivation,
  countNonFinite,
  elementwise,
  explain,
  Gpu,
  requestGpu,
  swiglu,
  swigluWithGrad,
  Tensor,
  TuningError,
  useTuning,
  variants,
} from "../../mod.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 6, dim: 8, hiddenDim: 12 };
const MIB = 2 ** 20;

Deno.test("a buffer that the device refused never serves again", () =>
  withGpu(async (gpu) => {
    const { device } = gpu;
    const create = device.createBuffer;
    // What a device out of memory gives: a buffer of the size, which is invalid. This one has no such size.
    device.createBuffer = (init) => create.call(device, { ...init, usage: 0xffff });
    const refused = Tensor.from(gpu, new Float32Array(64).fill(1), [64]);
    device.createBuffer = create;
    await assertRejects(() => refused.read(), Error, "Cannot go on as the GPU reported");
    refused.dispose();
    using again = Tensor.from(gpu, new Float32Array(64).fill(2), [64]);
    assertEquals((await again.read())[63], 2);
  }));

Deno.test("buffers that wait for reuse are bounded where tensors come and go without any work", () =>
  withGpu((gpu) => {
    const some = (length: number) =>
      Array.from({ length: 20 }, () => Tensor.empty(gpu, [length])).forEach((tensor) => tensor.dispose());
    some(2 * MIB); // 160 MiB
    some(2 * MIB + 4);
    some(2 * MIB + 8);
    using _ = Tensor.empty(gpu, [4]);
    assert(gpu.ledger.pooledBytes <= 64 * MIB, `${gpu.ledger.pooledBytes} bytes`);
  }));

Deno.test("a Gpu that is disposed frees what is released later, and makes nothing new", async () => {
  using own = await requestGpu();
  const gpu = Gpu.from(own.device);
  const tensor = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [4]);
  gpu.dispose();
  tensor.dispose();
  assertEquals([gpu.ledger.liveBytes, gpu.ledger.pooledBytes], [0, 0]);
  assertThrows(() => Tensor.empty(gpu, [4]), TypeError, "its Gpu is disposed");
});

Deno.test("backward is of what forward saw: weights, activation and shape may change in the caller's hands", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const activation = { wgsl: "x * x", derivative: "2 * x" };
    const gradients = async (meddle: (mine: typeof weights, own: typeof activation) => void) => {
      const mine = { ...weights };
      const own = { ...activation };
      const shape = [...block.x.shape];
      const { y, backward } = swigluWithGrad(gpu, block.x, mine, { activation: own });
      meddle(mine, own);
      const made = backward(block.dy);
      block.x.reshape(shape);
      const values = await made.dx.read();
      disposeAll([y, ...Object.values(made)]);
      return values;
    };
    const other = Tensor.from(gpu, new Float32Array(sizes.hiddenDim * sizes.dim).fill(3), [
      sizes.hiddenDim,
      sizes.dim,
    ]);
    const expected = await gradients(() => {});
    const meddled = await gradients((mine, own) => {
      own.derivative = "vec4f(0)";
      (mine as { down: Tensor }).down = other;
      block.x.reshape([2, 3, sizes.dim]);
    });
    assertEquals(meddled, expected);
    disposeAll([other, ...Object.values(block)]);
  }));

Deno.test("a write to a caller's buffer that would reach the next element is refused", () =>
  withGpu((gpu) => {
    const buffer = gpu.device.createBuffer({ size: 256, usage: 0x80 | 0x04 | 0x08 });
    using odd = Tensor.wrap(gpu, buffer, [3], { dtype: "float16" });
    assertThrows(() => odd.write(Float32Array.of(1, 2, 3)), TypeError, "words of 4 bytes");
    using even = Tensor.wrap(gpu, buffer, [4], { dtype: "float16" });
    even.write(Float32Array.of(1, 2, 3, 4));
    buffer.destroy();
  }));

Deno.test("one kernel cannot read and write parts of one buffer: the call says so", () =>
  withGpu(async (gpu) => {
    const sizes = { tokens: 4, dim: 8, hiddenDim: 8 };
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const buffer = gpu.device.createBuffer({ size: 2048, usage: 0x80 | 4 | 8 });
    const part = (label: string, shape: number[], i: number) =>
      Tensor.wrap(gpu, buffer, shape, { byteOffset: 512 * i, label });
    const [read, written] = [part("read", [8, 8], 0), part("written", [8, 8], 1)];
    const { liveBytes } = gpu.ledger;
    const message = "Cannot use written as it must lie in another GPUBuffer than read, because one kernel";
    assertThrows(() => elementwise(gpu, { read, written }, { written: "read" }), TypeError, message);
    const into = { dGate: written };
    const x = part("read", [4, 8], 0);
    const { y, backward } = swigluWithGrad(gpu, x, weights, { into });
    assertThrows(() => backward(block.dy), TypeError, message);
    y.dispose();
    assertEquals(gpu.ledger.liveBytes, liveBytes);
    // Parts that are all written may.
    const both = { dGate: part("first", [8, 8], 2), dUp: part("second", [8, 8], 3) };
    const apart = swigluWithGrad(gpu, block.x, weights, { into: both });
    const { dx, dDown } = apart.backward(block.dy);
    const expected = oracle({ ...sizes, activation: "silu" }, block.host);
    await assertNear(both.dGate, expected.dGate);
    await assertNear(both.dUp, expected.dUp);
    disposeAll({ y: apart.y, dx, dDown, ...block });
    buffer.destroy();
  }));

Deno.test("an activation that does not compile says why, the second time too", () =>
  withGpu(async (gpu) => {
    for (let time = 0; time < 2; time++) {
      const error = await assertRejects(
        () => checkActivation(gpu, { wgsl: "foo(x)", derivative: "x" }),
        ActivationError,
      );
      assert(error.message.includes("foo"), error.message);
    }
    await checkActivation(gpu, "silu");
  }));

Deno.test("a wrong derivative is told however small the slope or large the value", () =>
  withGpu(async (gpu) => {
    for (const [wgsl, derivative] of [["x + 100", "vec4f(0)"], ["0.0015 * x", "vec4f(0)"]]) {
      await assertRejects(() => checkActivation(gpu, { wgsl, derivative }), ActivationError);
    }
    await checkActivation(gpu, { wgsl: "x + 100", derivative: "vec4f(1)" });
    await checkActivation(gpu, { wgsl: "0.0015 * x", derivative: "vec4f(0.0015)" });
  }));

Deno.test("a lost device is told as such", async () => {
  using gpu = await requestGpu();
  const { forms: [weights], ...block } = blockOf(gpu, sizes);
  gpu.device.destroy();
  await gpu.device.lost;
  await new Promise((done) => setTimeout(done, 0));
  assertThrows(() => swiglu(gpu, block.x, weights), Error, "its device is lost");
  await assertRejects(() => block.x.read(), Error, "lost");
});

Deno.test("explain says of every other implementation why it is not taken", () =>
  withGpu((gpu) => {
    const all = variants.map(({ id }) => id);
    for (const options of [{}, { implementation: "liger" }]) {
      const { implementation, rejected } = explain(gpu, sizes, options);
      assertEquals(
        [implementation, ...rejected.map(({ implementation }) => implementation)].sort(),
        [...all].sort(),
      );
      assert(rejected.every(({ reason }) => reason.includes(implementation)));
    }
  }));

Deno.test("arguments of another kind are named", () =>
  withGpu(async (gpu) => {
    using own = await requestGpu();
    using tensor = Tensor.empty(own, [4]);
    const wrong = <T>(value: unknown) => value as T;
    assertThrows(() => Gpu.from(wrong(null)), TypeError, "Cannot use device");
    assertThrows(() => Gpu.from(wrong({})), TypeError, "Cannot use device");
    assertThrows(() => Tensor.from(wrong(null), new Float32Array(4), [4]), TypeError, "Cannot use gpu");
    assertThrows(() => Tensor.empty(wrong({}), [4]), TypeError, "Cannot use gpu");
    assertThrows(() => countNonFinite(gpu, wrong({})), TypeError, "tensor must be a Tensor of this Gpu");
    assertThrows(() => countNonFinite(gpu, tensor), TypeError, "tensor must be a Tensor of this Gpu");
    const entries = [{ tile: "none" }];
    assertThrows(
      () => useTuning(wrong({ schema: "swiglu-tuning/1", adapter: "a", entries })),
      TuningError,
      "entries[0]",
    );
  }));
