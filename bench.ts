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
import { NoAdapterError } from "./kernels/gpu/device.ts";
import { parseTuning, TUNING_SCHEMA, TuningError, type TuningTable } from "./kernels/matmul/tuning.ts";
import type { Ceilings } from "./bench/timing/ceilings.ts";
import { type BenchOptions, type Command, parseArguments, UsageError } from "./bench/process/arguments.ts";
import { compareFiles } from "./bench/process/compare_command.ts";
import type { RunEvent } from "./bench/process/events.ts";
import { FileError, textIn } from "./bench/process/files.ts";
import { helpText } from "./bench/process/flags.ts";
import { lockFolder } from "./bench/process/lock.ts";
import { renderEntries, renderPlan } from "./bench/process/listing.ts";
import { driverVariables, terminal, thisMachine } from "./bench/process/machine.ts";
import { ensureWritable, existingReport, print, printError, REPORT_FILES } from "./bench/process/output.ts";
import { lineFromParent, tellParent } from "./bench/process/parent.ts";
import { ReportError } from "./bench/report/reader.ts";
import { resumed } from "./bench/process/resume.ts";
import type { Report } from "./bench/report/schema.ts";
import { rowName } from "./bench/report/groups.ts";
import { printableJson } from "./bench/report/shape.ts";
import { RunLog } from "./bench/process/run_log.ts";
import { Supervisor } from "./bench/process/supervisor.ts";
import { renderTable } from "./bench/report/table.ts";
import { TUNING_FILE, TuningLog, tuningPath } from "./bench/process/tuning_log.ts";
import {
  type Group,
  type Job,
  type MeasureEvent,
  rowKey,
  type RowResult,
  type RowSpec,
} from "./bench/measure/job.ts";
import { jobOf, problemsOf } from "./bench/measure/request.ts";
import { measure } from "./bench/measure/run.ts";
import { Schedule } from "./bench/measure/schedule.ts";
import { tune } from "./bench/measure/tune.ts";
import { variants } from "./variants/mod.ts";
import { measurePeers, peers } from "./bench/peers/mod.ts";
import { rowId } from "./bench/peers/peer.ts";
import { PRESETS } from "./bench/measure/presets.ts";
import { ArgumentError, formatSizes } from "./bench/measure/shapes.ts";

/** The first argument of the child process. */
const CHILD = "measuring-child";

/** Exit status, as `--help` lists it. */
const OK = 0, FAILED = 1, BAD_ARGUMENTS = 2, NO_ADAPTER = 3;

/** What is tuned where no sizes are given. */
const TUNED_SIZES = "4096";

/** What a peer takes for a mode of a problem, roughly: most of it is loading and warming up. */
const PEER_SECONDS = 8;

/** What a user can cause, each told in one line. */
const EXPECTED = [UsageError, ArgumentError, FileError, ReportError, Deno.errors.NotCapable];

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === CHILD) return await measureForParent();
  try {
    return await run(args);
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    printError((error as Error).message);
    return BAD_ARGUMENTS;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const choices = {
    variants: variants.map(({ id }) => id),
    activations: ACTIVATIONS,
    peers: peers.map(({ id }) => id),
  };
  const command = parseArguments(args, choices);
  switch (command.kind) {
    case "help":
      print(helpText());
      return OK;
    case "list":
      print(listing());
      return OK;
    case "compare":
      return compare(command);
    case "bench":
      return await bench(command.options, args);
    case "tune":
      return await tuneTiles(command.options);
  }
}

function listing(): string {
  return renderEntries({
    Variants: variants.map(({ id, origin, idea }) => ({ name: id, note: `${origin}: ${idea}` })),
    Peers: peers.map(({ id, project, usage }) => ({ name: id, note: `${project}: ${usage}` })),
    Presets: PRESETS.map(({ name, tokens, dim, hiddenDim, source }) => ({
      name,
      note: `${tokens === undefined ? "" : `${tokens}x`}${dim}x${hiddenDim}, ${source}`,
    })),
    Activations: ACTIVATIONS.map((name) => ({ name, note: "" })),
  });
}

function compare(command: Command & { kind: "compare" }): number {
  const { text, passes } = compareFiles(command);
  print(text);
  return passes ? OK : FAILED;
}

