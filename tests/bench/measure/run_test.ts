import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DeviceMemory } from "../../../kernels/gpu/memory.ts";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import { type Job, type MeasureEvent, rowKey, type RowResult } from "../../../bench/measure/job.ts";
import { measure } from "../../../bench/measure/run.ts";
import { Schedule } from "../../../bench/measure/schedule.ts";
import { variants } from "../../../variants/mod.ts";
import { formatSizes } from "../../../bench/measure/shapes.ts";
import type { Variant } from "../../../variants/variant.ts";
import { altered, jobOf, ofType, problemOf, skipping, variantOf } from "./problems.ts";

async function eventsOf(job: Job, known: readonly Variant[] = variants): Promise<MeasureEvent[]> {
  const events: MeasureEvent[] = [];
  await measure(job, known, (event) => {
    // What a process tells another is JSON: nothing may be lost on the way.
    const told = JSON.parse(JSON.stringify(event));
    assertEquals(told, event);
    events.push(told);
  });
  return events;
}

function rowsOf(events: readonly MeasureEvent[]): RowResult[] {
  return ofType(events, "row").map(({ row }) => row);
}

Deno.test("every row of a job is checked, timed and told once, whole", async () => {
  const problems = [problemOf(8, 12, 20), problemOf(1, 1, 1)];
  const events = await eventsOf(jobOf(problems, ["pytorch", "tuned"]));
  assertEquals(events.map(({ type }) => type).slice(0, 3), ["adapter", "ceilings", "plan"]);
  assertEquals(events.at(-1), { type: "end" });
  const rows = rowsOf(events);
  const [plan] = ofType(events, "plan");
  assertEquals(rows.map(rowKey).sort(), plan.rows.map(rowKey).sort());
  assertEquals(rows.length, 12);
  for (const row of rows) {
    assertEquals([row.status, row.reason, row.sampled], ["ok", null, false], rowKey(row));
    const { gpuNs, wallNs } = row.timing!;
    assert(gpuNs!.n >= 3 && gpuNs!.median > 0 && wallNs!.n >= 3);
    assertEquals(row.memory!.peakBytes, row.memory!.predictedPeakBytes);
    assertEquals(
      row.flops,
      { forward: 6, backward: 12, full: 18 }[row.mode] * row.tokens * row.dim * row.hiddenDim,
    );
    assert(row.tflops! > 0 && row.fractionOfCeiling! > 0 && row.bound !== null);
    assert(row.coldMs! > row.compileMs! && row.compileMs! > 0);
    assertEquals(row.accuracy!.y === null, row.mode === "backward");
    assertEquals(row.accuracy!.dGate === null, row.mode === "forward");
    assert(row.kernels.length >= 2 && row.kernels.every(({ gpuNs }) => gpuNs! > 0));
  }
});

Deno.test("rows begin before they end, progress goes up, and the group's samples are taken in turns", async () => {
  const events = await eventsOf(jobOf([problemOf(4, 8, 8)], ["liger", "unsloth"]));
  const begun = new Set<string>();
  let last = 0;
  for (const event of events) {
    if (event.type === "begin") {
      for (const row of event.rows) begun.add(rowKey({ ...event.problem, ...row }));
    }
    if (event.type === "row") assert(begun.has(rowKey(event.row)), rowKey(event.row));
    if (event.type !== "progress") continue;
    assert(event.fraction >= last && event.fraction <= 1, `${event.fraction} after ${last}`);
    last = event.fraction;
  }
  assertEquals(last, 1);
  const samples = ofType(events, "begin").filter(({ doing }) => doing.startsWith("samples"));
  assertEquals(samples.map(({ doing, rows }) => `${doing}, ${rows.length}`), ["samples in turns, 6"]);
  // Each launch time and wall time of the six rows moves it, before the first batch of whole runs.
  const sampling = events.slice(events.indexOf(samples[0]));
  const told = sampling.slice(1, sampling.findIndex(({ type }) => type === "row"));
  const steps = new Set(ofType(told, "progress").map(({ fraction }) => fraction));
  assert(steps.size > 6 * (3 + 5), `${steps.size} steps while samples are taken`);
});

Deno.test("a wrong variant fails without a time, one that refuses is skipped, one that throws fails, and the rest is ok", async () => {
  const refusing: Variant = {
    ...variantOf("liger"),
    id: "refusing",
    refuses: () => "it needs a larger moon",
  };
  const throwing = altered("throwing", (recorder) =>
    new ObservedRecorder(recorder, {
      launch: () => {
        throw new Error("no launch today");
      },
    }));
  // The plan throws too, as the plan runs the same code: it must not end the run.
  const known = [variantOf("pytorch"), skipping("wrong", "dDown"), refusing, throwing];
  const rows = rowsOf(await eventsOf(jobOf([problemOf(4, 8, 8)], known.map(({ id }) => id)), known));
  const told = (id: string) =>
    rows.filter(({ variant }) => variant === id).map(({ mode, status }) => `${mode} ${status}`).sort();
  assertEquals(told("pytorch"), ["backward ok", "forward ok", "full ok"]);
  assertEquals(told("wrong"), ["backward failed", "forward ok", "full failed"]);
  assertEquals(told("refusing"), ["backward skipped", "forward skipped", "full skipped"]);
  assertEquals(told("throwing"), ["backward failed", "forward failed", "full failed"]);
  for (const row of rows.filter(({ status }) => status !== "ok")) {
    assertEquals([row.timing, row.tflops, row.kernels], [null, null, []]);
    const reasons = { wrong: "dDown misses", refusing: "larger moon", throwing: "no launch today" };
    assertStringIncludes(row.reason!, reasons[row.variant as keyof typeof reasons]);
  }
});

