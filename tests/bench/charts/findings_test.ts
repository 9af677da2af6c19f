import { assertEquals } from "@std/assert";
import { fastestFinding, smallestFinding } from "../../../bench/charts/findings.ts";
import type { ReportMode, Row } from "../../../bench/report/schema.ts";
import { oneRow, random, statistics } from "../report/fixture.ts";

const [row] = oneRow().rows;

/** A row of a variant that takes so many ns and bytes. */
const rowOf = (variant: string, ns: number, peakBytes: number, mode: ReportMode = "full"): Row => ({
  ...{ ...row, variant, mode },
  timing: { gpuNs: statistics(ns, { n: 20, next: random(variant.length + ns) }), wallNs: null },
  memory: { peakBytes, savedBytes: 0, workspaceBytes: 0, predictedPeakBytes: null },
});

Deno.test("titles name who leads, each with its modes where they differ", () => {
  const rows = [
    rowOf("liger", 1e6, 8),
    rowOf("tuned", 2e6, 4),
    rowOf("liger", 2e6, 8, "forward"),
    rowOf("tuned", 1e6, 8, "forward"),
  ];
  assertEquals(fastestFinding(rows), "Fastest: tuned (forward), liger (full)");
  assertEquals(smallestFinding(rows), "Least peak memory: tuned or liger (forward), tuned (full)");
  assertEquals(fastestFinding(rows.slice(0, 2)), "Fastest, full: liger");
});

Deno.test("of rows that tie, titles name first the one that the answer recommends", () => {
  const tie = [rowOf("liger", 1e6, 8), rowOf("tuned", 1.0001e6, 4), rowOf("pytorch", 3e6, 9)];
  assertEquals(fastestFinding(tie), "Fastest, full: tuned or liger");
  const three = [...tie, rowOf("unsloth", 1.0001e6, 8)];
  assertEquals(fastestFinding(three), "Fastest, full: tuned or 2 others");
});

Deno.test("where all are equal, titles say that", () => {
  const equal = ["pytorch", "liger", "tuned"].map((variant) => rowOf(variant, 1e6, 8));
  assertEquals(fastestFinding(equal), "Fastest, full: no clear difference");
  assertEquals(smallestFinding(equal), "Least peak memory, full: all need the same");
});

Deno.test("without any time there is only the subject", () => {
  assertEquals(fastestFinding([{ ...row, timing: null }]), `Fastest, ${row.mode}`);
});
