import { assertEquals } from "@std/assert";
import { repeatsOf } from "../../../bench/measure/repeats.ts";

Deno.test("short work is repeated until it lasts, long work and work of unknown length is not", () => {
  const options = { leastNs: 50_000, bytes: 1000 };
  assertEquals([49_999, 50_000, 1e9, Infinity].map((ns) => repeatsOf(ns, options)), [2, 1, 1, 1]);
  assertEquals([25_000, 10_000, 3].map((ns) => repeatsOf(ns, options)), [2, 5, 32]);
});

Deno.test("repeats hold few bytes together", () => {
  assertEquals(repeatsOf(10, { leastNs: 1e6, bytes: 64 * 2 ** 20 }), 4);
  assertEquals(repeatsOf(10, { leastNs: 1e6, bytes: 2 ** 32 }), 1);
});

Deno.test("a coarse clock may ask for more repeats, which hold nothing where each serves the next", () => {
  assertEquals(repeatsOf(10_000, { leastNs: 1e7, bytes: 0, most: 1024 }), 1000);
  assertEquals(repeatsOf(0, { leastNs: 1e7, bytes: 0, most: 1024 }), 1024);
});
