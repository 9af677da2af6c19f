import { assert, assertEquals, assertThrows } from "@std/assert";
import { fold } from "../../kernels/grid.ts";

Deno.test("fold covers the count in two dimensions with little to spare", () => {
  for (const most of [3, 64, 65535]) {
    for (const count of [1, 2, most - 1, most, most + 1, 2 * most, 2 * most + 1, most * most]) {
      const [x, y] = fold(count, most);
      assert(x >= 1 && y >= 1 && x <= most && y <= most, `${count} in ${most}: ${x} x ${y}`);
      assert(x * y >= count && x * y < count + y, `${count} in ${most}: ${x} x ${y}`);
    }
  }
  assertEquals(fold(5, 65535), [5, 1]);
  assertEquals(fold(0, 65535), [0, 1]);
});

Deno.test("fold refuses more than two dimensions hold", () => {
  assertThrows(
    () => fold(10, 3),
    RangeError,
    "Cannot launch as two dimensions hold at most 9 workgroups (maxComputeWorkgroupsPerDimension): current value is 10",
  );
});
