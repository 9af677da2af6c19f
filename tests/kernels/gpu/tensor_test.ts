import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { DTYPES, roundTo } from "../../../kernels/gpu/dtype.ts";
import { PlannedMemory } from "../../../kernels/gpu/memory.ts";
import { storageBytes, Tensor, type TensorInit } from "../../../kernels/gpu/tensor.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();
const INIT: TensorInit = { shape: [3, 5], dtype: "float32", purpose: "input", label: "T" };

Deno.test("storage is whole words, and never nothing", () => {
  assertEquals([1, 2, 3, 4].map((length) => storageBytes(length, "bfloat16")), [4, 4, 8, 8]);
  assertEquals([1, 3].map((length) => storageBytes(length, "float32")), [4, 12]);
  assertEquals(storageBytes(0, "float16"), 4);
});

Deno.test("elements come back as they were written, rounded to the dtype, in every dtype and an odd number", async () => {
  const values = Float32Array.from({ length: 15 }, (_, i) => Math.sin(i) * 10);
  for (const dtype of DTYPES) {
    using tensor = new Tensor(gpu.memory, { ...INIT, dtype });
    tensor.write(values);
    assertEquals(await tensor.read(), roundTo(values, dtype));
  }
});

Deno.test("a tensor knows its rows, columns, elements and bytes", () => {
  using tensor = new Tensor(gpu.memory, { ...INIT, shape: [2, 3, 5], dtype: "float16" });
  assertEquals([tensor.rows, tensor.columns, tensor.length, tensor.byteLength], [6, 5, 30, 60]);
  assertEquals(gpu.memory.ledger.live("input"), 60);
});

Deno.test("a write of another number of elements is refused", () => {
  using tensor = new Tensor(gpu.memory, INIT);
  assertThrows(
    () => tensor.write(new Float32Array(14)),
    RangeError,
    "Cannot write T as values must have 15 elements: current value is 14",
  );
});

Deno.test("a disposed tensor gives its bytes back once and cannot be used any more", async () => {
  const tensor = new Tensor(gpu.memory, INIT);
  tensor.dispose();
  tensor.dispose();
  assertEquals([gpu.memory.ledger.live("input"), tensor.disposed], [0, true]);
  assertThrows(() => tensor.buffer, TypeError, "Cannot use T as it is disposed");
  await assertRejects(() => tensor.read(), TypeError, "Cannot use T as it is disposed");
});

Deno.test("a borrowed buffer stays the caller's: not counted, not reused, not destroyed", async () => {
  const { ledger } = gpu.memory;
  const buffer = gpu.device.createBuffer({ size: 1024, usage: 0x80 | 0x04 | 0x08 });
  const tensor = new Tensor(gpu.memory, INIT, { buffer, byteOffset: 256 });
  assertEquals(ledger.live("input"), 0);
  const values = Float32Array.from({ length: 15 }, (_, i) => i);
  tensor.write(values);
  assertEquals(await tensor.read(), values);
  tensor.dispose();
  assertEquals([ledger.live("input"), ledger.live("saved")], [0, 0]);
  const around = await gpu.memory.download(buffer, 252, 12);
  assertEquals([...new Float32Array(around.buffer)], [0, 0, 1], "the write began at its offset");
  const other = new Tensor(gpu.memory, INIT);
  assertEquals(other.buffer === buffer, false);
  other.dispose();
  buffer.destroy();
});

Deno.test("a planned tensor has a size and no buffer", async () => {
  const memory = new PlannedMemory();
  const tensor = new Tensor(memory, INIT);
  assertStrictEquals(tensor.memory, memory);
  assertEquals([tensor.byteLength, memory.ledger.live("input")], [60, 60]);
  assertThrows(() => tensor.buffer, TypeError, "Cannot use T as its run is only planned");
  await assertRejects(() => tensor.read(), TypeError, "Cannot use T as its run is only planned");
  tensor.dispose();
  assertEquals(memory.ledger.liveBytes, 0);
});

testNothingLeft(gpu);
