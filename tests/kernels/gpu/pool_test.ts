import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { swigluWithGrad } from "../../../mod.ts";
import { Ledger } from "../../../kernels/gpu/ledger.ts";
import { Pool } from "../../../kernels/gpu/pool.ts";
import { blockOf, disposeAll, withGpu } from "../../library/fixture.ts";

const MIB = 2 ** 20;

/** As much of a buffer as the pool sees. */
function fake(size: number) {
  const buffer = { size, destroyed: false, destroy: () => buffer.destroyed = true };
  return buffer as unknown as GPUBuffer & { readonly destroyed: boolean };
}

Deno.test("beyond the bound the buffers that wait longest go first, and no more than needed", () => {
  const ledger = new Ledger();
  const pool = new Pool(ledger);
  const buffers = [40, 30, 20, 10].map((size) => fake(size * MIB));
  for (const buffer of buffers) pool.keep(buffer);
  assertEquals(ledger.pooledBytes, 100 * MIB);
  pool.evict();
  assertEquals(buffers.map(({ destroyed }) => destroyed), [true, false, false, false]);
  assertEquals(ledger.pooledBytes, 60 * MIB);
  assertEquals(pool.take(40 * MIB), undefined);
  assertStrictEquals(pool.take(30 * MIB), buffers[1]);
  pool.trim();
  assertEquals([ledger.pooledBytes, buffers[1].destroyed, buffers[3].destroyed], [0, false, true]);
});

Deno.test("what a run needs at once may wait for it, and half as much again", () => {
  const ledger = new Ledger();
  const pool = new Pool(ledger);
  pool.need(100 * MIB);
  pool.need(10 * MIB);
  const buffers = Array.from({ length: 16 }, () => fake(10 * MIB));
  for (const buffer of buffers) pool.keep(buffer);
  pool.evict();
  assertEquals(ledger.pooledBytes, 150 * MIB);
  assertStrictEquals(pool.take(10 * MIB), buffers[15]);
});

Deno.test("steps of ever other sizes do not pile up buffers", () =>
  withGpu(async (gpu) => {
    let most = 0;
    for (let tokens = 3000; tokens < 3024; tokens++) {
      const { forms: [weights], ...block } = blockOf(gpu, { tokens, dim: 128, hiddenDim: 4 });
      const { y, backward } = swigluWithGrad(gpu, block.x, weights);
      disposeAll({ y, ...backward(block.dy), ...block });
      await gpu.idle();
      most = Math.max(most, gpu.ledger.pooledBytes);
    }
    // Each step leaves x, dy, y and dx, of 1.5 MB; without a bound 150 MB would wait.
    assert(most > 40 * MIB && most < 80 * MIB, `${most}`);
  }));