/** Searches the tiles of every product of the chosen variants and sizes, and adds them to the folder's table. */
async function tuneTiles(options: BenchOptions): Promise<number> {
  const problems = problemsOf({ ...options, sizes: options.sizes ?? TUNED_SIZES })!;
  ensureWritable(options.outputDir, [TUNING_FILE]);
  using _lock = lockFolder(options.outputDir);
  const { table: earlier, fault } = tuningIn(options.outputDir);
  if (fault !== null) throw new UsageError(`${fault}: delete it, or choose another --output-dir`);
  const log = new TuningLog(options.outputDir, { schema: TUNING_SCHEMA, earlier });
  try {
    await tune({
      adapter: options.adapter,
      problems,
      variants: variants.filter(({ id }) => options.variants.includes(id)),
      onAdapter: (name, products) => {
        log.adapter(name);
        printError(`${name}: ${products} products`);
      },
      onEntry: (entry) => print(log.entry(entry)),
    });
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    printError(withRemedy(error.message));
    return NO_ADAPTER;
  }
  printError(`tuning    ${log.path}`);
  return OK;
}

function withRemedy(noAdapter: string): string {
  return `${noAdapter}; \`deno task setup\` installs a software adapter`;
}

async function bench(options: BenchOptions, args: readonly string[]): Promise<number> {
  const { adapter, seed, flush, minTimeMs, samples, memoryBudget, outputDir: folder } = options;
  problemsOf(options); // a bad size is told before a folder is made
  if (!options.dryRun) ensureWritable(folder, REPORT_FILES);
  using _lock = options.dryRun ? null : lockFolder(folder);
  const { table, fault } = tuningIn(folder);
  const tuned = table?.entries.length ?? 0;
  const settings = { adapter, seed, flush, minTimeMs, samples, memoryBudget, tuned };
  const command = ["deno run -A bench.ts", ...args].join(" ");
  const earlier = options.dryRun && !options.resume ? null : existingReport(folder);
  const previous = options.resume ? resumed(earlier, { command, settings }) : null;
  const picked = options.sizes === null ? previous?.settings?.sizes?.toString() : undefined;
  const request = picked === undefined ? options : { ...options, sizes: picked, tokens: null };
  // One report has one set of ceilings: fractions of others would not compare.
  const job = { ...jobOf(request), tuning: table, ceilings: measuredCeilings(previous) };
  const log = new RunLog({ command, machine: thisMachine(), settings, previous }, {
    folder,
    output: terminal(),
  });
  if (fault !== null) {
    log.take({ type: "warning", text: `${fault}. Its tiles are not used: delete it, and tune again.` });
  }
  return await new Run(options, job, log).toEnd();
}

/** The ceilings of a report, null where it has none yet. */
function measuredCeilings(previous: Report | null): Ceilings | null {
  const { fmaTflops: { float32 = null, float16 = null } = {}, copyGBps = null } = previous?.ceilings ?? {};
  return float32 === null || copyGBps === null ? null : { fmaTflops: { float32, float16 }, copyGBps };
}

/** What `tune` found earlier, or what is wrong with it. */
function tuningIn(folder: string): { table: TuningTable | null; fault: string | null } {
  const path = tuningPath(folder);
  try {
    const text = textIn(path);
    return { table: text === null ? null : parseTuning(text, path), fault: null };
  } catch (error) {
    if (!(error instanceof TuningError || error instanceof FileError)) throw error;
    return { table: null, fault: error.message };
  }
}

/** One run of the bench: children, until every row has ended one way or another. */
class Run {
  readonly #options: BenchOptions;
  readonly #log: RunLog;
  readonly #supervisor: Supervisor;
  #job: Job;
  /** Null until the sizes are known. */
  #schedule: Schedule | null = null;
  #groups: readonly Group[] = [];
  #deaths = 0;

  constructor(options: BenchOptions, job: Job, log: RunLog) {
    this.#options = options;
    this.#job = job;
    this.#log = log;
    const args = ["run", "--no-prompt", "--quiet", import.meta.url, CHILD];
    const command = { args, env: driverVariables(), deadlineMs: 1000 * options.timeoutSeconds };
    const interrupted = { status: FAILED, message: "Interrupted: --resume goes on with what is left." };
    this.#supervisor = new Supervisor(command, { interrupted });
    if (job.groups) this.#plan(job.groups);
  }

