import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceWatch } from "../../../bench/peers/watch.ts";

// It changes prototypes, once in a process: each test file has its own.
const watch = DeviceWatch.install("high-performance");
const { STORAGE, COPY_DST } = GPUBufferUsage;

async function device(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "low-power" });
  return await adapter!.requestDevice();
}

Deno.test("bytes of buffers count from their making to their end, once each", async () => {
  const made = await device();
  assertEquals(watch.device, made);
  const before = watch.liveBytes;
  const a = made.createBuffer({ size: 4096, usage: STORAGE });
  const b = made.createBuffer({ size: 256, usage: STORAGE });
  assertEquals(watch.liveBytes - before, 4352);
  a.destroy();
  a.destroy();
  assertEquals(watch.liveBytes - before, 256);
  assertEquals(watch.peakBytes - before, 4352);
  watch.resetPeak();
  assertEquals(watch.peakBytes, watch.liveBytes);
  b.destroy();
  assertEquals(watch.liveBytes, before);
  made.destroy();
});

Deno.test("what the GPU reports and nobody catches is an error, once", async () => {
  const made = await device();
  watch.check();
  made.queue.writeBuffer(made.createBuffer({ size: 16, usage: STORAGE }), 0, new Uint8Array(16)); // no COPY_DST
  // The device reports some time after it is idle.
  const reported = new Promise((done) => made.addEventListener("uncapturederror", done, { once: true }));
  await watch.idle();
  await reported;
  assertThrows(() => watch.check(), Error, "the GPU reported: ");
  watch.check();
  const valid = made.createBuffer({ size: 16, usage: STORAGE | COPY_DST });
  made.queue.writeBuffer(valid, 0, new Uint8Array(16));
  await watch.idle();
  watch.check();
  valid.destroy();
});

Deno.test("a library gets the adapter that was chosen, whatever it asks for", async () => {
  const asked = GPU.prototype.requestAdapter;
  const options: unknown[] = [];
  GPU.prototype.requestAdapter = (given) => {
    options.push(given);
    return Promise.resolve(null);
  };
  DeviceWatch.install("software");
  assertEquals(await navigator.gpu.requestAdapter({ powerPreference: "low-power" }), null);
  assertEquals(options, [{ forceFallbackAdapter: true }]);
  GPU.prototype.requestAdapter = asked;
});

Deno.test("a library's own error is not swallowed", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  await assertRejects(() => adapter!.requestDevice({ requiredLimits: { maxBufferSize: 2 ** 52 } }));
});
