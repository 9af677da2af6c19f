import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { blindSpots, compareReports, regressions } from "../../../bench/report/compare.ts";
import { renderComparison } from "../../../bench/report/compare_text.ts";
import type { Report, Row } from "../../../bench/report/schema.ts";
import { type FixtureOptions, syntheticReport } from "./fixture.ts";
import { simulatedRun } from "./simulation.ts";

function reportOf(options: FixtureOptions = {}): Report {
  return syntheticReport({ sizes: [[64, 128, 352]], modes: ["forward", "full"], samples: 40, ...options });
}

function compare(before: Report, after: Report) {
  return compareReports(before, after);
}

/** A copy of a report in which some rows are changed. */
function changed(report: Report, change: (row: Row) => Partial<Row>): Report {
  return { ...report, rows: report.rows.map((row) => ({ ...row, ...change(row) })) };
}

function slowed(row: Row, factor: number): Partial<Row> {
  const gpuNs = row.timing!.gpuNs!;
  const samples = gpuNs.samples.map((ns) => ns * factor);
  return { timing: { ...row.timing!, gpuNs: { ...gpuNs, samples, median: gpuNs.median * factor } } };
}

Deno.test("two runs of the same command show no regression", () => {
  const comparison = compare(reportOf({ seed: 1 }), reportOf({ seed: 2 }));
  assertEquals(comparison.pairs.length, 16);
  assertEquals(regressions(comparison, 2), []);
  assertEquals([comparison.obstacles, comparison.onlyBefore, comparison.onlyAfter], [[], [], []]);
});

Deno.test("a variant slowed by 5 % is found, and no other", () => {
  const after = changed(reportOf({ seed: 2 }), (row) => row.variant === "liger" ? slowed(row, 1.05) : {});
  const comparison = compare(reportOf({ seed: 1 }), after);
  const worse = regressions(comparison, 3);
  assertEquals(worse.map(({ after: { variant, mode } }) => `${variant} ${mode}`), [
    "liger forward",
    "liger full",
  ]);
  for (const { ratio, interval, p } of worse) {
    assert(ratio! > 1.03 && ratio! < 1.07 && interval![0] > 1 && p! < 0.05);
  }
  assertEquals(regressions(comparison, 10), []);
});

Deno.test("a faster row is no regression", () => {
  const after = changed(reportOf({ seed: 2 }), (row) => row.variant === "tuned" ? slowed(row, 0.8) : {});
  const comparison = compare(reportOf({ seed: 1 }), after);
  const faster = comparison.pairs.filter(({ verdict }) => verdict === "faster");
  assertEquals(faster.map(({ after: { variant } }) => variant), ["tuned", "tuned"]);
  assertEquals(regressions(comparison, 0), []);
});

Deno.test("a row that is ok before and fails after is a regression whatever the percentage; the other way it is mended", () => {
  const [good, bad] = [
    reportOf(),
    changed(
      reportOf(),
      (row) => row.variant === "tuned" ? { status: "failed", reason: "wrong", timing: null } : {},
    ),
  ];
  assertEquals(regressions(compare(good, bad), 1000).map(({ verdict }) => verdict), ["broken", "broken"]);
  assertEquals(compare(bad, good).pairs.filter(({ verdict }) => verdict === "mended").length, 2);
});

Deno.test("rows of another dtype or size are other rows, never compared", () => {
  const comparison = compare(reportOf(), reportOf({ dtypes: ["float16"] }));
  assertEquals([comparison.pairs.length, comparison.onlyBefore.length, comparison.onlyAfter.length], [
    0,
    16,
    16,
  ]);
});

Deno.test("GPU times are compared with GPU times where both have them, else wall with wall, and never across", () => {
  const wallOnly = changed(reportOf({ seed: 2 }), ({ timing }) => ({ timing: { ...timing!, gpuNs: null } }));
  const comparison = compare(reportOf({ seed: 1 }), wallOnly);
  assertEquals(
    new Set(comparison.pairs.map(({ clock, verdict }) => `${clock} ${verdict}`)),
    new Set(["wall same"]),
  );
  for (const { before, after, ratio } of comparison.pairs) {
    assertEquals(ratio, after.timing!.wallNs!.median / before.timing!.wallNs!.median);
  }
  const text = renderComparison(comparison);
  assertMatch(text, /^tuned +full +[\d.]+ µs\* +[\d.]+ µs\* /m);
  assertStringIncludes(text, "* wall time");

  const gpuOnly = changed(reportOf(), ({ timing }) => ({ timing: { ...timing!, wallNs: null } }));
  const across = compare(gpuOnly, wallOnly);
  assertEquals(new Set(across.pairs.map(({ verdict }) => verdict)), new Set(["not timed"]));
  assertMatch(renderComparison(across), /^tuned +full +[\d.]+ µs +[\d.]+ µs\* +- /m);
});

