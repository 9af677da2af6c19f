import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { escapeMarkdown, markdownTable } from "../../../bench/report/markdown.ts";
import { kernelsTable, peersTable, resultsTable } from "../../../bench/report/readme_tables.ts";
import { ReadmeError, rewriteReadme } from "../../../bench/process/readme.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { oneRow, syntheticReport } from "../report/fixture.ts";

const report = syntheticReport({
  faults: true,
  peers: true,
  sizes: [[512, 1024, 2816], [4096, 4096, 11008]],
});

/** Rewrites a README whose parts all read the given report; tells which paths were read. */
async function rewrite(text: string, from: Report = report) {
  const paths: string[] = [];
  const read = (path: string) => {
    paths.push(path);
    return from;
  };
  const draw = () => Promise.resolve("<svg/>");
  const done = await rewriteReadme(text, {
    path: "docs/README.md",
    report: "results/swiglu.json",
    read,
    draw,
  });
  return { ...done, paths };
}

const part = (name: string, body = "") =>
  `# Title\n\n<!-- plot:${name} -->\n${body}<!-- /plot:${name.split(" ")[0]} -->\n\nEnd\n`;

Deno.test("rewriteReadme() replaces what stands between markers and nothing else", async () => {
  const { text } = await rewrite(part("results", "\nold figures\n\n"));
  assert(
    text.startsWith("# Title\n\n<!-- plot:results -->\n\nSynthetic GPU 9000, T 512, D 1024, H 2816, float32"),
  );
  assert(text.endsWith("|\n\n<!-- /plot:results -->\n\nEnd\n"));
  assert(!text.includes("old figures"));
});

Deno.test("rewriteReadme() changes nothing the second time", async () => {
  const names = ["results", "memory", "kernels", "peers", "machine", "chart-times tests/data/a.json"];
  const { text } = await rewrite(names.map((name) => part(name)).join("\n"));
  assertEquals((await rewrite(text)).text, text);
});

Deno.test("rewriteReadme() reads the report of each part beside README, or the caller's", async () => {
  const { paths } = await rewrite(part("results data/a.json") + part("kernels"));
  assertEquals(paths, ["docs/data/a.json", "results/swiglu.json"]);
});

Deno.test("rewriteReadme() draws a picture beside its report and links it", async () => {
  const { text, pictures } = await rewrite(part("chart-times data/a.json"));
  assertEquals([...pictures], [["docs/data/a-times.svg", "<svg/>"]]);
  assertStringIncludes(text, "](data/a-times.svg)");
  assertStringIncludes(text, "![Fastest: tuned, Synthetic GPU 9000");
});

Deno.test("rewriteReadme() names the marker that it cannot use", async () => {
  const cases: [string, string][] = [
    ["<!-- plot:results -->\n", "Cannot rewrite docs/README.md as plot:results does not end"],
    [
      "a\n<!-- /plot:results -->\n",
      "Cannot end plot:results in line 2 of docs/README.md as it has not begun",
    ],
    [
      "<!-- plot:results -->\n<!-- plot:kernels -->\n",
      "Cannot begin plot:kernels in line 2 of docs/README.md",
    ],
    ["<!-- plot:results -->\n<!-- /plot:kernels -->\n", "Cannot end plot:kernels in line 2"],
    [part("reslts"), "plot:reslts must be one of results, memory, kernels, peers, machine, chart-KIND"],
    [part("chart-tims"), "plot:chart-tims must be one of"],
  ];
  for (const [text, expected] of cases) {
    const error = await assertRejects(() => rewrite(text), ReadmeError);
    assertStringIncludes(error.message, expected);
  }
});

Deno.test("rewriteReadme() refuses a picture for which the report has no data", async () => {
  const error = await assertRejects(() => rewrite(part("chart-scaling"), oneRow()), ReadmeError);
  assertStringIncludes(error.message, "it needs rows of two shapes or more");
});

