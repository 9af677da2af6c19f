/**
 * One run of the bench, as the parent process sees it: a child measures and tells what happens, the parent keeps the
 * report. Deno ends the whole process where a device is lost during a wait; so a child alone touches the GPU, and
 * where one dies another goes on with the rows that are left.
 *
 * @module
 */

import type {
  Group,
  Job,
  MeasureEvent,
  PlannedRow,
  ProblemSpec,
  RowResult,
  RowSpec,
} from "../measure/job.ts";
import { rowKey, type WebGpu, webgpuOf } from "../measure/job.ts";
import { bareRow } from "../measure/row.ts";
import { Schedule } from "../measure/schedule.ts";
import { formatSizes, type Mode } from "../measure/shapes.ts";
import { measurePeers, peers } from "../peers/mod.ts";
import { type Peer, refusal, rowId } from "../peers/peer.ts";
import type { BenchOptions } from "../process/arguments.ts";
import type { RunEvent } from "../report/events.ts";
import { type ListedRow, renderPlan } from "../process/listing.ts";
import { driverVariables } from "../process/machine.ts";
import { print, signed } from "../process/output.ts";
import { differenceOf } from "../report/adapter_difference.ts";
import type { RunLog } from "../process/run_log.ts";
import { Supervisor } from "../process/supervisor.ts";
import { problemOf, rowName } from "../report/groups.ts";
import type { Layout } from "../report/layout.ts";
import type { AdapterReport } from "../report/schema.ts";
import type { Ceilings } from "../timing/ceilings.ts";
import { printableJson } from "../report/shape.ts";
import { BAD_ARGUMENTS, FAILED, NO_ADAPTER, OK, withRemedy } from "./status.ts";
import { Tables } from "./tables.ts";

const sumOf = (parts: readonly { readonly seconds: number }[]) =>
  parts.reduce((sum, { seconds }) => sum + seconds, 0);

/** What a peer takes for a mode of a problem, roughly: most of it is loading and warming up. */
const PEER_SECONDS = 8;

/** What a run needs besides its job. */
export interface RunContext {
  readonly options: BenchOptions;
  readonly log: RunLog;
  /** Of stdout. */
  readonly layout: Layout;
  /** What goes on with this run. */
  readonly resumeCommand: string;
  /** The program and first arguments of a measuring process, which is told a {@linkcode Job}. */
  readonly program: readonly string[];
}

/** One run of the bench: children, until every row has ended one way or another. */
export class Run {
  readonly #options: BenchOptions;
  readonly #log: RunLog;
  readonly #layout: Layout;
  readonly #resumeCommand: string;
  /** Null where the report itself goes to stdout, or nothing is measured. */
  readonly #tables: Tables | null;
  readonly #supervisor: Supervisor;
  #job: Job;
  /** Null until the sizes are known. */
  #schedule: Schedule | null = null;
  #groups: readonly Group[] = [];
  #deaths = 0;
  /** Of the child at work. */
  #webgpu: WebGpu;
  readonly #ceilings = new Map<WebGpu, Ceilings>();
  /** What each WebGPU tells of the adapter. */
  readonly #adapters = new Map<WebGpu, AdapterReport>();

  constructor(job: Job, { options, log, layout, resumeCommand, program }: RunContext) {
    this.#options = options;
    this.#job = job;
    this.#log = log;
    this.#layout = layout;
    this.#resumeCommand = resumeCommand;
    const printTable = (text: string) => {
      log.progress.clear();
      print(text);
    };
    this.#tables = options.json || options.dryRun
      ? null
      : new Tables(() => log.report, { layout, print: printTable });
    this.#webgpu = job.webgpu;
    if (job.ceilings) this.#ceilings.set(job.webgpu, job.ceilings);
    const { adapter } = log.report;
    if (adapter.device !== "") this.#adapters.set(job.webgpu, adapter);
    // Dawn is an addon, which no permission holds back. Its package stays out of deno.lock, or every task would download it.
    const forDawn = options.webgpus.includes("dawn") ? ["--allow-all", "--no-lock"] : [];
    // Deno asks for both to load a module whose name is known only when it runs.
    const forModules = options.variantModules.length > 0 ? ["--allow-read", "--allow-import"] : [];
    const granted = forDawn.length > 0 ? forDawn : forModules;
    const args = ["run", "--no-prompt", "--quiet", ...granted, ...program];
    const command = { args, env: driverVariables(), deadlineMs: 1000 * options.timeoutSeconds };
    this.#supervisor = new Supervisor(command, { interrupted: () => this.#interrupted() });
    if (job.groups) this.#fixRows(job.groups);
    if (options.resume && this.#isFinished()) {
      log.progress.line("finished  nothing of that run is left to measure");
    }
  }

