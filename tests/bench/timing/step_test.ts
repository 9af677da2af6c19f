import { assertEquals, assertMatch } from "@std/assert";
import { coarseWarning, isCoarse, leastNs } from "../../../bench/timing/step.ts";

Deno.test("a sample lasts long beside the clock's step, and longer where there is only the wall clock", () => {
  assertEquals([32, 500, 65_536, 1e5, null].map((resolutionNs) => leastNs({ resolutionNs })), [
    50_000,
    50_000,
    6_553_600,
    1e7,
    2e7,
  ]);
  assertEquals([32, 500, 65_536, null].map((resolutionNs) => isCoarse({ resolutionNs })), [
    false,
    false,
    true,
    true,
  ]);
});

Deno.test("the warning of a coarse clock tells its step, what samples last and which kernels have no time", () => {
  assertMatch(
    coarseWarning({ resolutionNs: 1e5 }),
    /steps by 100 us: .* last 10\.0 ms, .* less than 2\.0 ms/,
  );
  assertEquals([32, null].map((resolutionNs) => coarseWarning({ resolutionNs })), [null, null]);
});
