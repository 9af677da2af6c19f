import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seededRandom, shuffled } from "../../../bench/timing/random.ts";

Deno.test("numbers are uniform in [0, 1): each of 16 bins is hit as often as chance allows", () => {
  const random = seededRandom(42);
  const bins = new Array(16).fill(0);
  const n = 160_000;
  for (let i = 0; i < n; i++) bins[Math.floor(random() * 16)]++;
  const chiSquare = bins.reduce((sum, count) => sum + (count - n / 16) ** 2 / (n / 16), 0);
  // 15 degrees of freedom: 99.9 % of sources stay below 37.7.
  assert(chiSquare < 37.7, `chi square is ${chiSquare}`);
});

Deno.test("a seed decides the sequence", () => {
  const draw = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  assertEquals(draw(9), draw(9));
  assertNotEquals(draw(9), draw(10));
});

Deno.test("shuffled() keeps every item, leaves its input alone, and reaches every order equally often", () => {
  const items = ["a", "b", "c"];
  const random = seededRandom(1);
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(items, random).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals(items, ["a", "b", "c"]);
  assertEquals([...seen.keys()].sort(), ["abc", "acb", "bac", "bca", "cab", "cba"]);
  for (const [order, count] of seen) assert(Math.abs(count - 1000) < 130, `${order} came ${count} times`);
});
