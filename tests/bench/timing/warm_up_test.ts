import { assertEquals } from "@std/assert";
import { WarmUp } from "../../../bench/timing/warm_up.ts";

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

Deno.test("a speed that is not reached again is waited for ever shorter, but not forgotten", async () => {
  const warmUp = new WarmUp();
  assertEquals(await worked(warmUp, 200, [1]), 2);
  // 200 ms and 1,000, 500, 250, 125, 62.5 of patience, in pieces of 100 ms.
  for (const count of [12, 7, 5, 4, 3]) assertEquals(await worked(warmUp, 200, [2]), count);
  assertEquals(await worked(warmUp, 200, [2, 2, 1]), 3);
  assertEquals(await worked(warmUp, 200, [2]), 3);
});

Deno.test("a device that was slowed once still has to come up after each rest, in one piece of work or two", async () => {
  const warmUp = new WarmUp();
  await worked(warmUp, 300, [1]);
  for (let i = 0; i < 3; i++) await worked(warmUp, 0, [2.2]);
  for (let i = 0; i < 8; i++) assertEquals(await worked(warmUp, 0, [1.7, 1]), 2);
});
