import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type NamedReport, renderPage } from "../../../bench/page/mod.ts";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { ChromiumPage, findChromium } from "../../chromium.ts";
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

Deno.test("the page tells machine, command, versions, ceilings and warnings before any figure", async () => {
  const text = await page(oneRow({ warnings: [] }), syntheticReport({ sizes: [[4, 8, 16]], samples: 3 }));
  const head = text.slice(0, text.indexOf("<table>"));
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

Deno.test("filters appear only where there is something to choose, and open with the largest problem", async () => {
  const one = await page(oneRow());
  assertEquals(one.match(/data-filter=/g), null);
  const many = await page(syntheticReport({ dtypes: ["float32", "float16"], samples: 3 }));
  assertEquals([...many.matchAll(/data-filter="(\w+)"/g)].map(([, key]) => key), ["mode", "dtype", "size"]);
  assertEquals([...many.matchAll(/value="([^"]*)" selected/g)].map(([, value]) => value), [
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
    assertMatch(rest, /data-mode="(forward|backward|full)"/);
    assertEquals(rest.includes("data-size"), !["speeds", "scaling"].includes(kind), kind);
  }
});

Deno.test("the page of two reports compares the second with the first, mode by mode", async () => {
  const report = syntheticReport({ sizes: [[4, 8, 16]], samples: 3 });
  const text = await page(report, report);
  const compared = [...text.matchAll(/<figure data-kind="comparison"([^>]*)>/g)].map(([, rest]) => rest);
  assertEquals(compared.length, 3);
  for (const rest of compared) assertStringIncludes(rest, 'data-source="run-2"');
});

Deno.test("the page holds its report as JSON", async () => {
  const report = syntheticReport({ sizes: [[4, 8, 16]], samples: 3 });
  const [, json] = /id="data">([^]*?)<\/script>/.exec(await page(report))!;
  assertEquals(JSON.parse(json), report);
});

const chromium = findChromium();

/** The page of a synthetic report, drawn with charts, in a file that is removed afterwards. */
async function inBrowser(test: (page: ChromiumPage) => Promise<void>): Promise<void> {
  const file = Deno.makeTempFileSync({ suffix: ".html" });
  try {
    const report = syntheticReport({
      faults: true,
      peers: true,
      sizes: [[512, 1024, 2816], [2048, 2048, 5632]],
      samples: 9,
    });
    const svg = (spec: Parameters<typeof renderSvg>[0]) => renderSvg(spec, { continued: true });
    Deno.writeTextFileSync(file, await renderPage([{ report, source: "run" }], { draw: svg }));
    await using page = await ChromiumPage.open(chromium!);
    await page.goto(`file://${file}`);
    await test(page);
    assertEquals(page.complaints, []);
  } finally {
    Deno.removeSync(file);
  }
}

/** Chooses a value of a filter as a reader does. */
const choose = (key: string, value: string) =>
  `(() => { const filter = document.querySelector('[data-filter=${key}]'); filter.value = ${
    JSON.stringify(value)
  }; ` +
  `filter.dispatchEvent(new Event("change")); })()`;

const SHOWN_ROWS = `[...document.querySelectorAll("tbody tr")].filter((row) => row.offsetParent !== null)`;

Deno.test({
  name: `report.html works in a browser${chromium === null ? " (SKIPPED: Chromium is not installed)" : ""}`,
  ignore: chromium === null,
  fn: async (t) => {
    await inBrowser(async (page) => {
      await t.step("filters show the rows and charts that were chosen", async () => {
        const count = () => page.evaluate<string>(`document.getElementById("status").textContent`);
        assertEquals(await count(), "33 rows, 27 charts");
        await page.evaluate(choose("mode", "backward"));
        assertEquals(await page.evaluate(`${SHOWN_ROWS}.length`), 11);
        assertEquals(
          await page.evaluate(`new Set(${SHOWN_ROWS}.map((row) => row.children[1].textContent)).size`),
          1,
        );
        assertEquals(await count(), "11 rows, 9 charts");
        await page.evaluate(choose("size", ""));
        assertEquals(await count(), "22 rows, 16 charts");
        await page.evaluate(choose("size", "T 512, D 1024, H 2816"));
        assertEquals(await count(), "11 rows, 9 charts");
      });
      await t.step("the table sorts by a column both ways, rows without a figure last", async () => {
        const times = () =>
          page.evaluate<string[]>(
            `${SHOWN_ROWS}.map((row) => row.querySelectorAll("[data-key]")[4].dataset.key)`,
          );
        const sort =
          `[...document.querySelectorAll("thead button")].find((button) => button.textContent === "Time").click()`;
        await page.evaluate(sort);
        const up = await times();
        assertEquals(up.slice(-2), ["", ""]);
        const numbers = up.slice(0, -2).map(Number);
        assertEquals(numbers.length, 9);
        assertEquals(numbers, numbers.toSorted((a, b) => a - b));
        await page.evaluate(sort);
        assertEquals((await times()).slice(0, -2).map(Number), numbers.toReversed());
        assertEquals(await page.evaluate(`document.querySelector("[aria-sort]").textContent`), "Time");
      });
      await t.step("a mark under the pointer tells its story", async () => {
        await page.evaluate(
          `document.querySelector("figure[data-kind=times]:not([hidden])").scrollIntoView({ block: "center" });
          new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`,
        );
        const at = await page.evaluate<{ x: number; y: number; story: string }>(
          `(() => { const mark = document.querySelector("figure[data-kind=times]:not([hidden]) path[aria-roledescription=bar]");
          const box = mark.getBoundingClientRect();
          return { x: box.x + box.width / 2, y: box.y + box.height / 2, story: mark.getAttribute("aria-label") }; })()`,
        );
        await page.point(at.x, at.y);
        assertMatch(at.story, /^pytorch, backward: [\d.]+ µs gpu time/);
        assertEquals(await page.evaluate(`document.getElementById("tip").textContent`), at.story);
        assertEquals(await page.evaluate(`document.getElementById("tip").hidden`), false);
      });
      await t.step("a phone shows it without scrolling sideways, in text that can be read", async () => {
        await page.show({ width: 390, height: 844, mobile: true });
        assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 390);
        const least = await page.evaluate<number>(
          `Math.min(...[...document.querySelectorAll("figure:not([hidden]) svg text")].map((text) =>
          parseFloat(text.getAttribute("font-size")) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)))`,
        );
        assert(least > 6.5, `the smallest text has ${least} pixels`);
      });
      await t.step("a dark page is dark, and its text light", async () => {
        await page.show({ width: 1280, height: 900, dark: true });
        const [back, text, title] = await page.evaluate<string[]>(
          `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,
          getComputedStyle(document.querySelector("figure:not([hidden]) svg text")).fill]`,
        );
        const light = (color: string) => Math.max(...color.match(/\d+/g)!.slice(0, 3).map(Number));
        assert(light(back) < 40 && light(text) > 200 && light(title) > 200, `${back} ${text} ${title}`);
        assert((await page.screenshot()).length > 10_000);
      });
    });
  },
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
  assertStringIncludes(html, "35.53x the speed of tensorflow-js by the wall clock");
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
  const cells = JSON.stringify(chart.spec.concat);
  assertMatch(cells, /"variant":"few"[^}]*"leads":false[^}]*"text":"0\.083x\?"/);
  assertMatch(cells, /"variant":"even"[^}]*"leads":true/);
});
