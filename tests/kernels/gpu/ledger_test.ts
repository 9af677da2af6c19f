import { assertEquals, assertThrows } from "@std/assert";
import { Ledger, type Purpose } from "../../../kernels/gpu/ledger.ts";

Deno.test("the ledger charges output, saved, workspace and gradient, and not inputs and its own", () => {
  const ledger = new Ledger();
  const bytes: [Purpose, number][] = [
    ["input", 1],
    ["output", 10],
    ["saved", 100],
    ["workspace", 1000],
    ["gradient", 10000],
    ["internal", 100000],
  ];
  for (const [purpose, count] of bytes) ledger.add(count, purpose);
  assertEquals(ledger.chargedBytes, 11110);
  assertEquals(ledger.liveBytes, 111111);
  for (const [purpose, count] of bytes) assertEquals(ledger.live(purpose), count);
});

Deno.test("peaks are the highest sums that lived at once, not the sums of peaks", () => {
  const ledger = new Ledger();
  ledger.add(100, "workspace");
  ledger.remove(100, "workspace");
  ledger.add(70, "saved");
  ledger.add(20, "workspace");
  assertEquals([ledger.peakBytes, ledger.peakWorkspaceBytes], [100, 100]);
  ledger.add(20, "gradient");
  assertEquals(ledger.peakBytes, 110);
});

Deno.test("a new measurement begins with what is live", () => {
  const ledger = new Ledger();
  ledger.add(100, "workspace");
  ledger.remove(60, "workspace");
  ledger.resetPeak();
  assertEquals([ledger.peakBytes, ledger.peakReservedBytes, ledger.peakWorkspaceBytes], [40, 40, 40]);
  ledger.add(5, "output");
  assertEquals([ledger.peakBytes, ledger.peakWorkspaceBytes], [45, 40]);
});

Deno.test("the pool's bytes are reserved, not charged", () => {
  const ledger = new Ledger();
  ledger.add(100, "workspace");
  ledger.remove(100, "workspace");
  ledger.pool(100);
  ledger.add(30, "output");
  assertEquals([ledger.chargedBytes, ledger.liveBytes, ledger.pooledBytes], [30, 30, 100]);
  assertEquals([ledger.peakBytes, ledger.peakReservedBytes], [100, 130]);
  ledger.pool(-100);
  assertEquals(ledger.pooledBytes, 0);
});

Deno.test("inputs raise no peak", () => {
  const ledger = new Ledger();
  ledger.add(1000, "input");
  ledger.add(1000, "internal");
  assertEquals([ledger.peakBytes, ledger.peakReservedBytes], [0, 0]);
});

Deno.test("more bytes cannot leave than live", () => {
  const ledger = new Ledger();
  ledger.add(10, "saved");
  assertThrows(
    () => ledger.remove(11, "saved"),
    RangeError,
    "Cannot remove 11 saved bytes as only 10 are live",
  );
  assertThrows(() => ledger.remove(1, "output"), RangeError);
  assertEquals(ledger.live("saved"), 10);
});