Deno.test("what each report doubts of its own times is repeated", () => {
  const busy = "The load average was 4.6 on 2 cores: close other programs, and run again";
  const drift = "The samples drift while the row is measured: let the GPU cool down.";
  const after = changed(reportOf(), ({ variant }) => variant === "liger" ? { warnings: [drift] } : {});
  const text = renderComparison(compare({ ...reportOf(), warnings: [busy] }, { ...after, warnings: [] }));
  assertStringIncludes(text, `! before: ${busy}`);
  assertStringIncludes(
    text.replace(/\s+/g, " "),
    "! after: The samples drift while the row is measured: let the GPU cool down (2 of 16 rows)",
  );
  // A row that only one of the reports has is not compared, and its doubts are of no interest.
  const withoutLiger = { ...reportOf(), rows: reportOf().rows.filter(({ variant }) => variant !== "liger") };
  assert(!renderComparison(compare(withoutLiger, { ...after, warnings: [] })).includes("drift while"));
});

Deno.test("a gate that passes tells what drift within the runs could hide", () => {
  const load = { noise: 0.01, waves: 0, drift: 0, level: 0 };
  const run = (drift: number, seed: number) => simulatedRun({ ...load, drift }, { seed, samples: 20 });
  const text = (drift: number) =>
    renderComparison(compare(run(drift, 1), run(drift, 1)), { failOnRegression: 5 });
  assert(!text(0).includes("can hide"));
  assertMatch(text(0.2), /no regression of more than 5 %\ndrift within the runs can hide up to \d+ %$/);
});

Deno.test("names that all objects have are names like others", () => {
  const versions = { "constructor": "1", "__proto__": "2" };
  const { differences } = compare(reportOf(), { ...reportOf(), versions });
  assert(
    differences.includes("The version of constructor differs: none before, 1 after."),
    differences.join(),
  );
});

Deno.test("a gate that could not see a regression does not pass: rows gone, without times, with few samples", () => {
  const [before, after] = [reportOf({ seed: 1 }), reportOf({ seed: 2 })];
  const passing = compare(before, after);
  assertEquals(blindSpots(passing, 5), []);
  assertStringIncludes(renderComparison(passing, { failOnRegression: 5 }), "no regression of more than 5 %");

  const without = { ...after, rows: after.rows.filter(({ variant }) => variant !== "tuned") };
  assertEquals(blindSpots(compare(before, without), 5), ["2 rows only in the earlier report"]);

  const gpu = changed(before, ({ timing }) => ({ timing: { ...timing!, wallNs: null } }));
  const wall = changed(after, ({ timing }) => ({ timing: { ...timing!, gpuNs: null } }));
  assertEquals(blindSpots(compare(gpu, wall), 5), ["16 rows without times that can be compared"]);

  // Of 6 samples each the test gives 2 of 924 at least, which among 16 rows may be chance.
  const few = [
    reportOf({ seed: 1, samples: 6 }),
    changed(reportOf({ seed: 2, samples: 6 }), (row) => slowed(row, 2)),
  ];
  const inconclusive = compare(few[0], few[1]);
  assertEquals(regressions(inconclusive, 5), []);
  assertStringIncludes(blindSpots(inconclusive, 5).join(), "16 rows with too few samples to be sure");
  const text = renderComparison(inconclusive, { failOnRegression: 5 });
  assertStringIncludes(text, "inconclusive: 16 rows with too few samples");
  assert(!text.includes("no regression"));
});

Deno.test("times of another adapter get no verdict; another driver, tile or implementation is told", () => {
  const report = reportOf();
  const { pairs } = compare(report, { ...report, adapter: { ...report.adapter, device: "Another GPU" } });
  assertEquals(
    new Set(pairs.map(({ verdict, ratio }) => `${verdict} ${ratio}`)),
    new Set(["not judged null"]),
  );
  const driver = { version: "1", usedBytes: null, clockMhz: null, temperatureCelsius: null };
  const others = compare(
    { ...report, driver },
    { ...changed(report, () => ({ tile: "8x8x4" })), driver: { ...driver, version: "2" } },
  );
  assertEquals(others.differences, [
    "The driver differs: 1 before, 2 after.",
    "The tile of 16 of 16 rows differs.",
  ]);
});

