/** Faults reach the caller of the library whichever error scopes are open. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  countNonFinite,
  gatedLinearUnit,
  type Gpu,
  OutOfMemoryError,
  swiglu,
  swigluWithGrad,
  Tensor,
} from "../../mod.ts";
import { blockOf, disposeAll, type Fixture, withGpu } from "./fixture.ts";

const sizes = { tokens: 3, dim: 4, hiddenDim: 8 };
const broken = { wgsl: "nonsense(x)", derivative: "nonsense(x)" };

/** Calls that compile what cannot be compiled, and give a tensor that was never computed. */
const CALLS: Record<string, (gpu: Gpu, block: Fixture) => Tensor> = {
  swiglu: (gpu, { x, forms }) => swiglu(gpu, x, forms[0], { activation: broken }),
  gatedLinearUnit: (gpu, { x, gateUp }) => gatedLinearUnit(gpu, x, gateUp, { activation: broken }),
  "the forward of swigluWithGrad": (gpu, { x, forms }) => {
    using result = swigluWithGrad(gpu, x, forms[0], { activation: broken });
    return result.y;
  },
  "its backward": (gpu, { x, dy, forms }) => {
    const activation = { wgsl: "x", derivative: "nonsense(x)" };
    const { y, backward } = swigluWithGrad(gpu, x, forms[0], { activation });
    const { dx, ...rest } = backward(dy);
    disposeAll({ y, ...rest });
    return dx;
  },
};

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`a fault of ${name} inside the caller's own error scopes is told by read(), not hidden by old bytes`, () =>
    withGpu(async (gpu) => {
      const block = blockOf(gpu, sizes);
      const filters = ["validation", "out-of-memory", "internal"] as const;
      for (const filter of filters) gpu.device.pushErrorScope(filter);
      using made = call(gpu, block);
      const error = await assertRejects(() => made.read(), Error, "Cannot go on as the GPU reported");
      assert(error.message.includes("nonsense"), error.message);
      for (const _ of filters) assertEquals(await gpu.device.popErrorScope(), null);
      disposeAll(block);
    }));
}

Deno.test("the same in a caller's encoder is told by check() before the submit", () =>
  withGpu(async (gpu) => {
    const block = blockOf(gpu, sizes);
    gpu.device.pushErrorScope("validation");
    const encoder = gpu.device.createCommandEncoder();
    using y = swiglu(gpu, block.x, block.forms[0], { activation: broken, encoder });
    await gpu.idle();
    assertThrows(() => gpu.check(), Error, "nonsense");
    gpu.submitted(encoder);
    await gpu.device.popErrorScope();
    await assertRejects(() => y.read(), TypeError, "did not run");
    disposeAll(block);
  }));

Deno.test("a copy that cannot be made inside a caller's error scope is told by read()", () =>
  withGpu(async (gpu) => {
    const buffer = gpu.device.createBuffer({ size: 64, usage: 0x80 }); // neither COPY_SRC nor COPY_DST
    using wrapped = Tensor.wrap(gpu, buffer, [4]);
    gpu.device.pushErrorScope("validation");
    await assertRejects(() => wrapped.read(), Error, "Cannot go on as the GPU reported");
    wrapped.write(new Float32Array(4));
    await gpu.idle();
    assertThrows(() => gpu.check(), Error, "Cannot go on as the GPU reported");
    assertEquals(await gpu.device.popErrorScope(), null);
    buffer.destroy();
  }));

Deno.test("a count over a buffer that the device refused is no count", () =>
  withGpu(async (gpu) => {
    const create = gpu.device.createBuffer;
    gpu.device.pushErrorScope("validation");
    gpu.device.createBuffer = (init) => create.call(gpu.device, { ...init, usage: 0xffff }); // no such usage
    using refused = Tensor.empty(gpu, [4]);
    gpu.device.createBuffer = create;
    await assertRejects(() => countNonFinite(gpu, refused), Error, "Cannot go on as the GPU reported");
    await gpu.device.popErrorScope();
  }));

Deno.test("read() throws OutOfMemoryError where the device had no room", () =>
  withGpu(async (gpu) => {
    using tensor = Tensor.from(gpu, Float32Array.of(1), [1]);
    const report = (error: GPUError) =>
      gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    report(new GPUOutOfMemoryError("no room"));
    report(new GPUValidationError("an invalid buffer, then"));
    const error = await assertRejects(() => tensor.read(), OutOfMemoryError);
    assertEquals(error.message, "Cannot go on as the GPU reported: no room; an invalid buffer, then");
    report(new GPUValidationError("another fault"));
    const other = await assertRejects(() => tensor.read(), Error, "another fault");
    assertEquals(other.constructor, Error);
    assertEquals([...await tensor.read()], [1]);
  }));
