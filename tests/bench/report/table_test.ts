import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatRatio } from "../../../bench/report/format.ts";
import type { Report, Row } from "../../../bench/report/schema.ts";
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
  const lines = renderTable(report).split("\n");
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

Deno.test("renderTable() compares with the fastest", () => {
  const report = { ...oneRow(), rows: rowsOf({ slow: 2e6, fast: 1e6 }) };
  const text = renderTable(report);
  assertMatch(text, /^slow +2\.0\d\d +0\.50x +0\.(49|50)-0\.5\d /m);
  assertMatch(text, /^fast +1\.0\d\d +1\.00x +\d/m);
  assertStringIncludes(text, "fastest: fast, 1.0");
  assertMatch(text, /2\.0\dx as fast as slow \(95 % interval (1\.9|2\.0)\d to 2\.0\d\)/);
});

Deno.test("renderTable() tells ties from rows with too few samples", () => {
  const report = { ...oneRow(), rows: rowsOf({ one: 1.001e6, other: 1e6, slow: 3e6 }) };
  const text = flat(renderTable(report));
  assertStringIncludes(text, "fastest: other");
  assertMatch(text, /no significant difference to one \(95 % interval 0\.9\d/);
  assertMatch(text, /3\.0\dx as fast as slow/);
  assertStringIncludes(text, "= no significant difference to the fastest");
  assert(!text.includes("too few"));
  const few = structuredClone(report);
  for (const { timing } of few.rows) timing!.gpuNs!.samples.splice(5);
  const unsure = renderTable(few);
  assertMatch(unsure, /^slow +3\.0\d\d +0\.33x +\? /m);
  assertStringIncludes(flat(unsure), "too few samples to rank one and slow");
  assertStringIncludes(flat(unsure), "? too few samples to rank it");
  assert(!unsure.includes("no significant difference"));
});

const REPORTS = ["nvidia_h200_peers", "nvidia_h200_tokens"].map((name): Report =>
  JSON.parse(Deno.readTextFileSync(new URL(`../../data/${name}.json`, import.meta.url)))
);

Deno.test("renderTable() compares a peer without GPU time by wall time, in the column and in the sentence", () => {
  const [report] = REPORTS;
  const text = flat(renderTable(report));
  let compared = 0;
  for (const peer of report.rows.filter(({ timing }) => timing && !timing.gpuNs)) {
    const tuned = report.rows.find((row) =>
      row.variant === "tuned" && row.mode === peer.mode && row.dim === peer.dim && row.tokens === peer.tokens
    )!;
    const ratio = peer.timing!.wallNs!.median / tuned.timing!.wallNs!.median;
    const name = peer.variant.slice("peer:".length);
    assertStringIncludes(text, `${formatRatio(ratio)} the speed of ${name} by the wall clock`);
    // At this size another peer is the fastest of its mode, and the column compares with that one.
    if (peer.dim !== 4096 || peer.mode !== "full") {
      assertMatch(text, new RegExp(`${peer.variant} [\\d.]+\\* ${formatRatio(1 / ratio)} `));
    }
    compared++;
  }
  assertEquals(compared, 10);
  assertMatch(text, /35\.5\dx the speed of tensorflow-js/);
});

Deno.test("renderTable() keeps a blank between columns, however wide their figures", () => {
  for (const report of REPORTS) {
    const lines = renderTable(report).split("\n").filter((line) => / (FMA|copy) /.test(line));
    assert(lines.length > 20);
    for (const line of lines) {
      const cells = line.trim().split(/ {1,}/).filter((cell) => cell !== "%" && !/^(FMA|copy)$/.test(cell));
      for (const cell of cells.slice(1)) {
        assertMatch(cell, /^\?$|^[\d.]+[*x!=~?]*$|^\d\.\d+-\d+\.\d+[=~?]?$|^\d\.\de-\d+$|^-$/, line);
      }
    }
  }
  const wide = oneRow({ memory: { ...oneRow().rows[0].memory!, peakBytes: 2 ** 40, savedBytes: 123 } });
  wide.rows.push({ ...wide.rows[0], variant: "b", memory: { ...wide.rows[0].memory!, peakBytes: 1023 } });
  const text = renderTable(wide);
  assertMatch(text, / 1099511627776 /);
  assertEquals(text.split("\n").filter((line) => line.length > 100), []);
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
  assertStringIncludes(text, "* wall time, as there is none from the GPU");
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
  assertMatch(
    text,
    /full: tuned runs at 1\.\d\dx the speed of pytorch-eager by the wall clock at 0\.\d\d of its memory/,
  );
});

Deno.test("renderTable() prints a report without rows and one without times", () => {
  assertEquals(renderTable({ ...oneRow(), rows: [] }), "The report has no rows.\n");
  const text = renderTable(
    oneRow({ status: "skipped", timing: null, reason: "too large", memory: null, accuracy: null }),
  );
  assertStringIncludes(text, "no row was timed");
});
