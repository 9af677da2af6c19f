import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Chart, Spec, Undrawn } from "../../../bench/charts/chart.ts";
import { chartOf, chartsOf, comparisonsOf, KINDS } from "../../../bench/charts/mod.ts";
import { stageOf } from "../../../bench/charts/stages.ts";
import { thin } from "../../../bench/charts/latency.ts";
import { medianOf } from "../../../bench/report/groups.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { oneRow, syntheticReport } from "../report/fixture.ts";

const report = syntheticReport({ faults: true, peers: true, dtypes: ["float32", "float16"], samples: 9 });

function drawn(charts: (Chart | Undrawn)[]): Chart[] {
  return charts.filter((chart): chart is Chart => "spec" in chart);
}

function named(name: string, from: Report = report): Chart {
  const chart = drawn(chartsOf(from)).find((chart) => chart.name === name);
  if (chart === undefined) throw new Error(`${name} is not drawn`);
  return chart;
}

/** Every value under a key, anywhere in a specification. */
function collect(value: unknown, key: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => name === key ? [part] : collect(part, key));
}

const panelsOf = (chart: Chart) => chart.spec.concat as Spec[];
/** The data of a part; axes have values too, which are numbers. */
const dataOf = (part: unknown) =>
  collect(part, "values").flat().filter((value) => typeof value === "object") as Record<string, unknown>[];
const axisTitles = (part: unknown) =>
  collect(part, "axis").map((axis) => (axis as { title?: string }).title).filter((title) =>
    typeof title === "string"
  );

Deno.test("chartsOf() draws every kind for each problem, type or shape, each under its own name", () => {
  const charts = chartsOf(report);
  assertEquals(charts.filter((chart) => "reason" in chart), []);
  assertEquals(new Set(charts.map(({ name }) => name)).size, charts.length);
  for (const { name, scope } of KINDS) {
    const count = charts.filter((chart) =>
      chart.name.startsWith(`${name}-`) && !chart.name.startsWith(`${name}-memory`)
    );
    assertEquals(count.length, { problem: 6, setup: 2, shape: 3 }[scope], name);
  }
});

Deno.test("titles carry the machine, the type, the modes and the shape", () => {
  for (const { name, spec } of drawn(chartsOf(report))) {
    const { text, subtitle } = spec.title as { text: string; subtitle: string[] };
    assertMatch(text, /: forward, backward, full$/, name);
    const context = subtitle.join(" ");
    assertStringIncludes(context, "Synthetic GPU 9000", name);
    assertMatch(context, name.includes("float16") ? /float16/ : /float32/);
    assertMatch(context, /T \d+, D \d+, H \d+|3 shapes/);
  }
});

Deno.test("axes of quantities carry their units", () => {
  const unit =
    /, (ns|µs|ms|s|B|KiB|MiB|GiB|[MGTP]FLOP\/s|FLOP|FLOP per byte|%)( \(logarithmic\))?$|^relative error( \(logarithmic\))?$|^time after \/ time before$/;
  for (const chart of [...drawn(chartsOf(report)), ...drawn(comparisonsOf(report, report))]) {
    const titles = axisTitles(chart.spec);
    for (const title of titles) assertMatch(title as string, unit, chart.name);
    if (!chart.name.startsWith("speeds")) assert(titles.length > 0, `${chart.name} has no titled axis`);
  }
});

Deno.test("charts of times show the medians, and rows without one by their status", () => {
  const [forward] = panelsOf(named("times-4096x4096x11008-float32"));
  const rows = report.rows.filter(({ dim, dtype, mode }) =>
    dim === 4096 && dtype === "float32" && mode === "forward"
  );
  for (const row of rows) {
    const bar = dataOf(forward).find(({ variant }) => variant === row.variant);
    const median = medianOf(row);
    if (median === null) assertEquals([bar?.value, bar?.text], [null, row.status]);
    else assertStringIncludes(bar!.text as string, (median / 1e6).toPrecision(4).slice(0, 5));
  }
});

Deno.test("a bar out of proportion is cut and marked, and the others keep their length", () => {
  const [forward] = panelsOf(named("times-4096x4096x11008-float32"));
  const value = (id: string) => dataOf(forward).find(({ variant }) => variant === id)!;
  assertMatch(value("peer:onnxruntime-web").text as string, /^\d+\.\d\* →$/);
  assert((value("peer:onnxruntime-web").value as number) < 2 * (value("pytorch").value as number));
  assertEquals((value("tuned").text as string).includes("→"), false);
});

