import { assertEquals, assertRejects } from "@std/assert";
import { BrowserRun, type Measurer, type WorkerEvent } from "../../../bench/browser/run.ts";
import type { Job } from "../../../bench/measure/job.ts";
import { bareRow } from "../../../bench/measure/row.ts";
import { emptyReport, ReportDraft } from "../../../bench/report/draft.ts";
import { parseReport } from "../../../bench/report/reader.ts";
import type { AdapterReport } from "../../../bench/report/schema.ts";
import { jobOf, problemOf } from "../measure/problems.ts";

const PROBLEM = problemOf(4, 8, 16);
const JOB = jobOf([PROBLEM], ["tuned", "liger"], { webgpu: "browser", ceilings: null });
const GROUP = JOB.groups![0];
const MACHINE = { system: "Linux", cores: 2, load: null, versions: { suite: "1", Browser: "2" } };
const ADAPTER: AdapterReport = {
  vendor: "a",
  architecture: "b",
  device: "a b",
  description: "",
  software: false,
  timestampPeriodNs: 1,
};
const CEILINGS = { fmaTflops: { float32: 1, float16: null }, copyGBps: 10 };

/** What a worker does with its job. */
type Script = (job: Job, tell: (event: WorkerEvent) => void) => void;

const begun = (job: Job, tell: (event: WorkerEvent) => void, adapter = ADAPTER) => {
  tell({ type: "adapter", adapter });
  tell({ type: "ceilings", ceilings: job.ceilings ?? CEILINGS });
  tell({ type: "plan", groups: job.groups!.map((group) => ({ ...group, seconds: 1 })), rows: [] });
};

/** Measures all rows that are left; those that `fatal` names end the worker instead. */
const measuring = (fatal: (row: string) => string | null = () => null): Script => (job, tell) => {
  begun(job, tell);
  for (const { problem, rows } of job.groups!) {
    for (const spec of rows) {
      tell({ type: "begin", doing: "check", setUp: false, problem, rows: [spec] });
      const reason = fatal(`${spec.variant} ${spec.mode}`);
      if (reason !== null) return tell({ type: "died", reason });
      tell({ type: "progress", fraction: 0.5 });
      tell({ type: "row", row: bareRow(problem, spec, { status: "skipped", reason: "it is a test" }) });
    }
  }
  tell({ type: "end" });
};

/** A run with a script for each of its workers, the last one for all that follow. */
function runOf(scripts: readonly Script[], deadlineMs = 10_000) {
  const jobs: Job[] = [];
  const ended: number[] = [];
  const draft = new ReportDraft(emptyReport({ command: "index.html", machine: MACHINE }), MACHINE);
  const start = (): Measurer => {
    const worker: Measurer = {
      onmessage: null,
      onerror: null,
      terminate: () => void ended.push(jobs.length),
      postMessage: (job) => {
        jobs.push(job);
        const script = scripts[Math.min(jobs.length, scripts.length) - 1];
        queueMicrotask(() => script(job, (data) => worker.onmessage?.({ data })));
      },
    };
    return worker;
  };
  const run = new BrowserRun(JOB, { draft, start, deadlineMs, pauseMs: 0 });
  return { run, draft, jobs, ended };
}

const statuses = (draft: ReportDraft) =>
  draft.report.rows.map(({ variant, mode, status }) => `${variant} ${mode} ${status}`);

Deno.test("one worker measures all where nothing happens; its rows make a report that the reader takes", async () => {
  const { run, draft, jobs, ended } = runOf([measuring()]);
  await run.toEnd();
  assertEquals([jobs.length, ended], [1, [1]]);
  assertEquals(statuses(draft), GROUP.rows.map(({ variant, mode }) => `${variant} ${mode} skipped`));
  const { settings, adapter, ceilings } = parseReport(JSON.stringify(draft.report), "test");
  assertEquals([settings?.sizes, adapter.device, ceilings], ["4x8x16", "a b", CEILINGS]);
});

Deno.test("a lost device costs the row that was at work, and another worker goes on under the same ceilings", async () => {
  const fatal = (row: string) => row === "liger forward" ? "the device is lost: test" : null;
  const { run, draft, jobs, ended } = runOf([measuring(fatal)]);
  await run.toEnd();
  const expected = GROUP.rows.map(({ variant, mode }) => {
    const name = `${variant} ${mode}`;
    return `${name} ${fatal(name) === null ? "skipped" : "failed"}`;
  });
  assertEquals(statuses(draft), expected);
  assertEquals(
    draft.report.rows.find(({ status }) => status === "failed")!.reason,
    "the device is lost: test",
  );
  assertEquals([jobs.length, ended.length, jobs[1].ceilings], [2, 2, CEILINGS]);
  assertEquals(jobs[1].groups!.flatMap(({ rows }) => rows).map(({ mode }) => mode), ["backward", "full"]);
});

Deno.test("a worker that is silent for too long is ended, and costs its row", async () => {
  const silent: Script = (job, tell) => {
    begun(job, tell);
    tell({ type: "begin", doing: "check", setUp: false, problem: PROBLEM, rows: [GROUP.rows[0]] });
  };
  const { run, draft } = runOf([silent, measuring()], 20);
  await run.toEnd();
  const [{ reason }] = draft.report.rows.filter(({ status }) => status === "failed");
  assertEquals([draft.report.rows.length, reason], [
    GROUP.rows.length,
    "nothing happened for 0.02 s: it was ended",
  ]);
});

Deno.test("rows of another adapter, as browsers fall back to, are not mixed with those before", async () => {
  const fatal = (row: string) => row === "tuned backward" ? "the device is lost: test" : null;
  const other: Script = (job, tell) => begun(job, tell, { ...ADAPTER, device: "software", software: true });
  const { run, draft } = runOf([measuring(fatal), other]);
  await run.toEnd();
  assertEquals(draft.report.adapter, ADAPTER);
  assertEquals(statuses(draft).slice(0, 2), ["tuned forward skipped", "tuned backward failed"]);
  const { reason } = draft.report.rows.at(-1)!;
  assertEquals(reason, `the adapter's device must be "a b", as in the report: current value is "software"`);
});

Deno.test("without an adapter, and where a worker never begins, there is nothing to measure", async () => {
  const message = "Cannot find a WebGPU adapter";
  await assertRejects(
    () => runOf([(_, tell) => tell({ type: "no-adapter", message })]).run.toEnd(),
    Error,
    message,
  );
  const dead = runOf([(_, tell) => tell({ type: "died", reason: "it is broken" })]);
  await assertRejects(() => dead.run.toEnd(), Error, "Cannot measure: it is broken");
  assertEquals(dead.jobs.length, 2);
});

Deno.test("a run that is stopped keeps what it has, and its worker ends", async () => {
  const half: Script = (job, tell) => {
    begun(job, tell);
    const row = bareRow(PROBLEM, GROUP.rows[0], { status: "skipped", reason: "it is a test" });
    tell({ type: "row", row });
    run.stop();
  };
  const { run, draft, jobs, ended } = runOf([half]);
  await run.toEnd();
  assertEquals([draft.report.rows.length, jobs.length, ended.length], [1, 1, 1]);
});
