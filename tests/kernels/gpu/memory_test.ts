import {
  assert,
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { DeviceMemory, OutOfMemoryError, PlannedMemory } from "../../../kernels/gpu/memory.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

Deno.test("a released buffer serves the next request of exactly its size, whatever it is for", () => {
  const memory = new DeviceMemory(gpu.device);
  const first = memory.acquire(256, { purpose: "workspace", label: "first" });
  memory.release(first, 256, "workspace");
  assertEquals([memory.ledger.liveBytes, memory.ledger.pooledBytes], [0, 256]);
  const other = memory.acquire(252, { purpose: "output", label: "other" });
  assertNotStrictEquals(other, first);
  const again = memory.acquire(256, { purpose: "gradient", label: "again" });
  assertStrictEquals(again, first);
  assertEquals([memory.ledger.live("gradient"), memory.ledger.pooledBytes], [256, 0]);
  assertNotStrictEquals(memory.acquire(256, { purpose: "saved", label: "one more" }), first);
  assertEquals(memory.ledger.chargedBytes, 256 + 252 + 256);
  assertEquals(memory.ledger.peakReservedBytes, 256 + 252 + 256);
  for (const buffer of [other, again]) buffer.destroy();
});

Deno.test("trimming destroys what waits, and nothing that is in use", async () => {
  const memory = new DeviceMemory(gpu.device);
  const [kept, waiting] = [
    memory.acquire(16, { purpose: "input", label: "kept" }),
    memory.acquire(16, { purpose: "input", label: "waiting" }),
  ];
  memory.release(waiting, 16, "input");
  memory.trim();
  assertEquals([memory.ledger.pooledBytes, memory.ledger.live("input")], [0, 16]);
  memory.upload(kept, 0, Uint8Array.of(1, 2, 3, 4));
  assertEquals([...await memory.download(kept, 0, 4)], [1, 2, 3, 4]);
  assertNotStrictEquals(memory.acquire(16, { purpose: "input", label: "new" }), waiting);
  memory.upload(waiting, 0, new Uint8Array(4));
  await gpu.idle();
  assertThrows(() => gpu.check(), Error, "destroyed");
});

Deno.test("bytes come back as they went, from any offset", async () => {
  const memory = new DeviceMemory(gpu.device);
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
  const buffer = memory.acquire(128, { purpose: "input", label: "bytes" });
  memory.upload(buffer, 32, bytes);
  assertEquals(await memory.download(buffer, 40, 16), bytes.slice(8, 24));
  memory.upload(buffer, 0, new Uint8Array(0));
  assertEquals(memory.ledger.live("internal"), 0, "the staging buffer is gone");
  buffer.destroy();
});

Deno.test("an upload of several pieces is complete", async () => {
  const memory = new DeviceMemory(gpu.device);
  const length = 64 * 2 ** 20 + 12;
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer);
  for (const at of [0, 16 * 2 ** 20 - 1, 16 * 2 ** 20, words.length - 1]) words[at] = at + 1;
  const buffer = memory.acquire(length, { purpose: "input", label: "large" });
  memory.upload(buffer, 0, bytes);
  for (const at of [0, 16 * 2 ** 20 - 1, 16 * 2 ** 20, words.length - 1]) {
    const [word] = new Uint32Array((await memory.download(buffer, 4 * at, 4)).buffer);
    assertEquals(word, at + 1);
  }
  buffer.destroy();
});

Deno.test("a buffer beyond the device's limit is refused before anything is allocated, with the figures", () => {
  const memory = new DeviceMemory(gpu.device);
  const small = memory.acquire(64, { purpose: "input", label: "small" });
  const { maxBufferSize } = gpu.device.limits;
  const bytes = maxBufferSize + 4;
  assertThrows(
    () => memory.acquire(bytes, { purpose: "workspace", label: "dh" }),
    OutOfMemoryError,
    `Cannot allocate dh as it needs ${bytes} bytes and the device's maxBufferSize is ${maxBufferSize} (64 bytes are live)`,
  );
  assertEquals([memory.ledger.liveBytes, memory.ledger.peakBytes], [64, 0]);
  small.destroy();
});

Deno.test("planned memory counts and gives no buffer", async () => {
  const memory = new PlannedMemory();
  assertEquals(memory.acquire(100, { purpose: "saved", label: "g" }), null);
  assertEquals([memory.ledger.live("saved"), memory.ledger.peakBytes], [100, 100]);
  memory.release(null, 100, "saved");
  assertEquals(memory.ledger.liveBytes, 0);
  assertThrows(() => memory.upload(), TypeError, "Cannot write a tensor as its run is only planned");
  await assertRejects(
    // deno-lint-ignore require-await
    async () => memory.download(),
    TypeError,
    "Cannot read a tensor as its run is only planned",
  );
});

Deno.test("no buffer is allocated for a request that the pool serves", () => {
  const memory = new DeviceMemory(gpu.device);
  const seen = new Set<GPUBuffer>();
  for (let round = 0; round < 50; round++) {
    const buffers = [128, 128, 64].map((size) => memory.acquire(size, { purpose: "workspace", label: "w" }));
    buffers.forEach((buffer) => seen.add(buffer));
    buffers.forEach((buffer, i) => memory.release(buffer, [128, 128, 64][i], "workspace"));
  }
  assert(seen.size === 3, `${seen.size} buffers`);
  memory.trim();
  assertEquals(memory.ledger.pooledBytes, 0);
});

testNothingLeft(gpu);
