import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { restored, UsageError } from "../../../bench/process/arguments.ts";
import { digestOf, signed } from "../../../bench/process/output.ts";
import { differenceOf } from "../../../bench/report/adapter_difference.ts";
import { ensureResumable, reportToResume, resumedLines } from "../../../bench/process/resume.ts";
import { parseReport } from "../../../bench/report/reader.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { UNBOUNDED } from "../../../bench/report/layout.ts";
import { syntheticReport } from "../report/fixture.ts";

const VERSIONS = { suite: "1.2.3", deno: "2.9.6", v8: "15" };
const REPORT: Report = { ...syntheticReport({ sizes: [[4, 8, 16]] }), versions: VERSIONS };

/** The report as it comes back from its file. */
const written = (report: Report) => parseReport(JSON.stringify(signed(report)), "swiglu.json");

Deno.test("a folder without a report has nothing to resume", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assertThrows(() => reportToResume(folder), UsageError, `there is no swiglu.json in ${folder}`);
  } finally {
    Deno.removeSync(folder);
  }
});

Deno.test("a report is gone on with as it was written, whatever figures it has", async () => {
  await ensureResumable(written(REPORT), VERSIONS);
  const odd = { ...REPORT, ceilings: { fmaTflops: { float32: 0.1 + 0.2 }, copyGBps: 1e21 } };
  await ensureResumable(written(odd), { ...VERSIONS, v8: "16" });
});

const EDITS: readonly [name: string, edit: (report: Report) => void][] = [
  ["a ceiling", ({ ceilings }) => ceilings.copyGBps! *= 2],
  ["a sample", ({ rows }) => rows[0].timing!.gpuNs!.samples[0]++],
  ["a row's status", ({ rows }) => Object.assign(rows[0], { status: "skipped", reason: "x", timing: null })],
  ["a missing row", ({ rows }) => rows.pop()],
  ["the adapter", ({ adapter }) => adapter.device = "another"],
  ["the arguments", (report) => report.arguments = ["--modes=full"]],
  ["no digest", (report) => delete report.digest],
];

for (const [name, edit] of EDITS) {
  Deno.test(`a report that was edited is not gone on with: ${name}`, async () => {
    const report = written(REPORT);
    edit(report);
    await assertRejects(
      () => ensureResumable(report, VERSIONS),
      UsageError,
      "as swiglu.json must be as bench.ts wrote it",
    );
  });
}

Deno.test("a report of another suite or Deno is not gone on with", async () => {
  for (const [name, told] of [["suite", "the suite"], ["deno", "Deno"]] as const) {
    await assertRejects(
      () => ensureResumable(written(REPORT), { ...VERSIONS, [name]: "9" }),
      UsageError,
      `Cannot use --resume as ${told} must be ${VERSIONS[name]}, as in the report: current value is 9`,
    );
  }
  const old = { ...REPORT, versions: { deno: VERSIONS.deno } };
  await assertRejects(() => ensureResumable(written(old), VERSIONS), UsageError, "the suite must be unknown");
});

Deno.test("an adapter is another if its maker, name or driver is", () => {
  const { adapter } = REPORT;
  assertEquals(differenceOf(adapter, { ...adapter, timestampPeriodNs: 0.98, limits: {} }), null);
  for (const fact of ["vendor", "device", "description"] as const) {
    assertStringIncludes(
      differenceOf(adapter, { ...adapter, [fact]: "other" })!,
      `the adapter's ${fact} must be`,
    );
  }
});

Deno.test("the line about a resumed run has its time, its command and its finished rows", () => {
  const rows = REPORT.rows.map((row, i) =>
    i === 0 ? { ...row, status: "failed" as const, timing: null } : row
  );
  const about = { ...REPORT, createdAt: "2026-01-02T03:04:05Z", rows };
  assertEquals(
    resumedLines({ ...about, command: "bench --seed 1\x1b[2J" }, UNBOUNDED),
    [`resumes   the run of 2026-01-02T03:04:05Z with ${rows.length - 1} finished rows: bench --seed 1 [2J`],
  );
  const again = resumedLines({ ...about, command: "bench --seed 1; then bench --resume" }, {
    ...UNBOUNDED,
    columns: 60,
  });
  assertMatch(again.join(" "), /05Z, resumed before,\s+with.*rows: bench\s+--seed\s+1$/);
  assert(again.length > 1 && again.every((text) => text.length <= 60), again.join("\n"));
});

Deno.test("arguments given now stand over the recorded ones; of a report only what is measured is taken", () => {
  const recorded = ["--sizes=4x8x8", "--tokens=3", "--modes=full", "--no-flush"];
  assertEquals(restored(recorded, []), recorded);
  assertEquals(restored(recorded, ["--modes=forward", "--flush"]), [
    "--sizes=4x8x8",
    "--tokens=3",
    "--modes=forward",
    "--flush",
  ]);
  assertEquals(restored(recorded, ["--sizes=8x8x8"]), ["--modes=full", "--no-flush", "--sizes=8x8x8"]);
  assertEquals(restored(["--output-dir=/etc", "--help", "compare", "--json=-", "--nonsense", ""], []), []);
});

Deno.test("a digest is of all but itself", () => {
  assertEquals(digestOf(signed(REPORT)), digestOf(REPORT));
  assertEquals(digestOf(REPORT).length, 64);
});
