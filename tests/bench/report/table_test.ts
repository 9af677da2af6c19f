import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Row } from "../../../bench/report/schema.ts";
import { renderTable } from "../../../bench/report/table.ts";
import { oneRow, random, statistics, syntheticReport } from "./fixture.ts";

const flat = (text: string) => text.replace(/\s+/g, " ");

/** Copies of one row with other ids and medians. */
function rowsOf(times: Record<string, number>): Row[] {
  const [row] = oneRow().rows;
  return Object.entries(times).map(([variant, ns]) => ({
    ...row,
    variant,
    timing: { gpuNs: statistics(ns, { n: 9, next: random(1) }), wallNs: null },
  }));
}

Deno.test("renderTable() stays within 100 columns, with faults, peers and long names too", () => {
  const report = syntheticReport({ faults: true, peers: true, dtypes: ["float32", "float16"], samples: 5 });
  report.adapter.device = "A name of a GPU that goes on ".repeat(9);
  report.rows[0].variant = "peer:".padEnd(200, "x");
  const lines = renderTable(report, { interval: () => [0.9, 1.1] }).split("\n");
  assertEquals(lines.filter((line) => line.length > 100), []);
  assert(lines.length > 100);
});

Deno.test("renderTable() prints a block for each problem and a section for each mode", () => {
  const report = syntheticReport({
    sizes: [[2, 8, 16], [4, 8, 16]],
    dtypes: ["float32", "float16"],
    samples: 3,
  });
  const text = renderTable(report);
  for (const shape of ["T 2, D 8, H 16", "T 4, D 8, H 16"]) {
    for (const dtype of ["float32", "float16"]) {
      assertStringIncludes(text, `Synthetic GPU 9000 | ${shape} | ${dtype} | precision default | silu`);
    }
  }
  for (const mode of ["forward", "backward", "full"]) {
    assertEquals(text.match(new RegExp(`^${mode} +time`, "gm"))?.length, 4);
  }
});

Deno.test("renderTable() compares with the fastest and prints the interval it is given", () => {
  const report = { ...oneRow(), rows: rowsOf({ slow: 2e6, fast: 1e6 }) };
  const text = renderTable(report, { interval: () => [0.49, 0.51] });
  assertMatch(text, /^slow +2\.0\d\d +0\.50x +0\.49-0\.51 /m);
  assertMatch(text, /^fast +1\.0\d\d +1\.00x +\d/m);
  assertStringIncludes(text, "fastest: fast, 1.0");
  assertStringIncludes(text, "2.00x as fast as slow (95 % interval 1.96 to 2.04)");
});

Deno.test("renderTable() says where there is no significant difference", () => {
  const report = { ...oneRow(), rows: rowsOf({ one: 1.001e6, other: 1e6, slow: 3e6 }) };
  const interval = (a: readonly number[], b: readonly number[]): [number, number] => {
    const ratio = a[0] / b[0];
    return [ratio * 0.99, ratio * 1.01];
  };
  const text = flat(renderTable(report, { interval }));
  assertStringIncludes(text, "fastest: other");
  assertStringIncludes(text, "no significant difference to one (95 % interval 0.99");
  assertStringIncludes(text, "3.00x as fast as slow");
  assertStringIncludes(text, "= no significant difference to the fastest");
  const few = structuredClone(report);
  for (const { timing } of few.rows) timing!.gpuNs!.samples.splice(5);
  assertStringIncludes(flat(renderTable(few, { interval })), "too few samples to tell it from one and slow");
});

Deno.test("renderTable() shows skipped and failed rows with their whole reason", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 3 });
  const text = renderTable(report);
  assertMatch(text, /^alphafold3-fused +skipped: the fused kernel needs .*… \[1\]$/m);
  assertMatch(text, /^liger +FAILED: dx misses the oracle: .*… \[2\]$/m);
  for (const row of report.rows) {
    if (row.reason !== null) assertStringIncludes(flat(text), row.reason);
  }
});

Deno.test("renderTable() leaves short reasons in their row and keeps control characters out", () => {
  const report = oneRow({ status: "failed", timing: null, reason: "a\u001b[2J\nb", variant: "x\u001by" });
  const text = renderTable(report);
  assertMatch(text, /^x y +FAILED: a \[2J b$/m);
  assert(!text.includes("\u001b"));
});

Deno.test("renderTable() marks wall times, rates above a ceiling and what was not measured", () => {
  const wall = statistics(5e6, { n: 3, next: random(1) });
  const text = renderTable(
    oneRow({ timing: { gpuNs: null, wallNs: wall }, fractionOfCeiling: 1.2, memory: null, accuracy: null }),
  );
  assertMatch(text, /^pytorch +[\d.]+\* .* 120 %! FMA +- +- +-$/m);
  assertStringIncludes(text, "* wall time, as there is no time from the GPU");
  assertStringIncludes(text, "! above what the hardware can do");
});

Deno.test("renderTable() names the rows that each warning is about", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 3 });
  const text = flat(renderTable(report));
  assertStringIncludes(text, "! The clock of the GPU rose by 4 % during the run");
  assertStringIncludes(text, "close other programs (unsloth forward, unsloth backward and unsloth full)");
});

Deno.test("renderTable() sums up memory, accuracy and peers", () => {
  const text = flat(
    renderTable(syntheticReport({ peers: true, sizes: [[512, 1024, 2816]], modes: ["full"] })),
  );
  assertMatch(text, /smallest peak: tuned, [\d.]+ MiB; most accurate: [\w:-]+, error \d\.\de-7/);
  assertMatch(text, /full: tuned runs at 1\.\d\dx the speed of pytorch-eager at 0\.\d\d of its memory/);
});

Deno.test("renderTable() prints a report without rows and one without times", () => {
  assertEquals(renderTable({ ...oneRow(), rows: [] }), "The report has no rows.\n");
  const text = renderTable(
    oneRow({ status: "skipped", timing: null, reason: "too large", memory: null, accuracy: null }),
  );
  assertStringIncludes(text, "no row was timed");
});
