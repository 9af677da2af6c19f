import { assert, assertEquals } from "@std/assert";
import { summarize } from "../../../bench/timing/statistics.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import type { Row } from "../../../bench/report/schema.ts";
import { summarise } from "../../../bench/report/summary.ts";
import { summaryLines } from "../../../bench/report/summary_line.ts";
import { oneRow } from "./fixture.ts";

const [ROW] = oneRow().rows;

/** Rows of these names, each with its time in milliseconds and its peak in bytes. */
function rowsOf(rows: Record<string, [ms: number, peak: number]>, change: Partial<Row> = {}): Row[] {
  const random = seededRandom(5);
  return Object.entries(rows).map(([variant, [ms, peakBytes]]) => {
    const samples = Array.from({ length: 20 }, () => 1e6 * ms * (0.999 + 0.002 * random()));
    const memory = { ...ROW.memory!, peakBytes };
    return { ...ROW, variant, memory, timing: { gpuNs: summarize(samples), wallNs: null }, ...change };
  });
}

const lineOf = (rows: Row[], width = 120) =>
  summaryLines(summarise({ mode: "full", rows }), width).join("\n").replaceAll(/[\d.]+ ms/g, "- ms");

Deno.test("of those that tie the smallest comes first, then the ties, pytorch, and the least memory", () => {
  assertEquals(
    lineOf(
      rowsOf({
        pytorch: [10.1, 9],
        alphafold3: [10, 8],
        liger: [10, 7],
        tuned: [10, 5],
        "peer:torch": [10, 6],
      }),
    ),
    "full     tuned - ms | ties: alphafold3, liger and torch | 1.01x pytorch | least memory: tuned",
  );
});

Deno.test("a peer that is ahead comes first, and the best variant here stands beside it", () => {
  assertEquals(
    lineOf(rowsOf({ pytorch: [10, 9], tuned: [8, 5], "peer:torch": [4, 7] })),
    "full     torch - ms | 2.50x pytorch | tuned 0.50x | least memory: tuned",
  );
});

Deno.test("a peer keeps its prefix where a variant here has its name", () => {
  assertEquals(
    lineOf(rowsOf({ liger: [10, 9], "peer:liger": [5, 9] })),
    "full     peer:liger - ms | liger 0.50x | least memory: peer:liger and 1 more",
  );
});

Deno.test("rows that are not ranked are told: of less precision, and with too few samples", () => {
  const few = (row: Row): Row => ({ ...row, timing: { gpuNs: summarize([9e6, 9e6]), wallNs: null } });
  const [tuned, tf32, jax] = rowsOf({ tuned: [8, 5], "peer:tf32": [2, 7], "peer:jax": [9, 7] });
  assertEquals(
    lineOf([tuned, { ...tf32, narrow: true }, few(jax)]),
    "full     tuned - ms | too few samples: jax | less precise: tf32 4.00x | least memory: tuned",
  );
});

Deno.test("all that tie, the only row and none at all", () => {
  assertEquals(
    lineOf(rowsOf({ a: [5, 1], b: [5, 1], c: [5, 2] })),
    "full     b - ms | ties: all others | least memory: b and 1 more",
  );
  assertEquals(lineOf(rowsOf({ a: [5, 1] })), "full     a - ms | least memory: a");
  assertEquals(
    lineOf([{ ...ROW, status: "skipped", reason: "no", timing: null }]),
    "full     no row was timed",
  );
});

Deno.test("it says less where there is less room, and stays one line at 80 columns with the names of this project", () => {
  const names = ["alphafold3", "alphafold3-combined", "alphafold3-fused", "liger", "unsloth", "tuned"];
  const rows = rowsOf({
    pytorch: [11, 9],
    ...Object.fromEntries(names.map((name) => [name, [10, name === "tuned" ? 1 : 5] as [number, number]])),
    "peer:pytorch-eager": [12, 9],
  });
  assertEquals(
    [120, 100, 80].map((width) => lineOf(rows, width)),
    [
      "full     tuned - ms | ties: alphafold3, alphafold3-combined and 3 more | 1.10x pytorch | least memory: tuned",
      "full     tuned - ms | ties: alphafold3 and 4 more | 1.10x pytorch | least memory: tuned",
      "full     tuned - ms | ties: 5 | 1.10x pytorch | least memory: tuned",
    ],
  );
  for (const width of [80, 100, 120]) {
    for (const text of summaryLines(summarise({ mode: "full", rows }), width)) {
      assert(text.length <= width, text);
    }
  }
});