Deno.test("the note on arrows stands where bars are cut, and nowhere else", () => {
  const notes = (peers: boolean) =>
    ["times", "memory"].map((kind) => {
      const chart = named(`${kind}-4096x4096x11008-float32`, syntheticReport({ peers }));
      const arrows = collect(chart.spec.concat, "text").some((text) => String(text).endsWith("→"));
      const { subtitle } = chart.spec.title as { subtitle: string[] };
      assertEquals(subtitle.join(" ").includes("Arrow:"), arrows, chart.name);
      return arrows;
    });
  assertEquals([...new Set([...notes(true), ...notes(false)])].sort(), [false, true]);
});

Deno.test("every chart shows variants in the order of the registry", () => {
  const order = report.rows.slice(0, 11).map(({ variant }) => variant);
  for (const { name, spec } of drawn(chartsOf(report))) {
    for (const channel of [...collect(spec, "y"), ...collect(spec, "color")] as Spec[]) {
      if (channel.field !== "variant" || name.startsWith("samples") || name.startsWith("kernels")) continue;
      assertEquals((channel.scale as { domain: string[] }).domain, order, name);
    }
  }
});

Deno.test("the roofline has its ridge where copy and multiply-adds meet, and no point without work above it", () => {
  const [forward] = panelsOf(named("roofline-4096x4096x11008-float32"));
  const [roof, points] = (forward.layer as Spec[]).map(dataOf) as { x: number; y: number }[][];
  assertEquals(roof[1], { x: (66 * 1e3) / 4000, y: 66 });
  assertEquals(roof[0].y, (roof[0].x * 4000) / 1e3);
  assert(points.length > 8);
  for (const { x, y } of points) assert(y <= Math.min(66, (x * 4000) / 1e3), `${x} ${y}`);
});

Deno.test("relative speeds are 1 for the fastest of each shape", () => {
  for (const panel of panelsOf(named("speeds-float32"))) {
    const cells = Map.groupBy(dataOf(panel).filter((cell) => "speed" in cell), (cell) => cell.shape);
    assertEquals(cells.size, 3);
    for (const group of cells.values()) {
      const speeds = group.map(({ speed }) => speed as number | null).filter((speed) => speed !== null);
      assertEquals(Math.max(...speeds), 1);
    }
  }
});

Deno.test("stageOf() knows a kernel by what it writes", () => {
  const kernel = (label: string, flops: number | null = 1) => ({ label, flops, bytes: 1, gpuNs: 1 });
  const cases: [string, number | null, string][] = [
    ["g", 1, "g, u, h"],
    ["g, u, h", 1, "g, u, h"],
    ["y", 1, "y"],
    ["dg, du", 1, "dh, dg, du"],
    ["dg, du, h", 1, "dh, dg, du"],
    ["dGate, dUp", 1, "gradients of weights"],
    ["dx += dx of up", 1, "dx"],
    ["dx of gate", 1, "dx"],
    ["g: sum of slices", 0, "element-wise, sums"],
    ["h = act(g) u", null, "element-wise, sums"],
    ["something new", 1, "other"],
  ];
  for (const [label, flops, stage] of cases) assertEquals(stageOf(kernel(label, flops)).name, stage, label);
});

Deno.test("segments of a kernel chart lie end to end and add up", () => {
  const [forward] = panelsOf(named("kernels-512x1024x2816-float32"));
  const segments = dataOf(forward).filter(({ variant }) => variant === "tuned") as {
    from: number;
    to: number;
  }[];
  assertEquals(segments.length, 4);
  for (const [i, { from }] of segments.entries()) assertEquals(from, i === 0 ? 0 : segments[i - 1].to);
});

Deno.test("thin() keeps both ends and at most so many", () => {
  assertEquals(thin([1, 2, 3], 5), [1, 2, 3]);
  assertEquals(thin(Array.from({ length: 1001 }, (_, i) => i), 5), [0, 250, 500, 750, 1000]);
});

Deno.test("charts that lack data say why", () => {
  const bare = oneRow({ memory: null, accuracy: null, kernels: [], tflops: null });
  bare.ceilings = { fmaTflops: { float32: null }, copyGBps: null };
  const reasons = Object.fromEntries(
    chartsOf(bare).flatMap((chart) => "reason" in chart ? [[chart.name, chart.reason]] : []),
  );
  assertEquals(reasons, {
    "memory-4x8x16-float32": "no row has figures of memory",
    "time-memory-4x8x16-float32": "no row has both a time and figures of memory",
    "kernels-4x8x16-float32": "no row has times of single kernels",
    "roofline-4x8x16-float32": "the report has no ceilings",
    "accuracy-4x8x16": "no row has both an error and a rate",
    "scaling-float32": "it needs rows of two shapes or more: this report has 0",
  });
});