  /** Measures, prints and writes; returns the exit status. */
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
      if (this.#options.dryRun || this.#log.report.rows.length === 0) return;
      this.#supervisor.guarded(FAILED, () => this.#print());
      this.#supervisor.guarded(FAILED, () => this.#log.finish());
    });
    if (stop !== null && stop.message !== "") this.#log.progress.line(stop.message);
    const failed = this.#log.report.rows.some(({ status }) => status === "failed");
    return stop?.status ?? (failed ? FAILED : OK);
  }

  /** The job of the next child: what is left for one WebGPU. */
  #next(): Job {
    const left = this.#schedule?.groups ?? null;
    const webgpu = this.#webgpu = left === null ? this.#job.webgpu : webgpuOf(left[0].rows[0].variant);
    const own = left?.map(({ problem, rows }) => ({
      problem,
      rows: rows.filter(({ variant }) => webgpuOf(variant) === webgpu),
    }));
    const groups = own?.filter(({ rows }) => rows.length > 0) ?? null;
    return { ...this.#job, webgpu, groups, ceilings: this.#ceilings.get(webgpu) ?? null };
  }

  /** Skips all rows of a WebGPU that is not to be had here, if it is the second one. */
  #skipped(reason: string): boolean {
    if (this.#webgpu === this.#job.webgpu) return false;
    for (const { problem, rows } of this.#schedule?.groups ?? []) {
      for (const spec of rows.filter(({ variant }) => webgpuOf(variant) === this.#webgpu)) {
        const event = { type: "row", row: bareRow(problem, spec, { status: "skipped", reason }) } as const;
        this.#tell(event);
        this.#schedule?.take(event);
      }
    }
    return true;
  }

  #interrupted() {
    const message = this.#log.hasFiles
      ? `Interrupted. What is left is measured by:\n  ${this.#resumeCommand}`
      : "Interrupted before there was a report.";
    return { status: FAILED, message };
  }

  #died(reason: string): void {
    const lost = this.#schedule?.died(reason);
    if (lost) return lost.forEach((row) => this.#tell({ type: "row", row }));
    if (++this.#deaths > 1) this.#supervisor.stop(FAILED, `Cannot measure: ${reason}`);
  }

  #take(event: MeasureEvent): void {
    if (event.type === "no-adapter") {
      if (!this.#skipped(event.message)) this.#supervisor.stop(NO_ADAPTER, withRemedy(event.message));
      return;
    }
    if (event.type === "end" || this.#isKnown(event)) return;
    this.#tell(event);
    if (event.type === "plan") this.#takePlan(event);
    this.#schedule?.take(event);
  }

  #tell(event: RunEvent): void {
    this.#supervisor.guarded(FAILED, () => this.#log.take(event));
    if (event.type === "row") this.#tables?.update(problemOf(event.row));
  }

  /**
   * Whether the report has it already. The first child of a WebGPU tells of the adapter and its ceilings; those after it,
   * and a resumed report, must agree. A report has one adapter, which each WebGPU calls otherwise: the first one's stands.
   */
  #isKnown(event: MeasureEvent): boolean {
    if (event.type === "ceilings") return this.#knowsCeilings(event.ceilings);
    if (event.type !== "adapter") return false;
    const known = this.#adapters.get(this.#webgpu);
    if (known === undefined) {
      this.#adapters.set(this.#webgpu, event.adapter);
      return this.#adapters.size > 1;
    }
    const difference = differenceOf(known, event.adapter);
    if (difference !== null) this.#supervisor.stop(BAD_ARGUMENTS, `Cannot go on as ${difference}`);
    return true;
  }

  /** The ceilings of the first WebGPU stand in the report, and that of tensor cores whichever reaches them. */
  #knowsCeilings(ceilings: Ceilings): boolean {
    const known = this.#ceilings.has(this.#webgpu);
    this.#ceilings.set(this.#webgpu, ceilings);
    if (known || this.#ceilings.size === 1) return known;
    const { matrixTflops = null } = ceilings;
    const first = this.#ceilings.get(this.#job.webgpu)!;
    if (matrixTflops !== null) this.#tell({ type: "ceilings", ceilings: { ...first, matrixTflops } });
    return true;
  }

  #takePlan({ groups, rows }: MeasureEvent & { type: "plan" }): void {
    if (this.#schedule === null) this.#fixRows(groups);
    // A peer that is refused takes no time.
    const ofPeers = this.#groups.map(({ problem }) => {
      const runs = this.#listedPeers(problem).filter(({ refusal }) => refusal === null);
      return { problem, peers: true as const, seconds: PEER_SECONDS * runs.length };
    });
    this.#tell({ type: "plan", groups: ofPeers });
    if (!this.#options.dryRun) return;
    const own = this.#groups.reduce((sum, { rows }) => sum + rows.length, 0);
    // The first WebGPU plans its own rows. Those of another one take about as long.
    const seconds = sumOf(groups) * own / rows.length + sumOf(ofPeers);
    print(renderPlan(this.#listedRows(rows), { seconds, layout: this.#layout }));
    this.#supervisor.stop(OK, "");
  }

  /** All rows for a list: as planned, of another WebGPU without a plan, and peers with why they are refused. */
  #listedRows(planned: readonly PlannedRow[]): ListedRow[] {
    const plans = new Map(planned.map((row) => [rowName(row), row]));
    return this.#groups.flatMap(({ problem, rows }) => [
      ...rows.map((spec) => {
        const row = { ...problem, ...spec };
        return plans.get(rowName(row)) ?? { ...row, refusal: null, predictedPeakBytes: null };
      }),
      ...this.#listedPeers(problem),
    ]);
  }

  #listedPeers(problem: ProblemSpec): ListedRow[] {
    const { software } = this.#log.report.adapter;
    return this.#peerRuns().map(({ peer, mode }) => ({
      ...{ ...problem, variant: rowId(peer), mode, predictedPeakBytes: null },
      refusal: refusal(peer, { problem, mode, software }),
    }));
  }

  /** Fixes which rows there are, and which of them a resumed report has already. */
  #fixRows(groups: readonly Group[]): void {
    const { report } = this.#log;
    this.#groups = groups;
    this.#schedule = new Schedule(groups, (report.rows as RowResult[]).map(rowKey));
    const withPeers = groups.map(({ problem, rows }) => (
      { problem, names: [...rows, ...this.#peerRows()].map((row) => rowName({ ...problem, ...row })) }
    ));
    this.#log.order(withPeers.flatMap(({ names }) => names));
    const before = report.rows.length === 0 ? [] : report.settings?.sizes?.toString().split(",") ?? [];
    const sizes = groups.map(({ problem }) => formatSizes(problem));
    report.settings = { ...report.settings, sizes: [...new Set([...before, ...sizes])].join() };
    for (const { problem, names } of withPeers) this.#tables?.expect(problem, names);
  }

  #peerRuns(): { peer: Peer; mode: Mode }[] {
    const chosen = peers.filter(({ id }) => this.#options.peers.includes(id));
    return this.#options.modes.flatMap((mode) => chosen.map((peer) => ({ peer, mode })));
  }

  #peerRows(): RowSpec[] {
    return this.#peerRuns().map(({ peer, mode }) => ({ variant: rowId(peer), mode }));
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

  /** Whether a report that is gone on with has every row. */
  #isFinished(): boolean {
    return this.#schedule?.groups.length === 0 && this.#peerGroups().length === 0;
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
    if (this.#options.json) print(printableJson(signed(this.#log.report)));
    else this.#tables?.finish();
  }
}