  async toEnd(): Promise<number> {
    const stop = await this.#supervisor.supervised(async () => {
      await this.#supervisor.runChildren({
        next: () => this.#schedule?.groups.length === 0 ? null : this.#next(),
        take: (event) => this.#take(event as MeasureEvent),
        died: (reason) => this.#died(reason),
      });
      for (const group of this.#peerGroups()) {
        if (!this.#supervisor.signal.aborted) await this.#measurePeers(group);
      }
      await this.#log.settled();
      this.#log.progress.clear();
      if (this.#log.report.rows.length === 0) return;
      this.#supervisor.guarded(FAILED, () => this.#print());
      this.#supervisor.guarded(FAILED, () => this.#log.finish());
    });
    if (stop !== null && stop.message !== "") this.#log.progress.line(stop.message);
    const failed = this.#log.report.rows.some(({ status }) => status === "failed");
    return stop?.status ?? (failed ? FAILED : OK);
  }

  #next(): Job {
    return { ...this.#job, groups: this.#schedule?.groups ?? null };
  }

  #died(reason: string): void {
    const lost = this.#schedule?.died(reason);
    if (lost) return lost.forEach((row) => this.#tell({ type: "row", row }));
    if (++this.#deaths > 1) this.#supervisor.stop(FAILED, `Cannot measure: ${reason}`);
  }

  #take(event: MeasureEvent): void {
    if (event.type === "no-adapter") return this.#supervisor.stop(NO_ADAPTER, withRemedy(event.message));
    if (event.type === "end" || this.#isKnown(event)) return;
    this.#tell(event);
    if (event.type === "plan") this.#planned(event);
    this.#schedule?.take(event);
  }

  #tell(event: RunEvent): void {
    this.#supervisor.guarded(FAILED, () => this.#log.take(event));
  }

  /** The first child tells of the adapter and its ceilings; those after it, and a resumed report, must agree. */
  #isKnown(event: MeasureEvent): boolean {
    if (event.type === "ceilings") {
      const known = this.#job.ceilings !== null;
      this.#job = { ...this.#job, ceilings: event.ceilings };
      return known;
    }
    const known = this.#log.report.adapter.device;
    if (event.type !== "adapter" || known === "") return false;
    const { device } = event.adapter;
    if (known !== device) {
      this.#supervisor.stop(
        BAD_ARGUMENTS,
        `Cannot go on as the report is of ${known}: current adapter is ${device}`,
      );
    }
    return true;
  }

  #planned({ groups, rows }: MeasureEvent & { type: "plan" }): void {
    if (this.#schedule === null) this.#plan(groups);
    const seconds = PEER_SECONDS * this.#options.peers.length * this.#options.modes.length;
    this.#tell({
      type: "plan",
      groups: this.#groups.map(({ problem }) => ({ problem, peers: true, seconds })),
    });
    if (!this.#options.dryRun) return;
    print(renderPlan(rows, groups.reduce((sum, group) => sum + group.seconds + seconds, 0)));
    this.#supervisor.stop(OK, "");
  }

  /** Fixes which rows there are, and which of them a resumed report has already. */
  #plan(groups: readonly Group[]): void {
    const { report } = this.#log;
    this.#groups = groups;
    this.#schedule = new Schedule(groups, (report.rows as RowResult[]).map(rowKey));
    const withPeers = groups.map(({ problem, rows }) => ({ problem, rows: [...rows, ...this.#peerRows()] }));
    this.#log.order(
      withPeers.flatMap(({ problem, rows }) => rows.map((row) => rowName({ ...problem, ...row }))),
    );
    const before = report.rows.length === 0 ? [] : report.settings?.sizes?.toString().split(",") ?? [];
    report.settings = { ...report.settings, sizes: [...new Set([...before, ...sizesOf(groups)])].join() };
  }

  #peerRows(): RowSpec[] {
    const chosen = peers.filter(({ id }) => this.#options.peers.includes(id));
    return this.#options.modes.flatMap((mode) => chosen.map((peer) => ({ variant: rowId(peer), mode })));
  }

  /** What peers have still to measure. */
  #peerGroups(): Group[] {
    const done = new Set(this.#log.report.rows.map(rowName));
    return this.#groups
      .map(({ problem }) => ({
        problem,
        rows: this.#peerRows().filter((row) => !done.has(rowName({ ...problem, ...row }))),
      }))
      .filter(({ rows }) => rows.length > 0);
  }

  /** Peers run in processes of their own, one after another, when ours are done. */
  async #measurePeers(group: Group): Promise<void> {
    const { adapter, seed, samples, minTimeMs, flush, timeoutSeconds } = this.#options;
    const { ceilings, adapter: { software } } = this.#log.report;
    const { signal } = this.#supervisor;
    const { problem } = group;
    let finished = 0;
    await measurePeers(group, {
      ...{ peers, adapter, software, ceilings, seed, samples, minTimeMs, flush, timeoutSeconds, signal },
      env: driverVariables(),
      begin: (row, doing) => this.#tell({ type: "begin", doing, problem, peers: true, rows: [row] }),
    }, (row) => {
      this.#tell({ type: "progress", fraction: ++finished / group.rows.length });
      this.#tell({ type: "row", row });
    });
  }

  #print(): void {
    const { report } = this.#log;
    if (this.#options.json) return print(printableJson(report));
    print(renderTable(report));
  }
}

function sizesOf(groups: readonly Group[]): string[] {
  return groups.map(({ problem }) => formatSizes(problem));
}

/** The child: measures what its parent tells, and tells what happens. */
async function measureForParent(): Promise<number> {
  const job: Job = JSON.parse(await lineFromParent());
  try {
    await measure(job, variants, tellParent);
    return OK;
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error));
    return FAILED;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
