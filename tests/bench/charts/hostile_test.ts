import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chartsOf, comparisonsOf } from "../../../bench/charts/mod.ts";
import { renderPage } from "../../../bench/page/mod.ts";
import { parseReport } from "../../../bench/report/reader.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { syntheticReport } from "../report/fixture.ts";

/** Texts that would be markup, script, or an expression of the drawing library, if anything let them. */
const HOSTILE = [
  '<script>alert("x")</script>',
  '"><img src=x onerror=alert(1)>',
  "</text></svg><svg onload=alert(1)>",
  "]]><b>bold</b><!--",
  "'; datum.constructor.constructor('alert(1)')()",
  "{signal: 'alert(1)'}",
  "</script><script>alert(2)</script>",
  "\u202e\u0000\u001b[31mred",
];

/** A report in which every text that is free is hostile, read as if from a file. */
function hostileReport(text: string): Report {
  const report = syntheticReport({ sizes: [[4, 8, 16], [8, 8, 16]], faults: true, samples: 3 });
  report.adapter = { ...report.adapter, device: text, description: text, vendor: text, architecture: text };
  Object.assign(report, { command: text, createdAt: text, versions: { [text]: text }, warnings: [text] });
  report.rows = report.rows.map((row, i) => ({
    ...row,
    variant: i % 3 === 0 ? `${text}${i % 8}` : row.variant,
    activation: text,
    reason: row.reason === null ? null : text,
    implementation: text,
    tile: text,
    warnings: [text],
    kernels: row.kernels.map((kernel) => ({ ...kernel, label: text, tile: text })),
  }));
  return parseReport(JSON.stringify(report), "hostile.json");
}

/** Whether an element has a handler of events; what stands in quotes is a value. */
function hasHandler(markup: string): boolean {
  return /<[^>]*\son\w+\s*=/.test(markup.replace(/"[^"]*"/g, '""'));
}

/** Names of elements in markup; a name that the renderers do not use came from a report. */
function elements(markup: string): Set<string> {
  return new Set([...markup.matchAll(/<([a-zA-Z!?][^\s/>]*)/g)].map(([, name]) => name));
}

const SVG_ELEMENTS = [
  "svg",
  "g",
  "path",
  "text",
  "tspan",
  "rect",
  "line",
  "defs",
  "clipPath",
  "linearGradient",
  "stop",
  "title",
  "desc",
];

Deno.test("names in a report cannot inject markup into charts", async () => {
  for (const text of HOSTILE) {
    const report = hostileReport(text);
    let drawn = 0;
    for (const chart of [...chartsOf(report), ...comparisonsOf(report, report)]) {
      assert(/^[\w.-]+$/.test(chart.name), chart.name);
      if ("reason" in chart) continue;
      const svg = await renderSvg(chart.spec);
      const strange = [...elements(svg)].filter((name) => !SVG_ELEMENTS.includes(name));
      assertEquals(strange, [], `${chart.name}: ${text}`);
      assert(!hasHandler(svg), `${chart.name}: ${text}`);
      drawn++;
    }
    assert(drawn >= 10, `${drawn} charts`);
  }
});

Deno.test("variants named like properties of all objects are drawn like others", async () => {
  const names = Object.getOwnPropertyNames(Object.prototype);
  assert(names.includes("constructor") && names.includes("__proto__"));
  const draws = async (report: Report) => {
    const drawn: string[] = [];
    for (const chart of [...chartsOf(report), ...comparisonsOf(report, report)]) {
      if (!("reason" in chart)) drawn.push(await renderSvg(chart.spec));
    }
    return drawn;
  };
  const report = syntheticReport({ sizes: [[4, 8, 16]], samples: 6, peers: true });
  const usual = await draws(report);
  for (let i = 0; i < names.length; i += 11) {
    const known = [...new Set(report.rows.map(({ variant }) => variant))];
    const named = new Map(known.map((variant, at) => [variant, names[(i + at) % names.length]]));
    const rows = report.rows.map((row) => ({ ...row, variant: named.get(row.variant)! }));
    const drawn = await draws({ ...report, rows });
    assertEquals(drawn.length, usual.length);
    assertStringIncludes(drawn[0], names[i]);
    await renderPage([{ source: "constructor", report: { ...report, rows } }], {
      draw: () => Promise.resolve(""),
    });
  }
});

Deno.test("names in a report cannot inject markup into the page", async () => {
  const plainReport = syntheticReport({ sizes: [[4, 8, 16], [8, 8, 16]], faults: true, samples: 3 });
  const draw = () => Promise.resolve('<svg class="marks" width="10"></svg>');
  const expected = elements(await renderPage([{ source: "plain", report: plainReport }], { draw }));
  for (const text of HOSTILE) {
    const page = await renderPage([{ source: text, report: hostileReport(text) }], { draw });
    // JSON inside its script element may hold anything but a `<`.
    const [markup, json] = /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(page)!;
    assertEquals(json.includes("<"), false);
    assertEquals(JSON.parse(json).adapter.device, text);
    const rest = page.replace(markup, "").replace(/<script>[^]*?<\/script>/, "<script></script>");
    assertEquals([...elements(rest)].filter((name) => !expected.has(name)), [], text);
    assert(!hasHandler(rest), text);
    assertEquals(rest.match(/<script/g)?.length, 1, text);
  }
});

Deno.test("the page allows itself its own script and nothing else", async () => {
  const page = await renderPage([{ source: "one", report: hostileReport("x") }], {
    draw: () => Promise.resolve(""),
  });
  const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(page)!;
  const [, script] = /<script>([^]*?)<\/script>/.exec(page)!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  assertStringIncludes(policy, "default-src 'none'");
  assertStringIncludes(policy, `script-src 'sha256-${hash}'`);
  assertEquals(page.match(/(src|href)="(?!data:)[^"]*"/g), null, "nothing is fetched");
});
