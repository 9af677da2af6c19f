import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatRatio } from "../../../bench/report/format.ts";
import { blocksOf } from "../../../bench/report/groups.ts";
import type { Report, Row } from "../../../bench/report/schema.ts";
import { summarise } from "../../../bench/report/summary.ts";
import { peerSentence } from "../../../bench/report/summary_text.ts";
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

const terminal = (columns: number) => ({ columns, coloured: false });

Deno.test("renderTable() stays within the columns of a terminal, with faults, peers and long names too", () => {
  const report = syntheticReport({ faults: true, peers: true, dtypes: ["float32", "float16"], samples: 5 });
  report.adapter.device = "A name of a GPU that goes on ".repeat(9);
  report.rows[0].variant = "peer:".padEnd(200, "x");
  for (const columns of [72, 80, 100, 120, 200]) {
    const lines = renderTable(report, terminal(columns)).split("\n");
    assertEquals(lines.filter((line) => line.length > columns), []);
    assert(lines.length > 100);
  }
});

Deno.test("renderTable() leaves out ceiling, saved and error, in this order, where they have no room, and says so", () => {
  const report = syntheticReport({ sizes: [[4096, 4096, 11008]], samples: 9 });
  const headings = ["ceiling", "saved", "error"];
  const shown = (columns: number) => {
    const text = renderTable(report, terminal(columns));
    const there = headings.filter((heading) => text.match(new RegExp(`^full .* ${heading}`, "m")));
    const missing = headings.filter((heading) => !there.includes(heading));
    assertEquals(text.includes("In a wider terminal, and in the report: "), missing.length > 0);
    for (const heading of missing) assertMatch(text, new RegExp(`In a wider .*${heading}`));
    for (const heading of ["speed", "95 % range", "TFLOP/s", "peak"]) assertStringIncludes(text, heading);
    return there;
  };
  assertEquals([120, 94, 80, 74].map(shown), [headings, ["saved", "error"], ["error"], []]);
  assertEquals(shown(Infinity), headings);
});

Deno.test("renderTable() cuts nothing where the text goes to a file or a pipe", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 3 });
  report.rows[0].variant = "peer:".padEnd(200, "x");
  const text = renderTable(report);
  assertStringIncludes(text, report.rows[0].variant);
  assertMatch(text, /^liger +FAILED: dx misses the oracle: .* at row 17$/m);
});

Deno.test("renderTable() has colours only where they are wanted, and they change no character", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 9 });
  const plainText = renderTable(report, terminal(90));
  const coloured = renderTable(report, { columns: 90, coloured: true });
  assert(!plainText.includes("\u001b"));
  assertStringIncludes(coloured, "\u001b[31mliger");
  assertStringIncludes(coloured, "\u001b[32mtuned");
  assertEquals(coloured.replaceAll(/\p{Cc}\[\d+m/gu, ""), plainText);
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
  assertMatch(text, /^forward {2}fast 1\.0\d\d ms \| least memory: fast and 1 more$/m);
});

Deno.test("renderTable() tells ties from rows with too few samples", () => {
  const report = { ...oneRow(), rows: rowsOf({ one: 1.001e6, other: 1e6, slow: 3e6 }) };
  const text = flat(renderTable(report));
  assertMatch(text, /forward other \S+ ms \| ties: one \| least/);
  assertStringIncludes(text, "= no significant difference to the fastest");
  assert(!text.includes("too few"));
  const few = structuredClone(report);
  for (const { timing } of few.rows) timing!.gpuNs!.samples.splice(5);
  const unsure = renderTable(few);
  assertMatch(unsure, /^slow +3\.0\d\d +0\.33x +\? /m);
  assertMatch(flat(unsure), /forward other \S+ \S+ \| too few samples: all others \|/);
  assertStringIncludes(flat(unsure), "? too few samples to rank it");
  assert(!unsure.includes("no significant difference"));
});

const REPORTS = ["nvidia_h200_peers", "nvidia_h200_tokens"].map((name): Report =>
  JSON.parse(Deno.readTextFileSync(new URL(`../../data/${name}.json`, import.meta.url)))
);

Deno.test("renderTable() compares a peer without GPU time by wall time, in the column and on the page", () => {
  const [report] = REPORTS;
  const text = flat(renderTable(report));
  const sentences = blocksOf(report.rows).flatMap(({ sections }) =>
    sections.map((section) => peerSentence(summarise(section)) ?? "")
  ).join("\n");
  let compared = 0;
  for (const peer of report.rows.filter(({ timing }) => timing && !timing.gpuNs)) {
    const tuned = report.rows.find((row) =>
      row.variant === "tuned" && row.mode === peer.mode && row.dim === peer.dim && row.tokens === peer.tokens
    )!;
    const ratio = peer.timing!.wallNs!.median / tuned.timing!.wallNs!.median;
    assertStringIncludes(sentences, `${formatRatio(ratio)} the speed of ${peer.variant} by the wall clock`);
    // At this size another peer is the fastest of its mode, and the column compares with that one.
    if (peer.dim !== 4096 || peer.mode !== "full") {
      assertMatch(text, new RegExp(`${peer.variant} [\\d.]+\\* ${formatRatio(1 / ratio)} `));
    }
    compared++;
  }
  assertEquals(compared, 10);
  assertMatch(sentences, /35\.5\dx the speed of peer:tensorflow-js/);
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
});

Deno.test("renderTable() shows skipped and failed rows with their whole reason", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 3 });
  const text = renderTable(report, terminal(100));
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

Deno.test("renderTable() tells each kind of warning in one line, with the number of its rows", () => {
  const report = syntheticReport({ faults: true, sizes: [[4, 8, 16]], samples: 3 });
  const lines = renderTable(report, terminal(80)).split("\n").filter((line) => line.startsWith("! "));
  assertEquals(lines, [
    "! The clock of the GPU rose by 4 % during the run",
    "! Samples are noisy: cv is above 5 %, close other programs (3 of 24 rows)",
  ]);
});

Deno.test("renderTable() sums up a mode in one line, peers by their own names", () => {
  const report = syntheticReport({ peers: true, sizes: [[512, 1024, 2816]], modes: ["full"] });
  assertMatch(
    renderTable(report, terminal(100)),
    /^full {5}tuned \S+ .s \| 1\.\d\dx pytorch \| least memory: tuned$/m,
  );
});

Deno.test("renderTable() prints a report without rows and one without times", () => {
  assertEquals(renderTable({ ...oneRow(), rows: [] }), "The report has no rows.\n");
  const text = renderTable(
    oneRow({ status: "skipped", timing: null, reason: "too large", memory: null, accuracy: null }),
  );
  assertStringIncludes(text, "no row was timed");
});
