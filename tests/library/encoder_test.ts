import { assertEquals, assertNotStrictEquals, assertRejects, assertThrows } from "@std/assert";
import { explain, type Gpu, OutOfMemoryError, swiglu, swigluWithGrad, Tensor } from "../../mod.ts";
import { DeviceMemory } from "../../kernels/gpu/memory.ts";
import { blockOf, disposeAll, type Fixture, withGpu } from "./fixture.ts";

const sizes = { tokens: 24, dim: 20, hiddenDim: 36 };

/** Three blocks one after the other, and the gradients back to x; what lies between them is disposed at once. */
function model(gpu: Gpu, { x, dy, forms: [weights] }: Fixture, encoder?: GPUCommandEncoder) {
  const first = swiglu(gpu, x, weights, { encoder });
  const second = swigluWithGrad(gpu, first, weights, { encoder });
  const third = swigluWithGrad(gpu, second.y, weights, { encoder });
  const back = third.backward(dy, { encoder });
  const { dx, ...rest } = second.backward(back.dx, { encoder });
  disposeAll([first, second.y, ...Object.values(back), ...Object.values(rest)]);
  return { y: third.y, dx };
}

Deno.test("a model is one submit: its values are those of immediate work, whatever is done before the submit", () =>
  withGpu(async (gpu) => {
    const block = blockOf(gpu, sizes);
    const expected = model(gpu, block);
    const values = [await expected.y.read(), await expected.dx.read()];
    disposeAll(expected);
    gpu.memory.trim();

    const encoder = gpu.device.createCommandEncoder();
    const recorded = model(gpu, block, encoder);
    // These take buffers of every size that the model released, and run before it.
    const other = model(gpu, block);
    const fillers = Array.from(
      { length: 20 },
      () => Tensor.from(gpu, new Float32Array(864).fill(NaN), [24, 36]),
    );
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    assertEquals([await recorded.y.read(), await recorded.dx.read()], values);
    assertEquals([await other.y.read(), await other.dx.read()], values);
    for (const filler of fillers) assertEquals((await filler.read()).every(Number.isNaN), true);
    disposeAll([...fillers, ...[block, recorded, other].flatMap((tensors) => Object.values(tensors))]);
  }));

Deno.test("results are refused, by name, until their encoder is said to be submitted", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const encoder = gpu.device.createCommandEncoder();
    const { y, backward } = swigluWithGrad(gpu, block.x, weights, { encoder });
    const live = gpu.memory.ledger.liveBytes;
    await assertRejects(() => y.read(), TypeError, "must be submitted");
    assertThrows(() => swiglu(gpu, y, weights), TypeError, "Cannot use x as the encoder that writes it");
    assertThrows(() => backward(block.dy), TypeError, "Cannot use g as the encoder that writes it");
    const elsewhere = { encoder: gpu.device.createCommandEncoder() };
    assertThrows(
      () => backward(block.dy, elsewhere),
      TypeError,
      "Cannot use g as the encoder that writes it",
    );
    assertEquals(gpu.memory.ledger.liveBytes - live, 0);

    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    await y.read();
    disposeAll({ ...block, y, ...backward(block.dy) });
  }));

Deno.test("backward refuses a dy that is still to be written, and can then be called again", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const { y, backward } = swigluWithGrad(gpu, block.x, weights);
    const encoder = gpu.device.createCommandEncoder();
    const dy = swiglu(gpu, block.x, weights, { encoder });
    assertThrows(() => backward(dy), TypeError, "Cannot use dy as the encoder that writes it");
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    const gradients = backward(dy);
    assertEquals((await gradients.dx.read()).every(Number.isFinite), true);
    disposeAll([y, dy, ...Object.values(gradients), ...Object.values(block)]);
  }));

Deno.test("work in an encoder peaks at what explain says: released buffers serve the same encoder again", () =>
  withGpu((gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    for (const implementation of ["tuned", "pytorch"]) {
      const predicted = explain(gpu, sizes, { implementation });
      const encoder = gpu.device.createCommandEncoder();
      const reserved = new Set<number>();
      for (let layer = 0; layer < 3; layer++) {
        gpu.memory.ledger.resetPeak();
        const { y, backward } = swigluWithGrad(gpu, block.x, weights, { implementation, encoder });
        disposeAll({ y, ...backward(block.dy, { encoder }) });
        assertEquals(gpu.memory.ledger.peakBytes, predicted.peakBytes);
        reserved.add(gpu.memory.ledger.pooledBytes);
      }
      assertEquals(gpu.memory.ledger.chargedBytes, 0);
      assertEquals(reserved.size, 1, "later layers take no fresh buffers");
      gpu.submitted(encoder); // dropped, in truth
      gpu.memory.trim();
    }
    disposeAll(block);
  }));

Deno.test("a buffer that an encoder uses waits for it, one that two use for both", () =>
  withGpu((gpu) => {
    const [first, second] = [gpu.device.createCommandEncoder(), gpu.device.createCommandEncoder()];
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const x = Tensor.from(gpu, block.host.x, [24, 20]);
    const ys = [first, second].map((encoder) => swiglu(gpu, x, weights, { encoder }));
    const { buffer } = x;
    x.dispose();
    for (const encoder of [first, second]) {
      using other = Tensor.empty(gpu, [24, 20]);
      assertNotStrictEquals(other.buffer, buffer);
      gpu.submitted(encoder);
    }
    const taken = Array.from({ length: 3 }, () => Tensor.empty(gpu, [24, 20]));
    assertEquals(taken.some((tensor) => tensor.buffer === buffer), true);
    disposeAll([...taken, ...ys, ...Object.values(block)]);
  }));

Deno.test("an allocation that fails leaves the encoder usable and no tensor behind, whichever it is", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], ...block } = blockOf(gpu, sizes);
    const expected = await once(swiglu(gpu, block.x, weights));
    const { acquire } = DeviceMemory.prototype;
    for (let failing = 1;; failing++) {
      const encoder = gpu.device.createCommandEncoder();
      let count = 0;
      DeviceMemory.prototype.acquire = function (byteLength, as) {
        if (++count === failing) throw new OutOfMemoryError(`Cannot allocate ${as.label}`);
        return acquire.call(this, byteLength, as);
      };
      const live = gpu.memory.ledger.chargedBytes;
      try {
        const { y, backward } = swigluWithGrad(gpu, block.x, weights, { encoder });
        try {
          disposeAll(backward(block.dy, { encoder }));
        } finally {
          y.dispose();
        }
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error;
      } finally {
        DeviceMemory.prototype.acquire = acquire;
      }
      assertEquals(gpu.memory.ledger.chargedBytes, live, `allocation ${failing}`);
      const y = swiglu(gpu, block.x, weights, { encoder });
      gpu.device.queue.submit([encoder.finish()]);
      gpu.submitted(encoder);
      assertEquals(await once(y), expected);
      if (count < failing) break;
    }
    disposeAll(block);
  }));

async function once(tensor: Tensor): Promise<Float32Array> {
  try {
    return await tensor.read();
  } finally {
    tensor.dispose();
  }
}
