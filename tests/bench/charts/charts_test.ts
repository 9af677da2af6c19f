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

const panelsOf = (chart: Chart) =>
  (chart.spec.vconcat as { hconcat: Spec[] }[]).flatMap(({ hconcat }) => hconcat);
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

Deno.test("titles tell what is shown; machine, type and shape stand below", () => {
  const titles: Record<string, RegExp> = {
    "times": /^Fastest: \S+/,
    "memory": /^Least peak memory: \S+/,
    "time-memory": /^Time against peak memory: forward, backward, full$/,
    "kernels": /^Time of each kernel: forward, backward, full$/,
    "roofline": /^Rate of each kernel under the ceilings: full$/,
    "samples": /^Spread of all samples: forward, backward, full$/,
    "accuracy": /^Error against rate: forward, backward, full$/,
    "speeds": /^Speed relative to the fastest of each shape: forward, backward, full$/,
    "scaling": /^Rate over 3 shapes: forward, backward, full$/,
  };
  for (const { name, title, spec } of drawn(chartsOf(report))) {
    const { text, subtitle } = spec.title as { text: string[]; subtitle: string[] };
    assertMatch(title, titles[/^[a-z]+(-memory)?/.exec(name)![0]], name);
    assertEquals(text.join(" "), title);
    const context = subtitle.join(" ");
    assertStringIncludes(context, "Synthetic GPU 9000", name);
    assertMatch(context, name.includes("float16") ? /float16/ : /float32/);
    assertMatch(context, /T \d+, D \d+, H \d+|3 shapes/);
  }
});