Deno.test("a report in which nothing ran has no chart, and one without rows not even a reason", () => {
  const skipped = oneRow({
    status: "skipped",
    reason: "too large",
    timing: null,
    memory: null,
    accuracy: null,
    tflops: null,
    kernels: [],
  });
  assertEquals(drawn(chartsOf(skipped)), []);
  assertEquals(chartsOf({ ...skipped, rows: [] }), []);
});

Deno.test("chartOf() draws the problem of most work, and knows which kinds there are", () => {
  const chart = chartOf(report, "times");
  assertStringIncludes((chart as { context: string }).context, "T 4096, D 4096, H 11008");
  assertEquals(chartOf(report, "no-such-kind"), null);
});

Deno.test("comparisonsOf() tells slower and faster from what the machine may have done to all", () => {
  const options = { sizes: [[512, 1024, 2816]] as [number, number, number][], samples: 60 };
  const before = syntheticReport(options);
  const allSlower = syntheticReport({ ...options, slower: 1.05, seed: 2 });
  const isTuned = ({ variant }: { variant: string }) => variant === "tuned";
  const tunedSlower = {
    ...before,
    rows: before.rows.map((row, i) => isTuned(row) ? allSlower.rows[i] : row),
  };
  const verdicts = (a: Report, b: Report, of = (_: { variant: string }) => true) => {
    const data = dataOf(drawn(comparisonsOf(b, a))[0].spec) as { variant: string; verdict?: string }[];
    return [...new Set(data.filter(of).flatMap(({ verdict }) => verdict ?? []))];
  };
  assertEquals(verdicts(before, tunedSlower, isTuned), ["slower"]);
  assertEquals(verdicts(tunedSlower, before, isTuned), ["faster"]);
  assertEquals(verdicts(before, tunedSlower, (row) => !isTuned(row)), ["no clear difference"]);
  assertEquals(verdicts(before, allSlower), ["in doubt"]);
  assertEquals(verdicts(before, before), ["no clear difference"]);
});

Deno.test("a comparison of two machines says that they are not alike", () => {
  const other = { ...report, adapter: { ...report.adapter, device: "Another GPU" } };
  const [chart] = drawn(comparisonsOf(other, report));
  const { subtitle } = chart.spec.title as { subtitle: string[] };
  assertStringIncludes(subtitle.join(" "), "Not alike: The adapter differs");
});

Deno.test("every chart becomes an SVG with a white ground that is at most 1100 wide", async () => {
  const charts = [...drawn(chartsOf(report)), ...drawn(comparisonsOf(report, report))];
  for (const { name, spec } of charts) {
    const svg = await renderSvg(spec);
    const [, width] = /^<svg [^>]*width="(\d+)"/.exec(svg)!;
    assert(Number(width) <= 1100, `${name} is ${width} wide`);
    assertStringIncludes(svg, 'fill="white"/>');
    assertEquals(svg.match(/NaN|undefined|Infinity/), null, name);
  }
});

Deno.test("the same chart is the same text every time", async () => {
  const { spec } = named("roofline-4096x4096x11008-float32");
  assertEquals(await renderSvg(spec), await renderSvg(spec));
  const [first, second] = [
    await renderSvg(spec, { continued: true }),
    await renderSvg(spec, { continued: true }),
  ];
  const ids = (svg: string) => [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assert(ids(first).length > 0);
  assertEquals(ids(first).filter((id) => ids(second).includes(id)), []);
});

Deno.test("samples are drawn as deviations in percent, late ones at the edge", () => {
  const late = syntheticReport({ sizes: [[512, 1024, 2816]], modes: ["forward"], samples: 40 });
  const { samples, median } = late.rows[0].timing!.gpuNs!;
  samples[0] = 50 * median;
  const [panel] = panelsOf(named("samples-512x1024x2816-float32", late));
  const values = dataOf(panel).map(({ value }) => value as number).filter((value) => value !== undefined);
  assertEquals(values.length, 8 * 40);
  assert(Math.max(...values) < 20, "one late sample leaves the rest readable");
});
