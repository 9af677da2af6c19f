import { assert, assertEquals, assertThrows } from "@std/assert";
import { explain, Gpu, NoImplementationError, swiglu, swigluWithGrad, variants } from "../../mod.ts";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import { DEFAULT_VARIANT, FALLBACKS } from "../../variants/mod.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, type Sizes, withGpu } from "./fixture.ts";

/** What is tried where no variant is named. */
const TRIED = [DEFAULT_VARIANT, ...FALLBACKS].map(({ id }) => id);

/** Lets kernels count on less than the device has. */
function limit(gpu: Gpu, limits: Partial<Capabilities>): void {
  Object.assign(gpu, { capabilities: { ...gpu.capabilities, ...limits } });
}

/** Runs a block and compares y and all gradients with the oracle. */
async function assertRight(gpu: Gpu, sizes: Sizes, implementation: string | null = null): Promise<void> {
  const { forms, ...block } = blockOf(gpu, sizes);
  const { y, backward } = swigluWithGrad(gpu, block.x, forms[0], { implementation });
  const outputs = { y, ...backward(block.dy) };
  const expected = oracle({ ...sizes, activation: "silu" }, block.host);
  for (const [name, tensor] of Object.entries(outputs)) {
    await assertNear(tensor, expected[name as keyof typeof expected]);
  }
  disposeAll({ ...block, ...outputs });
}

Deno.test("tokens beyond one binding are computed in chunks, each with bindings of its own", () =>
  withGpu(async (gpu) => {
    const sizes = { tokens: 520, dim: 16, hiddenDim: 24 };
    limit(gpu, { maxStorageBufferBindingSize: 16384 }); // x is 33,280 bytes, g 49,920
    const { implementation, chunkTokens, rejected } = explain(gpu, sizes);
    assertEquals([implementation, chunkTokens], ["tuned", 128]);
    const tried = rejected.slice(0, TRIED.length + 4); // each whole, then tuned in 4 sizes of chunks
    assertEquals(tried.map(({ implementation }) => implementation), [...TRIED, ...Array(4).fill("tuned")]);
    for (const { reason } of tried) {
      assert(reason.includes("at most 16384 bytes (maxStorageBufferBindingSize)"), reason);
    }
    await assertRight(gpu, sizes);
  }));

Deno.test("a weight beyond one binding is refused before anything is allocated, and so is a buffer", () =>
  withGpu((gpu) => {
    const sizes = { tokens: 4, dim: 64, hiddenDim: 128 };
    const { forms, ...block } = blockOf(gpu, sizes);
    const live = gpu.memory.ledger.liveBytes;
    for (const name of ["maxStorageBufferBindingSize", "maxBufferSize"] as const) {
      const whole = gpu.capabilities[name];
      limit(gpu, { [name]: 32764 }); // each weight is 32,768 bytes
      const error = assertThrows(() => swiglu(gpu, block.x, forms[0]), NoImplementationError);
      for (const id of TRIED) assert(error.message.includes(`${id}: `), id);
      assert(error.message.includes(name) && error.message.includes("32764"), error.message);
      limit(gpu, { [name]: whole });
    }
    assertEquals(gpu.memory.ledger.liveBytes, live);
    disposeAll(block);
  }));

Deno.test("with few storage buffers another variant runs where none is named, and a named one says why it cannot", () =>
  withGpu(async (gpu) => {
    const sizes = { tokens: 9, dim: 20, hiddenDim: 30 };
    limit(gpu, { maxStorageBuffersPerShaderStage: 4 });
    assertThrows(
      () => explain(gpu, sizes, { implementation: "tuned" }),
      NoImplementationError,
      "tuned: its kernels bind up to 6 storage buffers and the device allows 4",
    );
    const { implementation, rejected, launches } = explain(gpu, sizes);
    assertEquals(rejected.at(0)?.implementation, "tuned");
    assert(implementation !== "tuned" && launches.length > 0);
    await assertRight(gpu, sizes);
  }));

Deno.test("workgroups beyond one dimension go on in the next, and beyond two are refused", () =>
  withGpu(async (gpu) => {
    limit(gpu, { maxComputeWorkgroupsPerDimension: 7 });
    for (const { id } of variants) await assertRight(gpu, { tokens: 130, dim: 20, hiddenDim: 70 }, id);
    limit(gpu, { maxComputeWorkgroupsPerDimension: 2 });
    assertThrows(
      () => explain(gpu, { tokens: 130, dim: 20, hiddenDim: 70 }),
      NoImplementationError,
      "maxComputeWorkgroupsPerDimension",
    );
  }));

Deno.test("a caller's device with WebGPU's least limits runs the plainest and the most fused variant", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const gpu = Gpu.from(device);
  assertEquals(gpu.capabilities.maxComputeWorkgroupStorageSize, 16384);
  assertEquals(gpu.capabilities.shaderF16, false);
  limit(gpu, { software: false }); // the tiles of a real GPU, which are larger
  for (const id of ["pytorch", "tuned"]) await assertRight(gpu, { tokens: 70, dim: 33, hiddenDim: 40 }, id);
  gpu.check();
  gpu.dispose();
  device.destroy();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});
