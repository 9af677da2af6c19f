import { assertEquals } from "@std/assert";
import { Pace, pieces } from "../../../bench/timing/pace.ts";

Deno.test("a device rests half as long as it worked, once it worked for half a second, and not so long that its clocks fall", async () => {
  const rests: number[] = [];
  const pace = new Pace({ sleep: (ms) => Promise.resolve(void rests.push(ms)) });
  for (const ms of [200, 299]) assertEquals(await pace.worked(ms), false);
  assertEquals(rests, []);
  assertEquals(await pace.worked(1), true);
  assertEquals(rests, [250]);
  await pace.worked(600);
  await pace.worked(10);
  assertEquals(rests, [250, 300]);
  await pace.worked(5000);
  assertEquals(rests, [250, 300, 500]);
});

Deno.test("items come in pieces of half a second in their order, longer ones alone", () => {
  const cut = (...ms: number[]) => pieces(ms, (item) => item);
  assertEquals(cut(), []);
  assertEquals(cut(100, 200, 200, 1, 499, 1), [[100, 200, 200], [1, 499], [1]]);
  assertEquals(cut(700, 100, 800, 50), [[700], [100], [800], [50]]);
});
