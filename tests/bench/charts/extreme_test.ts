import { assert, assertEquals } from "@std/assert";
import { chartsOf, comparisonsOf } from "../../../bench/charts/mod.ts";
import { renderCsv } from "../../../bench/report/csv.ts";
import { parseReport } from "../../../bench/report/reader.ts";
import { kernelsTable, memoryTable, peersTable, resultsTable } from "../../../bench/report/readme_tables.ts";
import type { Report, Row, Statistics } from "../../../bench/report/schema.ts";
import { renderSvg } from "../../../bench/charts/svg.ts";
import { renderTable } from "../../../bench/report/table.ts";
import { random, syntheticReport } from "../report/fixture.ts";

/** Figures at the edges of what the reader lets through. */
const EDGES = [0, 1e-60, 1e-9, 1, 1e15, 1e60];
const COUNTS = [0, 1, 2 ** 31, Number.MAX_SAFE_INTEGER];

/** A report in which a share of all figures stands at an edge. */
function extreme(seed: number, share: number): Report {
  const next = random(seed);
  const pick = (choices: readonly number[]) => choices[Math.floor(next() * choices.length)];
  const some = <T>(value: T, choices: readonly number[]): T =>
    typeof value === "number" && next() < share ? pick(choices) as T : value;
  const all = <T extends object>(record: T, choices: readonly number[]): T =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, some(value, choices)])) as T;
  const times = (statistics: Statistics): Statistics => ({
    ...all(statistics, EDGES),
    samples: statistics.samples.map((sample) => some(sample, EDGES)),
    n: statistics.samples.length,
    ci: statistics.ci
      ? statistics.ci.map((end) => some(end, EDGES)).sort((a, b) => a - b) as [number, number]
      : null,
  });
  const change = (row: Row): Row => ({
    ...row,
    flops: some(row.flops, EDGES),
    bytes: some(row.bytes, EDGES),
    tflops: some(row.tflops, EDGES),
    fractionOfCeiling: some(row.fractionOfCeiling, EDGES),
    timing: row.timing &&
      { gpuNs: row.timing.gpuNs && times(row.timing.gpuNs), wallNs: times(row.timing.wallNs!) },
    memory: row.memory && all(row.memory, COUNTS),
    accuracy: row.accuracy && all(row.accuracy, EDGES),
    kernels: row.kernels.map((kernel) => all(kernel, EDGES)),
  });
  const options = {
    sizes: [[4, 8, 16], [2 ** 31, 1, 1]] as [number, number, number][],
    samples: 3,
    peers: true,
    faults: true,
  };
  const report = syntheticReport({ ...options, modes: ["forward", "full"] });
  return parseReport(JSON.stringify({ ...report, rows: report.rows.map(change) }), "extreme.json");
}

Deno.test("every printer ends with finite figures whatever a valid report holds", async () => {
  let drawn = 0;
  for (const [seed, share] of [[1, 0.02], [2, 0.1], [3, 0.5], [4, 1]]) {
    const report = extreme(seed, share);
    const texts = [
      renderTable(report),
      renderCsv(report),
      ...[resultsTable, memoryTable, kernelsTable, peersTable].map((table) => table(report)),
    ];
    for (const text of texts) assertEquals(text.match(/NaN|Infinity|undefined/)?.index, undefined);
    for (const chart of [...chartsOf(report), ...comparisonsOf(report, extreme(9, share))]) {
      if ("reason" in chart) continue;
      const svg = await renderSvg(chart.spec);
      assertEquals(svg.match(/NaN|Infinity|undefined/)?.[0], undefined, chart.name);
      drawn++;
    }
  }
  assert(drawn > 60, `${drawn} charts`);
});
