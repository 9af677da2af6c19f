/**
 * Measures every variant of a SwiGLU block on this machine's GPU: checks each against a float64 oracle, times it, and
 * writes a report. `deno run -A bench.ts --help` lists the arguments.
 *
 * The parent reads arguments, prints and writes files; a child process does everything that touches the GPU, because a
 * device lost during a wait ends the process that waits. The child tells what it does as events, one a line.
 *
 * @module
 */

import { ACTIVATIONS } from "./kernels/activation.ts";
import { bootstrapRatioInterval } from "./kernels/measure/bootstrap.ts";
import { mannWhitney } from "./kernels/measure/mann_whitney.ts";
import { type BenchOptions, type Command, parseArguments, UsageError } from "./report/arguments.ts";
import { Child } from "./report/child.ts";
import { compareFiles } from "./report/compare_command.ts";
import { FileError } from "./report/files.ts";
import { helpText } from "./report/flags.ts";
import { renderEntries, renderPlan } from "./report/listing.ts";
import { driverVariables, terminal, thisMachine } from "./report/machine.ts";
import { ensureWritable, existingReport, reportPath } from "./report/output.ts";
import { lineFromParent, tellParent } from "./report/parent.ts";
import { ReportError } from "./report/reader.ts";
import { resumed } from "./report/resume.ts";
import { rowName, RunLog } from "./report/run_log.ts";
import type { AdapterReport } from "./report/schema.ts";
import { renderTable } from "./report/table.ts";
import { type Group, type Job, type MeasureEvent, rowKey, type RowResult } from "./variants/measure/job.ts";
import { jobOf } from "./variants/measure/request.ts";
import { measure } from "./variants/measure/run.ts";
import { Schedule } from "./variants/measure/schedule.ts";
import { variants } from "./variants/mod.ts";
import { PRESETS } from "./variants/presets.ts";
import { ArgumentError, formatSizes } from "./variants/shapes.ts";

/** The first argument of the child process. */
const CHILD = "measuring-child";

/** Exit status, as `--help` lists it. */
const OK = 0, FAILED = 1, BAD_ARGUMENTS = 2, NO_ADAPTER = 3;

/** What a user can cause, each told in one line. */
const EXPECTED = [UsageError, ArgumentError, FileError, ReportError, Deno.errors.NotCapable];

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === CHILD) return await measureForParent();
  try {
    return await run(args);
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    console.error((error as Error).message);
    return BAD_ARGUMENTS;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const choices = { variants: variants.map(({ id }) => id), activations: ACTIVATIONS, peers: [] };
  const command = parseArguments(args, choices);
  switch (command.kind) {
    case "help":
      console.log(helpText());
      return OK;
    case "list":
      console.log(listing());
      return OK;
    case "compare":
      return compare(command);
    case "bench":
      return await bench(command.options, args);
    case "tune":
      throw new UsageError("Cannot tune yet");
  }
}

function listing(): string {
  return renderEntries({
    Variants: variants.map(({ id, origin, idea }) => ({ name: id, note: `${origin}: ${idea}` })),
    Presets: PRESETS.map(({ name, tokens, dim, hiddenDim, source }) => ({
      name,
      note: `${tokens === undefined ? "" : `${tokens}x`}${dim}x${hiddenDim}, ${source}`,
    })),
    Activations: ACTIVATIONS.map((name) => ({ name, note: "" })),
  });
}

function compare(command: Command & { kind: "compare" }): number {
  const pValue = (a: readonly number[], b: readonly number[]) => mannWhitney(a, b).p;
  const statistics = { ratioInterval: bootstrapRatioInterval, pValue };
  const { text, regressed } = compareFiles({ ...command, statistics });
  console.log(text);
  return regressed ? FAILED : OK;
}

async function bench(options: BenchOptions, args: readonly string[]): Promise<number> {
  const { adapter, seed, flush, minTimeMs, samples, memoryBudget, outputDir: folder } = options;
  const settings = { adapter, seed, flush, minTimeMs, samples, memoryBudget };
  const previous = options.resume ? resumed(existingReport(folder), settings) : null;
  const sizes = options.sizes ?? previous?.settings?.sizes?.toString() ?? null;
  const job = jobOf({ ...options, sizes });
  if (!options.dryRun) ensureWritable(folder);
  const command = ["deno run -A bench.ts", ...args].join(" ");
  const log = new RunLog({ command, machine: thisMachine(), settings, previous }, {
    folder,
    output: terminal(),
  });
  return await new Run(options, job, log).toEnd();
}

/** One run of the bench: children, until every row has ended one way or another. */
class Run {
  readonly #options: BenchOptions;
  readonly #log: RunLog;
  #job: Job;
  /** Null until the sizes are known. */
  #schedule: Schedule | null = null;
  #child: Child | null = null;
  #deaths = 0;
  /** Set when the run is over whatever is left: the exit status, and the last words. */
  #over: { status: number; message: string } | null = null;

