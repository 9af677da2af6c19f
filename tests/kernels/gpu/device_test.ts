import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Gpu, NoAdapterError, requestGpu } from "../../../kernels/gpu/device.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

Deno.test("a device has the adapter's limits, not WebGPU's defaults, and bindings below 2^31 bytes", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new NoAdapterError("no adapter");
  const { capabilities } = gpu;
  for (
    const name of [
      "maxBufferSize",
      "maxComputeWorkgroupStorageSize",
      "maxComputeInvocationsPerWorkgroup",
      "maxStorageBuffersPerShaderStage",
    ] as const
  ) {
    assertEquals(capabilities[name], adapter.limits[name], name);
  }
  assert(capabilities.maxStorageBufferBindingSize <= adapter.limits.maxStorageBufferBindingSize);
  assert(capabilities.maxStorageBufferBindingSize < 2 ** 31);
  assert(capabilities.name.length > 0);
});

Deno.test("capabilities are plain data: a plan made elsewhere needs no device", () => {
  assertEquals(JSON.parse(JSON.stringify(gpu.capabilities)), gpu.capabilities);
});

Deno.test("what the device reports outside any error scope is thrown once, with its text", async () => {
  gpu.device.createBuffer({ size: 16, usage: 0 });
  await gpu.idle();
  assertThrows(() => gpu.check(), Error, "Cannot go on as the GPU reported: ");
  gpu.check();
});

Deno.test("a caller's device outlives what the library made on it", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new NoAdapterError("no adapter");
  const device = await adapter.requestDevice();
  const wrapped = Gpu.from(device);
  const tensor = new Tensor(wrapped.memory, { shape: [4], dtype: "float32", purpose: "input", label: "T" });
  wrapped.uniforms.get([1]);
  tensor.dispose();
  wrapped.dispose();
  assertEquals([wrapped.memory.ledger.liveBytes, wrapped.memory.ledger.pooledBytes], [0, 0]);
  const buffer = device.createBuffer({ size: 16, usage: 0x08 | 0x04 });
  device.queue.writeBuffer(buffer, 0, new Uint8Array(16));
  await device.queue.onSubmittedWorkDone();
  buffer.destroy();
  assertEquals(wrapped.lost, null);
  device.destroy();
});

Deno.test("a destroyed device is lost, and says so from then on", async () => {
  const other = await requestGpu();
  other.device.destroy();
  await other.device.lost;
  await Promise.resolve();
  assert(other.lost !== null);
  assertThrows(() => other.check(), Error, "Cannot use the GPU as its device is lost: ");
  other.dispose();
});

Deno.test("a request that no adapter answers is refused with what was asked for", async () => {
  const { gpu: real } = navigator;
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  try {
    await assertRejects(
      () => requestGpu({ adapter: "low-power" }),
      NoAdapterError,
      'Cannot find a WebGPU adapter as none answers the request: current value of adapter is "low-power"',
    );
  } finally {
    Object.defineProperty(navigator, "gpu", { value: real, configurable: true });
  }
});

Deno.test("the software adapter is known as one, where there is one", async () => {
  try {
    using software = await requestGpu({ adapter: "software" });
    assertEquals(software.capabilities.software, true);
  } catch (error) {
    assert(error instanceof NoAdapterError, `${error}`);
  }
});

testNothingLeft(gpu);
