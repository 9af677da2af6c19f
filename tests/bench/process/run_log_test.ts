import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { contextFacts, driverFact, type Machine, machineWarnings } from "../../../bench/report/context.ts";
import { UNBOUNDED } from "../../../bench/report/layout.ts";
import { FileError } from "../../../bench/process/files.ts";
import { renderEntries, renderPlan } from "../../../bench/process/listing.ts";
import { askNvidia, parseAnswer } from "../../../bench/process/nvidia.ts";
import {
  ensureWritable,
  existingReport,
  REPORT_FILES,
  reportPath,
  signed,
  writeReport,
} from "../../../bench/process/output.ts";
import { parseReport, ReportError } from "../../../bench/report/reader.ts";
import { resumed } from "../../../bench/process/resume.ts";
import { rowName } from "../../../bench/report/groups.ts";
import { RunLog } from "../../../bench/process/run_log.ts";
import type { Report, Row } from "../../../bench/report/schema.ts";
import { UsageError } from "../../../bench/process/arguments.ts";
import { syntheticReport } from "../report/fixture.ts";

const MACHINE: Machine = { system: "linux x86_64", cores: 8, load: 0.4, versions: { deno: "2.9.6" } };
const SETTINGS = { seed: 1, flush: true };

function inFolder(use: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function logIn(
  folder: string | null,
  previous: Report | null = null,
  isTerminal = false,
): { log: RunLog; text: () => string } {
  let text = "";
  const output = {
    write: (more: string) => void (text += more),
    erase: () => void (text += "\r\x1b[2K"),
    isTerminal,
    layout: UNBOUNDED,
    now: () => 0,
  };
  const start = { command: "bench", arguments: ["--seed=1"], machine: MACHINE, settings: SETTINGS, previous };
  const log = new RunLog(start, { folder, output });
  return { log, text: () => text };
}

const REPORT = syntheticReport({ sizes: [[64, 128, 352]], modes: ["forward", "full"] });

Deno.test("each finished row is in the files at once, in the order of the plan whatever order it came in", () => {
  inFolder((folder) => {
    const { log } = logIn(folder);
    log.order(REPORT.rows.map(rowName));
    for (const [i, row] of REPORT.rows.toReversed().entries()) {
      log.take({ type: "row", row });
      const { rows } = parseReport(Deno.readTextFileSync(reportPath(folder)), "report");
      assertEquals(rows, REPORT.rows.slice(-1 - i));
      assertEquals(Deno.readTextFileSync(`${folder}/swiglu.csv`).trim().split("\n").length, 2 + i);
    }
  });
});

Deno.test("what comes after the last row is in the files in the end, and a run without rows leaves them alone", () => {
  inFolder((folder) => {
    const { log } = logIn(folder);
    log.take({ type: "row", row: REPORT.rows[0] });
    log.take({ type: "warning", text: "It is hot: open a window." });
    log.finish();
    const written = Deno.readTextFileSync(reportPath(folder));
    assertEquals(parseReport(written, "report"), signed(log.report));
    const { log: next } = logIn(folder, structuredClone(log.report));
    next.take({ type: "warning", text: "It is cold: close the window." });
    next.finish();
    assertEquals(Deno.readTextFileSync(reportPath(folder)), written);
  });
});

Deno.test("a new report replaces the earlier one before any row; a run that writes nothing leaves it", () => {
  inFolder((folder) => {
    writeReport({ ...REPORT, createdAt: "2026-01-02T03:04:05Z" }, folder);
    const dry = logIn(null).log;
    dry.take({ type: "adapter", adapter: REPORT.adapter });
    assertEquals([existingReport(folder)!.rows.length, dry.hasFiles], [REPORT.rows.length, false]);
    const { log, text } = logIn(folder);
    assert(!log.hasFiles);
    log.take({ type: "adapter", adapter: REPORT.adapter });
    assert(log.hasFiles);
    const { rows, adapter, arguments: given } = existingReport(folder)!;
    assertEquals([rows, adapter, given], [[], REPORT.adapter, ["--seed=1"]]);
    const kept = `${folder}/swiglu-2026-01-02T03-04-05.json`;
    assertStringIncludes(text(), `kept      ${kept}, the earlier report`);
    assertEquals(parseReport(Deno.readTextFileSync(kept), kept).rows, REPORT.rows);
  });
});

Deno.test("a row that is measured again takes the place of the first", () => {
  inFolder((folder) => {
    const { log } = logIn(folder, structuredClone(REPORT));
    log.order(REPORT.rows.map(rowName));
    const again: Row = { ...REPORT.rows[3], coldMs: 12345 };
    log.take({ type: "row", row: again });
    assertEquals(log.report.rows, REPORT.rows.with(3, again));
  });
});

Deno.test("adapter, ceilings, warnings and failures are told; a warning once", () => {
  inFolder((folder) => {
    const { log, text } = logIn(folder);
    log.take({ type: "adapter", adapter: { ...REPORT.adapter, software: true } });
    log.take({ type: "ceilings", ceilings: REPORT.ceilings });
    log.take({ type: "warning", text: "It is hot: open a window." });
    log.take({ type: "warning", text: "It is hot: open a window." });
    const failed: Row = {
      ...REPORT.rows[0],
      status: "failed",
      reason: "dx misses\nthe oracle",
      timing: null,
    };
    log.take({ type: "row", row: failed });
    assertEquals(log.report.adapter.device, REPORT.adapter.device);
    assertEquals(log.report.ceilings, REPORT.ceilings);
    assertEquals(log.report.warnings!.filter((warning) => warning.startsWith("It is hot")).length, 1);
    const lines = text().trim().split("\n");
    assert(lines[0].startsWith("machine   linux x86_64, 8 cores, load average 0.4"));
    assert(lines.some((line) => line.startsWith("ceilings  66.00 TFLOP/s float32, 66.00 TFLOP/s float16")));
    assert(lines.some((line) => line.startsWith("warning   The adapter is software")));
    assertStringIncludes(
      lines.at(-1)!,
      "pytorch forward, T 64, D 128, H 352, float32: failed: dx misses the oracle",
    );
  });
});

Deno.test("a terminal gets a line for a failed row, but none for a skipped one, which its table tells", () => {
  const { log, text } = logIn(null, null, true);
  const [row] = REPORT.rows;
  const ended = (status: "skipped" | "failed"): Row => ({
    ...row,
    status,
    reason: `${status} it`,
    timing: null,
  });
  log.take({ type: "row", row: ended("skipped") });
  assertEquals(text(), "");
  log.take({ type: "row", row: ended("failed") });
  assertStringIncludes(text(), "failed it");
});

Deno.test("what is done with several rows is told with their number, that of one with its name", () => {
  const { log, text } = logIn(null, null, true);
  const [row, other] = REPORT.rows;
  log.take({ type: "plan", groups: [{ problem: row, seconds: 30 }] });
  log.take({ type: "begin", doing: "warm-up", problem: row, rows: [row, other] });
  assert(text().endsWith("warm-up, 2 rows"), text());
  log.take({ type: "begin", doing: "check", problem: row, rows: [row] });
  assert(text().endsWith(`check, ${row.variant} ${row.mode}`), text());
});

Deno.test("progress follows the parts of the plan", () => {
  inFolder((folder) => {
    const { log, text } = logIn(folder);
    const [row] = REPORT.rows;
    log.take({
      type: "plan",
      groups: [{ problem: row, seconds: 30 }, { problem: row, peers: true, seconds: 10 }],
    });
    log.take({ type: "begin", doing: "check", problem: row, rows: [row] });
    log.take({ type: "progress", fraction: 1 });
    log.take({ type: "row", row });
    assertStringIncludes(text(), " 75 %");
    log.take({ type: "begin", doing: "peer", problem: row, peers: true, rows: [row] });
    log.take({ type: "progress", fraction: 0.5 });
    log.take({ type: "row", row });
    assertStringIncludes(text(), " 87 %");
  });
});

Deno.test("a folder that cannot be written is told before and while it is used", () => {
  inFolder((folder) => {
    ensureWritable(`${folder}/a/b`, REPORT_FILES);
    assertEquals([...Deno.readDirSync(`${folder}/a/b`)], []);
    Deno.writeTextFileSync(`${folder}/file`, "");
    assertThrows(() => ensureWritable(`${folder}/file`, []), FileError, "--output-dir");
    Deno.mkdirSync(`${folder}/swiglu.csv`);
    assertThrows(
      () => ensureWritable(folder, REPORT_FILES),
      FileError,
      `Cannot use --output-dir as its swiglu.csv must be a file: ${folder}`,
    );
    assertThrows(() => writeReport(REPORT, `${folder}/file`), FileError, "Cannot write");
  });
});

Deno.test("an existing report is read, none is null, and another file is refused", () => {
  inFolder((folder) => {
    assertEquals(existingReport(folder), null);
    writeReport(REPORT, folder);
    assertEquals(existingReport(folder), signed(REPORT));
    Deno.writeTextFileSync(reportPath(folder), "{}");
    assertThrows(() => existingReport(folder), ReportError);
  });
});

Deno.test("a report is resumed without its failed rows, and only with the same settings", () => {
  const report: Report = {
    ...REPORT,
    settings: { seed: 1, flush: true, sizes: "64x128x352" },
    rows: REPORT.rows.map((row, i) =>
      i === 2 ? { ...row, status: "failed", reason: "wrong", timing: null } : row
    ),
  };
  const again = resumed(report, { command: "bench --resume", settings: SETTINGS });
  assertEquals(again.rows, REPORT.rows.toSpliced(2, 1));
  assertEquals(again.command, `${REPORT.command}; then bench --resume`);
  assertEquals(resumed(again, { command: "bench --resume", settings: SETTINGS }).command, again.command);
  assertThrows(
    () => resumed(report, { command: "bench", settings: { ...SETTINGS, flush: false } }),
    UsageError,
    "--flush must be true, as in the report",
  );
});

Deno.test("the context warns of load and of a missing clock, and of nothing on a quiet machine", () => {
  const adapter = { ...REPORT.adapter, timestampPeriodNs: 1 };
  assertEquals(machineWarnings(MACHINE, adapter), []);
  assertStringIncludes(
    machineWarnings({ ...MACHINE, load: 6 }, adapter).join(),
    "The load average was 6.0 on 8 cores in the minute before the run",
  );
  assertStringIncludes(
    machineWarnings(MACHINE, { ...adapter, timestampPeriodNs: null }).join(),
    "no timestamps",
  );
  assertStringIncludes(contextFacts({ ...MACHINE, load: null }, adapter)[0].join(), "8 cores");
});

Deno.test("the driver's tool is read where it knows the GPU, with unknown figures as null", () => {
  const answer = "NVIDIA A100, 580.65, 77, 1410, 40\nNVIDIA H200, 580.65.06, 2345, [N/A], 51\n";
  const driver = parseAnswer(answer, "NVIDIA H200");
  assertEquals(driver, {
    version: "nvidia 580.65.06",
    usedBytes: 2345 * 2 ** 20,
    clockMhz: null,
    temperatureCelsius: 51,
  });
  assertEquals(driverFact(driver!), ["driver", "nvidia 580.65.06: 2.290 GiB of device memory in use, 51 °C"]);
  for (const text of ["", "garbage", "NVIDIA H200", "\n\n,,,"]) {
    assertEquals(parseAnswer(text, "NVIDIA H200"), null, text);
  }
  assertEquals(parseReport(JSON.stringify({ ...REPORT, driver }), "report").driver, driver);
});

Deno.test("a GPU of another maker asks nobody", async () => {
  assertEquals(await askNvidia("llvmpipe (LLVM 15.0.6, 256 bits)"), null);
});

Deno.test("lists and plans keep to the columns of a terminal", () => {
  const layout = { columns: 80, coloured: false };
  const entries = renderEntries({
    Variants: [{ name: "tuned", note: "a long note ".repeat(20) }],
    Empty: [],
  }, layout);
  const planned = REPORT.rows.map((row, i) => ({
    ...row,
    refusal: i === 0 ? "the moon is too small ".repeat(8) : null,
    predictedPeakBytes: i === 0 ? null : 4096,
  }));
  const plan = renderPlan(planned, { seconds: 75, layout });
  for (const line of [...entries.split("\n"), ...plan.split("\n")]) assert([...line].length <= 80, line);
  assertStringIncludes(plan, "15 rows, 1 skipped, about 75 s");
  assertStringIncludes(plan, "skipped: the moon");
});
