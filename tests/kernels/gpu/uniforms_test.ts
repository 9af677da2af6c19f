import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { Ledger } from "../../../kernels/gpu/ledger.ts";
import { Uniforms } from "../../../kernels/gpu/uniforms.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

Deno.test("blocks are shared by content, and counted as the library's own", () => {
  const ledger = new Ledger();
  const uniforms = new Uniforms(gpu.device, ledger);
  const first = uniforms.get([1, 2, 3]);
  assertStrictEquals(uniforms.get([1, 2, 3]), first);
  assertNotStrictEquals(uniforms.get([1, 2, 4]), first);
  assertNotStrictEquals(uniforms.get([12, 3]), first);
  assertEquals(first.size, 16);
  assertEquals(uniforms.get([1, 2, 3, 4, 5]).size, 32);
  assertEquals([ledger.pooledBytes, ledger.liveBytes], [16 * 3 + 32, 0]);
  uniforms.dispose();
  assertEquals(ledger.pooledBytes, 0);
});

Deno.test("beyond the capacity, the blocks used longest ago go first", () => {
  const ledger = new Ledger();
  const uniforms = new Uniforms(gpu.device, ledger);
  const oldest = uniforms.get([0]), next = uniforms.get([1]);
  for (let i = 2; i <= 1024; i++) uniforms.get([i]);
  assertEquals(ledger.pooledBytes, 1025 * 16, "nothing goes while work is recorded");
  uniforms.get([0]);
  uniforms.evict();
  assertEquals(ledger.pooledBytes, 1024 * 16);
  assertStrictEquals(uniforms.get([0]), oldest, "used again, and so kept");
  assertNotStrictEquals(uniforms.get([1]), next);
  uniforms.dispose();
});

testNothingLeft(gpu);