Deno.test("resultsTable() puts variants against modes and marks the fastest", () => {
  const [title, , heading, , ...rows] = resultsTable(report).split("\n");
  assertMatch(
    title,
    /^Synthetic GPU 9000, T 512, D 1024, H 2816, float32, precision default, silu, 2026-01-02:$/,
  );
  assertMatch(
    heading,
    /^\| variant +\| +forward \| +backward \| +full \| +rate, full \| +peak, full \| +saved \| +error \| first use \|$/,
  );
  assertMatch(
    rows.find((row) => row.startsWith("| tuned"))!,
    /\*\*[\d.]+ µs \(1\.00x\)\*\*.*\| +3\d\d\.\d ms \|$/,
  );
  assertMatch(
    rows.find((row) => row.startsWith("| alphafold3-fused"))!,
    /\| +skipped \| +skipped \| +skipped \|/,
  );
});

Deno.test("kernelsTable() gives each kernel of tuned its fraction of the ceiling that binds it", () => {
  const text = kernelsTable(report);
  assertMatch(text, /^\| tuned, full +\| +tile \|/m);
  assertMatch(text, /^\| dGateUp +\| +64x128x16 \| .* TFLOP\/s \| +\d+ % FMA \|$/m);
  assertMatch(text, /^\| dg, du from dh, g, u +\| +- \| .* GB\/s \| +\d+ % copy \|$/m);
});

Deno.test("peersTable() says how much faster tuned is, and which peers were not measured and why", () => {
  const text = peersTable(report);
  assertMatch(text, /^\| jax-js +\| +full \| +- \| +[\d.]+ ms \| .* \| +5\.\d\dx \| +0\.\d\dx \|/m);
  const reason = "computes no gradients";
  const rows = report.rows.map((row) =>
    row.variant === "peer:jax-js" && row.mode !== "forward"
      ? { ...row, status: "skipped" as const, reason, timing: null }
      : row
  );
  const without = peersTable({ ...report, rows });
  assertEquals(without.match(/^\| jax-js +\| +full /m), null);
  assertMatch(
    without.replace(/\s+/g, " "),
    /Not measured: .*jax-js backward and full \(skipped: computes no gradients\)/,
  );
  assertEquals(peersTable(syntheticReport({ samples: 3 })), "The report has no such rows.");
});

Deno.test("escapeMarkdown() leaves text without meaning to Markdown or HTML", () => {
  const escaped = escapeMarkdown("a|b\n<script>*x*</script> [l](javascript:1) `c` ![i](j) _d_ \\");
  assertEquals(escaped.match(/[|<>*[\]`_\\]/), null);
  assertEquals(escapeMarkdown("peer:jax-js 64x128/4"), "peer:jax-js 64x128/4");
});

Deno.test("names in a report cannot break the tables", () => {
  const text = resultsTable(oneRow({ variant: "a | b | <img src=x> | **" }));
  const [heading, , row] = text.split("\n").filter((line) => line.startsWith("|"));
  assertEquals(row.split("|").length, heading.split("|").length);
  assertEquals(text.includes("<img"), false);
});

Deno.test("markdownTable() aligns its columns", () => {
  assertEquals(
    markdownTable(["name", "x"], [["a", "1.5"], ["longer", "10"]]),
    [
      "| name   |   x |",
      "| ------ | --: |",
      "| a      | 1.5 |",
      "| longer |  10 |",
    ].join("\n"),
  );
});

Deno.test("the formatter leaves a rewritten README as it is", async () => {
  const names = ["results", "memory", "kernels", "peers", "machine", "chart-times data/a.json"];
  const { text } = await rewrite(
    `# Title\n\n${
      names.map((name) => `<!-- plot:${name} -->\n<!-- /plot:${name.split(" ")[0]} -->\n`).join("\n")
    }`,
  );
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/README.md`, text);
    Deno.writeTextFileSync(`${folder}/deno.json`, '{ "fmt": { "lineWidth": 110 } }');
    const { success, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["fmt", "--check", "README.md"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).outputSync();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