  constructor(options: BenchOptions, job: Job, log: RunLog) {
    this.#options = options;
    this.#job = job;
    this.#log = log;
    if (job.groups) this.#plan(job.groups);
  }

  async toEnd(): Promise<number> {
    const interrupt = () => this.#end(FAILED, "Interrupted: --resume goes on with what is left.");
    const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    for (const signal of signals) Deno.addSignalListener(signal, interrupt);
    while (this.#over === null && this.#schedule?.groups.length !== 0) await this.#runChild();
    for (const signal of signals) Deno.removeSignalListener(signal, interrupt);
    this.#log.progress.clear();
    const { rows } = this.#log.report;
    if (rows.length > 0) this.#print();
    if (this.#over !== null && this.#over.message !== "") console.error(this.#over.message);
    return this.#over?.status ?? (rows.some(({ status }) => status === "failed") ? FAILED : OK);
  }

  async #runChild(): Promise<void> {
    const job = { ...this.#job, groups: this.#schedule?.groups ?? null };
    this.#child = new Child({
      args: ["run", "--no-prompt", "--quiet", import.meta.url, CHILD],
      env: driverVariables(),
      input: JSON.stringify(job),
      deadlineMs: 1000 * this.#options.timeoutSeconds,
      onLine: (line) => this.#takeLine(line),
    });
    const { ok, reason } = await this.#child.end;
    if (this.#over !== null || ok && this.#schedule?.groups.length === 0) return;
    this.#died(ok ? "the measuring process ended before its work was done" : reason);
  }

  #died(reason: string): void {
    if (this.#schedule === null) {
      if (++this.#deaths > 1) this.#end(FAILED, `Cannot measure: ${reason}`);
      return;
    }
    for (const row of this.#schedule.died(reason)) this.#guarded(() => this.#log.row(row));
  }

  #takeLine(line: string): void {
    if (this.#over !== null) return;
    const event: MeasureEvent = JSON.parse(line);
    this.#guarded(() => this.#take(event));
    this.#schedule?.take(event);
  }

  #take(event: MeasureEvent): void {
    const log = this.#log;
    switch (event.type) {
      case "no-adapter":
        return this.#end(NO_ADAPTER, event.message);
      case "adapter":
        return this.#adapter(event.adapter);
      case "ceilings":
        if (this.#job.ceilings === null) log.ceilings(event.ceilings);
        this.#job = { ...this.#job, ceilings: event.ceilings };
        return;
      case "plan":
        return this.#planned(event);
      case "warning":
        return log.warn(event.text);
      case "row":
        return log.row(event.row);
      case "begin":
        return log.begin(event);
      case "progress":
        return log.advance(event.fraction);
    }
  }

  /** The first child tells the adapter; those after it, and one that resumes, must have the same. */
  #adapter(adapter: AdapterReport): void {
    const known = this.#log.report.adapter;
    if (known.device === "") return this.#log.adapter(adapter);
    if (known.device === adapter.device) return;
    this.#end(
      BAD_ARGUMENTS,
      `Cannot go on as the report is of ${known.device}: current adapter is ${adapter.device}`,
    );
  }

  #planned({ groups, rows }: MeasureEvent & { type: "plan" }): void {
    if (this.#schedule === null) this.#plan(groups);
    for (const { problem, seconds } of groups) this.#log.share(problem, seconds);
    if (!this.#options.dryRun) return;
    console.log(renderPlan(rows, groups.reduce((sum, { seconds }) => sum + seconds, 0)));
    this.#end(OK, "");
  }

  /** Fixes which rows there are, and which of them a resumed report has already. */
  #plan(groups: readonly Group[]): void {
    const { report } = this.#log;
    this.#schedule = new Schedule(groups, (report.rows as RowResult[]).map(rowKey));
    this.#log.order(
      groups.flatMap(({ problem, rows }) => rows.map((row) => rowName({ ...problem, ...row }))),
    );
    report.settings = { ...report.settings, sizes: sizesOf(groups) };
  }

  /** Nothing more is measured: the child ends, and so does the run. */
  #end(status: number, message: string): void {
    this.#over ??= { status, message };
    this.#child?.kill();
  }

  /** A file that cannot be written ends the run: going on would lose what it measures. */
  #guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#end(FAILED, error.message);
    }
  }

  #print(): void {
    const { report } = this.#log;
    if (this.#options.json) return console.log(JSON.stringify(report));
    console.log(renderTable(report, { interval: bootstrapRatioInterval }));
    console.error(`report    ${reportPath(this.#options.outputDir)}`);
  }
}

function sizesOf(groups: readonly Group[]): string {
  return [...new Set(groups.map(({ problem }) => formatSizes(problem)))].join();
}

/** The child: measures what its parent tells, and tells what happens. */
async function measureForParent(): Promise<number> {
  const job: Job = JSON.parse(await lineFromParent());
  try {
    await measure(job, variants, tellParent);
    return OK;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return FAILED;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
