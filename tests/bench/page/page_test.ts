import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { filterControls } from "../../../bench/page/filters.ts";
import { type NamedReport, renderPage } from "../../../bench/page/mod.ts";
import { chartOf } from "../../../bench/charts/mod.ts";
import type { Chart } from "../../../bench/charts/chart.ts";
import { formatRatio } from "../../../bench/report/format.ts";
import { blocksOf } from "../../../bench/report/groups.ts";
import { parseReport } from "../../../bench/report/reader.ts";
import { resultsTable } from "../../../bench/report/readme_tables.ts";
import { summarise } from "../../../bench/report/summary.ts";
import { renderTable } from "../../../bench/report/table.ts";
import { oneRow, random, statistics, syntheticReport } from "../report/fixture.ts";

const draw = () => Promise.resolve('<svg class="marks" width="10"></svg>');

const page = (...reports: NamedReport["report"][]) =>
  renderPage(reports.map((report, i) => ({ report, source: `run-${i + 1}` })), { draw });

Deno.test("the page tells machine, command, versions, ceilings and warnings before the table, folded", async () => {
  const text = await page(oneRow({ warnings: [] }), syntheticReport({ sizes: [[4, 8, 16]], samples: 3 }));
  const head = [...text.slice(0, text.indexOf("<table>")).matchAll(/<details[^]*?<\/details>/g)].join("\n");
  for (
    const fact of [
      "Synthetic GPU 9000",
      "deno task bench --sizes",
      "deno 2.9.6",
      "66.00 TFLOP/s of float32",
      "The clock of the GPU rose",
    ]
  ) {
    assertStringIncludes(head, fact);
  }
});

Deno.test("the page has a line for each row, and the reason of each that was not measured", async () => {
  const report = syntheticReport({ faults: true, samples: 3 });
  const text = await page(report);
  assertEquals(text.match(/<tr class="/g)?.length, report.rows.length);
  assertEquals(
    text.match(/<li[^>]*><b>[^<]*<\/b>: (skipped|failed): /g)?.length,
    report.rows.filter(({ reason }) => reason).length,
  );
});

Deno.test("filters appear only where there is something to choose, and open with the most work", async () => {
  const one = await page(oneRow());
  assertEquals(one.match(/data-filter=/g), null);
  const many = await page(syntheticReport({ dtypes: ["float32", "float16"], samples: 3 }));
  assertEquals([...many.matchAll(/data-filter="(\w+)"/g)].map(([, key]) => key), ["mode", "dtype", "size"]);
  assertEquals([...many.matchAll(/value="([^"]*)" selected/g)].map(([, value]) => value), [
    "full",
    "float32",
    "T 4096, D 4096, H 11008",
  ]);
  const two = await page(oneRow(), oneRow());
  assertMatch(two, /data-filter="source"/);
});

Deno.test("figures carry what they can be filtered by, those of several sizes no size", async () => {
  const text = await page(syntheticReport({ samples: 3 }));
  const figures = [...text.matchAll(/<figure data-kind="([\w-]+)"([^>]*)>/g)];
  assert(figures.length > 60);
  for (const [, kind, rest] of figures) {
    assertMatch(rest, /data-mode="(forward|backward|full)"/, kind);
    assertEquals(rest.includes("data-size"), !["speeds", "scaling"].includes(kind), kind);
  }
});

Deno.test("the page of two reports compares the second with the first, mode by mode", async () => {
  const report = syntheticReport({ sizes: [[4, 8, 16]], samples: 3 });
  const text = await page(report, report);
  const compared = [...text.matchAll(/<figure data-kind="comparison"([^>]*)>/g)].map(([, rest]) => rest);
  assertEquals(compared.length, 3);
  for (const rest of compared) assertStringIncludes(rest, 'data-source="run-2"');
  // Answers and charts tell which report they are of, which a single report need not.
  for (const name of ["run-1: ", "run-2: "]) {
    assertStringIncludes(text, `<h2>${name}T 4,`);
    assertStringIncludes(text, `<h3>${name}Fastest`);
  }
  assertEquals((await page(report)).includes("run-1: "), false);
});

Deno.test("the page answers first: a line for each mode, then a chart of times, then everything else", async () => {
  const file = new URL("../../data/nvidia_h200.json", import.meta.url);
  const text = await page(parseReport(Deno.readTextFileSync(file), "h200"));
  const lines = [...text.matchAll(/<ul class="answer">([^]*?)<\/ul>/g)].flatMap(([, list]) =>
    [...list.matchAll(/<li>([^]*?)<\/li>/g)].map(([, line]) =>
      line.replaceAll("&nbsp;", " ").replace(/<[^>]+>/g, "")
    )
  );
  assertEquals(lines, [
    "forward tuned 21.65 ms | ties: alphafold3-fused | 1.02x pytorch | least memory: tuned and 1 more",
    "backward peer:pytorch-eager 42.91 ms | 1.03x pytorch | tuned 0.98x | least memory: tuned",
    "full tuned 65.41 ms | ties: peer:pytorch-eager | 1.01x pytorch | least memory: tuned",
  ]);
  const order = ['class="answer"', "<figure", "<details", "<h2>Charts</h2>", "<table>"];
  const places = order.map((part) => text.indexOf(part));
  assertEquals(places, places.toSorted((a, b) => a - b));
  assertEquals(/<figure data-kind="([^"]+)"/.exec(text)![1], "times");
});

