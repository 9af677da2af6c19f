import { assertEquals } from "@std/assert";
import { WarmUp } from "../../../kernels/measure/warm_up.ts";

/** Runs work that takes 100 ms each time, at these paces, the last of which lasts. @returns How often it worked. */
async function worked(warmUp: WarmUp, leastMs: number, paces: readonly number[]): Promise<number> {
  let count = 0;
  const work = () => Promise.resolve(paces[Math.min(count++, paces.length - 1)]);
  await warmUp.run(work, { leastMs, now: () => 100 * count });
  return count;
}

Deno.test("a warm-up lasts as long as asked, and until work is as fast as it ever was", async () => {
  const warmUp = new WarmUp();
  assertEquals(await worked(warmUp, 300, [6, 5, 1]), 3);
  assertEquals(await worked(warmUp, 300, [6, 5, 4, 3, 2, 1.04]), 6);
  assertEquals(await worked(warmUp, 0, [1.02]), 1);
  assertEquals(await worked(warmUp, 0, [1.7, 1.7, 1]), 3);
});

Deno.test("a speed that is not reached again is waited for once, and forgotten", async () => {
  const warmUp = new WarmUp();
  assertEquals(await worked(warmUp, 200, [1]), 2);
  assertEquals(await worked(warmUp, 200, [2]), 12);
  assertEquals(await worked(warmUp, 200, [2]), 2);
});