Deno.test("axes of quantities carry their units", () => {
  const unit =
    /, (ns|µs|ms|s|B|KiB|MiB|GiB|[MGTP]FLOP\/s|FLOP|FLOP per byte|%)( \(log\))?$|^relative error( \(log\))?$|^time after \/ time before$/;
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

Deno.test("bars keep their lengths from 0; where values are too far apart, dots on a logarithmic axis take their place", () => {
  const kinds = (peers: boolean) => {
    const chart = named("times-4096x4096x11008-float32", syntheticReport({ peers }));
    const scales = collect(chart.spec.vconcat, "scale") as { type?: string; domain?: number[] }[];
    const marks = collect(chart.spec.vconcat, "mark") as { type: string }[];
    const values = panelsOf(chart).flatMap(dataOf).flatMap(({ variant, value, text }) => {
      const known = typeof value === "number" && variant !== undefined;
      // What is drawn is what is written.
      if (known) assertMatch(String(text), new RegExp(`^${value.toPrecision(4).slice(0, 4)}`));
      return known ? [value] : [];
    });
    assert(values.length >= 24);
    const { subtitle } = chart.spec.title as { subtitle: string[] };
    return {
      bars: marks.some(({ type }) => type === "bar"),
      log: scales.some(({ type }) => type === "log"),
      fromZero: scales.some(({ domain }) => domain?.[0] === 0),
      told: subtitle.join(" ").includes("logarithmic"),
    };
  };
  assertEquals(kinds(false), { bars: true, log: false, fromZero: true, told: false });
  assertEquals(kinds(true), { bars: false, log: true, fromZero: false, told: true });
});

Deno.test("a panel of zeros is left out, which the chart says, and rows of panels fill the picture", () => {
  const chart = named("memory-4096x4096x11008-float32");
  const rows = (chart.spec.vconcat as { hconcat: Spec[] }[]).map(({ hconcat }) => hconcat);
  assertEquals(
    rows.map((panels) => panels.map(({ title }) => (title as { text: string }).text)),
    [
      ["forward: peak", "backward: peak", "full: peak"],
      ["backward: saved for backward", "full: saved for backward"],
      ["forward: workspace", "backward: workspace", "full: workspace"],
    ],
  );
  const widths = rows.map((panels) => panels.reduce((sum, { width }) => sum + (width as number) + 22, -22));
  for (const width of widths) assert(Math.abs(width - widths[0]) < 3, `${widths}`);
  assertStringIncludes(chart.notes.join(" "), "to be more than 0: forward: saved for backward.");
});

Deno.test("a chart names what it leaves out, and the modes where it is only some", () => {
  const notes = (name: string) => named(name).notes.join(" ");
  assertStringIncludes(
    notes("kernels-4096x4096x11008-float32"),
    "Left out, without times of kernels: alphafold3-fused, liger (backward, full), peer:pytorch-eager",
  );
  assertStringIncludes(notes("roofline-4096x4096x11008-float32"), "Left out: forward and backward");
  for (const kind of ["samples", "time-memory"]) {
    assertMatch(
      notes(`${kind}-4096x4096x11008-float32`),
      /Left out, without a time[^.]*alphafold3-fused/,
      kind,
    );
  }
  const whole = syntheticReport({ sizes: [[4, 8, 16]], samples: 3 });
  assertEquals(drawn(chartsOf(whole)).filter(({ notes }) => notes.join().includes("Left out, without")), []);
});

Deno.test("a chart of speeds says what its empty cells are, where it has any", () => {
  const full = syntheticReport({ sizes: [[4, 8, 16], [8, 8, 16]], samples: 3 });
  const notes = (from: Report) => named("speeds-float32", from).notes;
  assertEquals(notes(full).includes("Empty: the report has no such row."), false);
  const less = { ...full, rows: full.rows.slice(1) };
  assertEquals(notes(less).includes("Empty: the report has no such row."), true);
});

Deno.test("lines join only shapes that scale together", () => {
  const lines = (sizes: [number, number, number][]) => {
    const from = syntheticReport({ sizes, samples: 3, modes: ["full"] });
    const [panel] = panelsOf(drawn(chartsOf(from)).find(({ name }) => name.startsWith("scaling"))!);
    const line = (panel.layer as Spec[]).find(({ mark }) => (mark as Spec).type === "line");
    return new Set(dataOf(line).map((point) => point.line)).size;
  };
  assertEquals(lines([[4, 8, 16], [9, 8, 16]]), 8);
  assertEquals(lines([[4, 8, 16], [900, 8, 48]]), 0);
  assertEquals(lines([[4, 8, 16], [9, 8, 16], [64, 64, 256], [128, 128, 512]]), 16);
});

Deno.test("every chart shows variants in the order of the registry", () => {
  const order = report.rows.slice(0, 11).map(({ variant }) => variant);
  for (const { name, spec } of drawn(chartsOf(report))) {
    for (const channel of [...collect(spec, "y"), ...collect(spec, "color")] as Spec[]) {
      const domain = (channel.scale as { domain?: string[] } | undefined)?.domain;
      if (channel.field !== "variant" || domain === undefined) continue;
      // A chart that leaves rows out keeps the order of the others.
      assertEquals(domain, order.filter((id) => domain.includes(id)), name);
    }
  }
});

Deno.test("the roofline has its ridge where copy and multiply-adds meet, and no point without work above it", () => {
  const panels = panelsOf(named("roofline-4096x4096x11008-float32"));
  assertEquals(panels.length, 1);
  assert(panels[0].width as number > 600, "it is one large panel");
  const layers = (panels[0].layer as Spec[]).map(dataOf) as unknown as { x: number; y: number }[][];
  const [roof, points] = [layers[0], layers[layers.length - 1]];
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

Deno.test("samples are drawn as deviations in percent; those beyond the panel are counted at its edge", () => {
  const late = syntheticReport({ sizes: [[512, 1024, 2816]], modes: ["forward"], samples: 40 });
  const { samples, median } = late.rows[0].timing!.gpuNs!;
  samples[0] = 50 * median;
  const chart = named("samples-512x1024x2816-float32", late);
  const data = dataOf(panelsOf(chart)[0]);
  const values = data.filter(({ text, value }) => text === undefined && value !== undefined);
  const counts = data.filter(({ text }) => text !== undefined);
  assertMatch(counts.find(({ variant }) => variant === "pytorch")!.text as string, /^> [1-9]/);
  const left = counts.reduce((sum, { text }) => sum + Number((text as string).slice(2)), 0);
  assertEquals(values.length, 8 * 40 - left);
  assert(Math.max(...values.map(({ value }) => value as number)) < 20, "the rest is readable");
  assertStringIncludes(chart.notes.join(" "), "later than the panel shows");
});

Deno.test("drawings have a role, a name and a description", async () => {
  const { spec, title, notes } = named("times-4096x4096x11008-float32");
  const picture = await renderSvg(spec);
  assertMatch(picture, /^<svg role="img"[^>]*><title>[^<]+<\/title><desc>[^<]+<\/desc>/);
  assertStringIncludes(picture, `<title>${title}</title>`);
  assertStringIncludes(picture, notes[0]);
  assertMatch(await renderSvg(spec, { continued: true }), /^<svg role="graphics-document"/);
});

Deno.test("the chart of kernels counts those that a coarse clock could not time", () => {
  const report = syntheticReport({ sizes: [[64, 128, 352]], samples: 3 });
  const notesOf = () => {
    const chart = chartsOf(report).find(({ name }) => name.startsWith("kernels-"))!;
    return "notes" in chart ? chart.notes.join(" ") : "";
  };
  assertStringIncludes(notesOf(), "together a little more than the row's time");
  const { kernels } = report.rows.find(({ kernels }) => kernels.length > 2)!;
  for (const kernel of kernels.slice(0, 2)) kernel.gpuNs = null;
  assertStringIncludes(notesOf(), "without 2 that were too short for the device's clock");
});