Deno.test("another adapter or cache setting is an obstacle, another version is told", () => {
  const report = { ...reportOf(), settings: { flush: true, seed: 1 } };
  const other: Report = {
    ...report,
    adapter: { ...report.adapter, device: "Another GPU" },
    settings: { flush: false, seed: 2 },
    versions: { ...report.versions, deno: "9.9.9" },
  };
  const { obstacles, differences } = compare(report, other);
  assertEquals(obstacles.length, 2);
  assertStringIncludes(obstacles[0], "Another GPU after");
  assertStringIncludes(obstacles[1], "The setting flush differs: true before, false after");
  assert(differences.some((difference) => difference.includes("version of deno")));
  assert(differences.some((difference) => difference.includes("The setting seed")));
  assertStringIncludes(renderComparison(compare(report, other)), "! The adapter differs");
});

Deno.test("another memory budget is told, as tuned may then compute in chunks; other sizes are not", () => {
  const settings = { memoryBudget: null, sizes: "4096" };
  const { differences } = compare(
    { ...reportOf(), settings },
    { ...reportOf(), settings: { memoryBudget: 2 ** 30, sizes: "2048" } },
  );
  assertEquals(differences, ["The setting memoryBudget differs: none before, 1073741824 after."]);
});

Deno.test("differences up to the threshold are noise", () => {
  const after = changed(reportOf({ seed: 2 }), (row) => row.variant === "liger" ? slowed(row, 1.05) : {});
  const slower = (noise?: number) =>
    compareReports(reportOf({ seed: 1 }), after, { noise }).pairs.filter(({ verdict }) =>
      verdict === "slower"
    ).length;
  assertEquals([undefined, 0.02, 0.1].map(slower), [2, 2, 0]);
  const text = renderComparison(compareReports(reportOf(), after, { noise: 0.07 }));
  assertStringIncludes(text.replace(/\s+/g, " "), "by more than 7 %, and by more");
});

Deno.test("what differs between the machines is named: system, ceilings, features and limits", () => {
  const report = reportOf();
  const machine = { system: "linux x86_64", cores: 8 };
  const before: Report = {
    ...report,
    machine,
    ceilings: { fmaTflops: { float32: 60, float16: 60 }, copyGBps: 4000 },
    adapter: { ...report.adapter, features: ["shader-f16"], limits: { a: 1, b: 2 }, timestampPeriodNs: 1 },
  };
  const after: Report = {
    ...report,
    machine: { system: "darwin aarch64", cores: 12 },
    ceilings: { fmaTflops: { float32: 66, float16: 62 }, copyGBps: 1000 },
    adapter: {
      ...report.adapter,
      features: ["subgroups"],
      limits: { a: 1, b: 4, c: 3 },
      timestampPeriodNs: null,
    },
  };
  assertEquals(compare(before, after).differences, [
    "The system differs: linux x86_64 before, darwin aarch64 after.",
    "The number of cores differs: 8 before, 12 after.",
    "Whether the adapter has timestamps differs: yes before, no after.",
    "The ceiling of float32 multiply-adds differs: 60.00 TFLOP/s before, 66.00 TFLOP/s after.",
    "The ceiling of copy differs: 4000 GB/s before, 1000 GB/s after.",
    "The adapter's features differ: only before shader-f16; only after subgroups.",
    "The adapter's limits differ: b (2 before, 4 after).",
  ]);
  // What only one of the reports tells is no difference.
  assertEquals(compare({ ...report, machine }, { ...report, machine: undefined }).differences, []);
});

Deno.test("the text keeps to the columns of a terminal, leaves p and drift out first, and names each regression", () => {
  const after = changed(
    reportOf({ seed: 2 }),
    (row) => row.variant === "alphafold3-checkpointed" ? slowed(row, 2) : {},
  );
  const comparison = compare(reportOf({ seed: 1, peers: true }), after);
  const textAt = (columns: number) =>
    renderComparison(comparison, { failOnRegression: 5, layout: { columns, coloured: false } });
  for (const columns of [72, 80, 100, 120]) {
    for (const line of textAt(columns).split("\n")) assert([...line].length <= columns, line);
  }
  const headings = (columns: number) =>
    /^variant .*$/m.exec(textAt(columns))![0].split(/ {2,}| (?=verdict)/).slice(2);
  assertEquals(headings(120), ["before", "after", "ratio", "by drift", "p", "verdict"]);
  assertEquals(headings(80), ["before", "after", "ratio", "verdict"]);
  assertStringIncludes(textAt(80), "In a wider terminal: by drift and p.");
  const text = textAt(100);
  assertStringIncludes(
    text,
    "regression: alphafold3-checkpointed full (T 64, D 128, H 352, float32): slower by",
  );
  assertStringIncludes(
    text.replace(/\s+/g, " "),
    "6 rows only before: peer:pytorch-eager, peer:jax-js and peer:onnxruntime-web; forward and full; T 64, D 128, " +
      "H 352; float32",
  );
  assertStringIncludes(
    renderComparison(compare(after, after), { failOnRegression: 5 }),
    "no regression of more than 5 %",
  );
});
