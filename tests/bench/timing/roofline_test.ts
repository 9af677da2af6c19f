import { assertEquals } from "@std/assert";
import { standing } from "../../../bench/timing/roofline.ts";

const ROOF = { flopsPerNs: 60_000, bytesPerNs: 4000 };

Deno.test("much work on few bytes is bound by arithmetic", () => {
  // 6e9 FLOP take at least 1e5 ns, 4e6 bytes 1e3 ns.
  assertEquals(standing({ flops: 6e9, bytes: 4e6, ns: 2e5 }, ROOF), { bound: "flops", fraction: 0.5 });
});

Deno.test("little work on many bytes is bound by traffic", () => {
  assertEquals(standing({ flops: 6e6, bytes: 4e8, ns: 4e5 }, ROOF), { bound: "bytes", fraction: 0.25 });
  assertEquals(standing({ flops: 0, bytes: 4e8, ns: 1e5 }, ROOF), { bound: "bytes", fraction: 1 });
});

Deno.test("a rate above the ceiling shows as a fraction above 1", () => {
  assertEquals(standing({ flops: 6e9, bytes: 0, ns: 5e4 }, ROOF).fraction, 2);
});

Deno.test("where no ceiling or no time is known, nothing is claimed", () => {
  const nothing = { bound: null, fraction: null };
  assertEquals(standing({ flops: 1, bytes: 1, ns: 1 }, { flopsPerNs: null, bytesPerNs: null }), nothing);
  assertEquals(standing({ flops: 1, bytes: 1, ns: 0 }, ROOF), nothing);
  assertEquals(standing({ flops: 6e9, bytes: 4e8, ns: 1e5 }, { ...ROOF, flopsPerNs: null }), {
    bound: "bytes",
    fraction: 1,
  });
});