Deno.test("the page leaves out a chart of speeds of one shape, as the chart of times tells the same", async () => {
  const kinds = async (sizes: [number, number, number][]) => {
    const text = await page(syntheticReport({ sizes, samples: 3 }));
    return new Set([...text.matchAll(/<figure data-kind="([^"]+)"/g)].map(([, kind]) => kind));
  };
  assertEquals((await kinds([[4, 8, 16]])).has("speeds"), false);
  assertEquals((await kinds([[4, 8, 16], [8, 8, 16]])).has("speeds"), true);
});

Deno.test("the page holds its report as JSON", async () => {
  const report = syntheticReport({ sizes: [[4, 8, 16]], samples: 3 });
  const [, json] = /id="data">([^]*?)<\/script>/.exec(await page(report))!;
  assertEquals(JSON.parse(json), report);
});

Deno.test("the page shows the intervals and marks of the terminal's table, and compares by the same clocks", async () => {
  const file = new URL("../../data/nvidia_h200_peers.json", import.meta.url);
  const report = parseReport(Deno.readTextFileSync(file), "peers");
  const [terminal, html] = [renderTable(report), await page(report)];
  let intervals = 0;
  for (const { rows } of blocksOf(report.rows).flatMap(({ sections }) => sections)) {
    for (const { row, speed, interval, place } of summarise({ mode: rows[0].mode, rows }).standings) {
      const ratio = formatRatio(speed!);
      const range = interval?.map((end) => end.toFixed(2)) ?? [];
      const mark = { tied: "=", unsure: "?", apart: "~" }[place as string] ?? "";
      const cell = `${ratio}${interval ? ` (${range.join(" to ")})` : ""} ${mark}`.trim();
      assertStringIncludes(html, `>${cell}</td>`);
      const escaped = `${row.variant} +[\\d.]+\\*? +${ratio} +${range.join("-")}${
        mark === "?" ? "\\?" : mark
      } `;
      assertMatch(terminal, new RegExp(escaped));
      if (interval) intervals++;
    }
  }
  assert(intervals > 10);
  // The page's sentences say the same.
  assertStringIncludes(html, "35.53x the speed of peer:tensorflow-js by the wall clock");
});

Deno.test("a row with too few samples is neither bold nor tied, on the page, in README and in the chart of speeds", async () => {
  const report = oneRow();
  const [first] = report.rows;
  const timed = (variant: string, ns: number, n: number) => ({
    ...first,
    variant,
    timing: { gpuNs: statistics(ns, { n, next: random(1) }), wallNs: null },
  });
  report.rows = [timed("quick", 1e6, 20), timed("even", 1.0001e6, 20), timed("few", 12e6, 5)];
  const html = await page(report);
  const row = (variant: string) => new RegExp(`<tr class="([^"]*)"[^>]*><th[^>]*>${variant}<.*`).exec(html)!;
  assertEquals(["quick", "even", "few"].map((variant) => row(variant)[1].trim()), [
    "ok fastest",
    "ok fastest",
    "ok",
  ]);
  assertMatch(row("few")[0], />0\.08x \?</);
  assertMatch(row("even")[0], />1\.00x \([\d.]+ to [\d.]+\) =</);
  const table = resultsTable(report);
  assertMatch(table, /\| few +\| 1\d\.\d+ ms \(0\.08x\) too few samples /);
  assertMatch(table, /\| even +\| +\*\*/);
  const chart = chartOf(report, "speeds") as Chart;
  const cells = JSON.stringify(chart.spec.vconcat);
  assertMatch(cells, /"variant":"few"[^}]*"leads":false[^}]*"text":"0\.083x\?"/);
  assertMatch(cells, /"variant":"even"[^}]*"leads":true/);
});

Deno.test("the page folds warnings by kind as the terminal groups them, with the rows of each sentence inside", async () => {
  const report = oneRow({ warnings: [] });
  const [row] = report.rows;
  report.warnings = ["It is hot: open a window."];
  report.rows = [
    { ...row, variant: "a", warnings: ["It waits: for 3 s.", "Its peak is off."] },
    { ...row, variant: "b", warnings: ["It waits: for 3 s."] },
    { ...row, variant: "c", warnings: ["It waits: for 4 s."] },
  ];
  const text = (await page(report)).replaceAll("\n", "");
  const kind = (title: string, ...sentences: string[]) =>
    `<details><summary>${title}</summary><ul>${
      sentences.map((sentence) => `<li>${sentence}</li>`).join("")
    }</ul></details>`;
  const { mode } = row;
  assertStringIncludes(
    text,
    `<summary>Warnings (3)</summary>${
      [
        kind("It is hot", "It is hot: open a window."),
        kind(
          "It waits (3 of 3 rows)",
          `It waits: for 3 s. (a ${mode} and b ${mode})`,
          `It waits: for 4 s. (c ${mode})`,
        ),
        kind("Its peak is off (1 of 3 rows)", `Its peak is off. (a ${mode})`),
      ].join("")
    }</details>`,
  );
});

Deno.test("rows of several precisions can be told apart by a filter, which opens with one", () => {
  const { rows: [row] } = syntheticReport({ samples: 3 });
  const tagged = (["default", "tf32"] as const).map((precision) => (
    { source: "a", row: { ...row, precision } }
  ));
  assertMatch(
    filterControls(tagged),
    /Precision <select data-filter="precision"[^>]*>.*<option value="default" selected>.*<option value="tf32">/,
  );
  assert(!filterControls(tagged.slice(0, 1)).includes("Precision"));
});