Deno.test("a row beyond the budget is skipped with both figures, and others run", async () => {
  const problem = problemOf(24, 16, 32);
  const [{ rows: planned }] = ofType(await eventsOf(jobOf([problem], ["tuned"], { dryRun: true })), "plan");
  const memoryBudget = planned.find(({ mode }) => mode === "forward")!.predictedPeakBytes!;
  const rows = rowsOf(await eventsOf(jobOf([problem], ["tuned"], { memoryBudget })));
  const forward = rows.find(({ mode }) => mode === "forward")!;
  assertEquals([forward.status, forward.memory!.peakBytes], ["ok", memoryBudget]);
  for (const row of rows.filter(({ mode }) => mode !== "forward")) {
    assertEquals(row.status, "skipped");
    assertStringIncludes(row.reason!, `--memory-budget allows ${memoryBudget}`);
  }
});

Deno.test("with too little memory tuned computes in chunks of tokens, checked and told", async () => {
  const problem = problemOf(300, 8, 24);
  const [{ rows: planned }] = ofType(await eventsOf(jobOf([problem], ["tuned"], { dryRun: true })), "plan");
  const whole = planned.find(({ mode }) => mode === "full")!.predictedPeakBytes!;
  const rows = rowsOf(await eventsOf(jobOf([problem], ["tuned", "liger"], { memoryBudget: whole - 1 })));
  const [tuned, liger] = ["tuned", "liger"].map((id) =>
    rows.find(({ variant, mode }) => variant === id && mode === "full")!
  );
  assertEquals([tuned.status, tuned.implementation], ["ok", "tuned in chunks of 256 tokens"]);
  assertEquals(tuned.memory!.peakBytes, tuned.memory!.predictedPeakBytes);
  assert(tuned.memory!.peakBytes < whole && tuned.memory!.savedBytes === 0);
  assertEquals(liger.status, "skipped");
});

Deno.test("a dry run plans and measures nothing; sizes are picked where none are given", async () => {
  const events = await eventsOf(jobOf(null, ["pytorch", "tuned"], { dryRun: true }));
  assertEquals(events.map(({ type }) => type), ["adapter", "ceilings", "plan", "end"]);
  const [{ groups, rows }] = ofType(events, "plan");
  assert(groups.length === 3 && rows.length === 18, `${groups.length} groups`);
  assert(groups.every(({ seconds }, i) => i === 0 || seconds > groups[i - 1].seconds));
  assertEquals(new Set(groups.map(({ problem }) => formatSizes(problem))).size, 3);
});

Deno.test("rows that are skipped count for nothing in the time that a plan tells", async () => {
  const secondsOf = async (memoryBudget: number | null) => {
    const events = await eventsOf(jobOf([problemOf(24, 16, 32)], ["liger"], { dryRun: true, memoryBudget }));
    return ofType(events, "plan")[0].groups.map(({ seconds }) => seconds);
  };
  assertEquals(await secondsOf(1), [0]);
  assert((await secondsOf(null))[0] > 0);
});

Deno.test("equal seeds give equal inputs: the errors of two runs are the same", async () => {
  const errors = async (seed: number) => {
    const rows = rowsOf(await eventsOf(jobOf([problemOf(5, 6, 7)], ["pytorch"], { seed })));
    return JSON.stringify(rows.sort((a, b) => a.mode < b.mode ? -1 : 1).map(({ accuracy }) => accuracy));
  };
  const [first, again, other] = [await errors(1), await errors(1), await errors(2)];
  assertEquals(first, again);
  assert(first !== other);
});

Deno.test("a device that is lost costs its row, and ends the process, so that a new one goes on with the rest", async () => {
  const losing = altered("losing", (recorder) =>
    new ObservedRecorder(recorder, {
      launch: (_, record) => {
        if (recorder.memory instanceof DeviceMemory) recorder.memory.device.destroy();
        record();
      },
    }));
  const events: MeasureEvent[] = [];
  const job = jobOf([problemOf(4, 8, 8)], ["pytorch", "losing", "tuned"]);
  await assertRejects(
    () => measure(job, [...variants, losing], (event) => void events.push(event)),
    Error,
    "lost",
  );
  const rows = rowsOf(events);
  assertEquals(rows.map(({ variant, mode, status }) => `${variant} ${mode} ${status}`), [
    "losing forward failed",
  ]);
  assertStringIncludes(rows[0].reason!, "device is lost");
  const schedule = new Schedule(job.groups!);
  for (const event of events) schedule.take(event);
  assertEquals(schedule.died("the device is lost"), []);
  assertEquals(schedule.groups.flatMap((group) => group.rows).length, 8);
});
