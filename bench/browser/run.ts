/**
 * One run in a browser, as the page sees it: a worker measures and tells what happens, the page keeps the report. Where the
 * device is lost the worker is ended, and another goes on with the rows that are left.
 *
 * @module
 */

import type { Job, MeasureEvent, RowResult } from "../measure/job.ts";
import { Schedule } from "../measure/schedule.ts";
import { formatSizes } from "../measure/shapes.ts";
import { differenceOf } from "../report/adapter_difference.ts";
import type { ReportDraft } from "../report/draft.ts";
import { rowName } from "../report/groups.ts";

/** What a measuring worker tells: all events, and its death, whose reason is a clause. */
export type WorkerEvent = MeasureEvent | { readonly type: "died"; readonly reason: string };

/** A worker, as far as a run needs it. */
export interface Measurer {
  postMessage(job: Job): void;
  terminate(): void;
  onmessage: ((event: { readonly data: WorkerEvent }) => void) | null;
  onerror: ((event: { readonly message: string }) => void) | null;
}

/** What a run needs besides its job. */
export interface RunOptions {
  /** Takes what is measured. */
  readonly draft: ReportDraft;
  /** Starts a measuring worker. */
  start(): Measurer;
  /** Called when the draft has changed. */
  changed?(event: MeasureEvent): void;
  /** Milliseconds of silence after which a worker is ended. */
  readonly deadlineMs?: number;
  /** Milliseconds that a browser has to get over the loss of a device. */
  readonly pauseMs?: number;
}

/** As long as --timeout by default: the reference of a large shape takes minutes on a small GPU, and tells nothing. */
const DEADLINE_MS = 600_000;

const PAUSE_MS = 1000;

/** What to do where there is no adapter. */
const REMEDY = "take a recent browser with WebGPU, and load this page over https or from localhost";

/** One run. */
export class BrowserRun {
  readonly #options: Required<RunOptions>;
  #job: Job;
  /** Null until the sizes are known. */
  #schedule: Schedule | null = null;
  #stopped = false;
  #end: (death: string | null) => void = () => {};

  constructor(job: Job, options: RunOptions) {
    this.#job = job;
    this.#options = { deadlineMs: DEADLINE_MS, pauseMs: PAUSE_MS, changed: () => {}, ...options };
  }

  /**
   * Measures until every row has ended one way or another, or the run is stopped.
   *
   * @throws {Error} If nothing can be measured here.
   */
  async toEnd(): Promise<void> {
    for (let deaths = 0; !this.#stopped && this.#left !== 0; deaths++) {
      const death = await this.#follow();
      if (death === null) return;
      if (this.#schedule === null && deaths > 0) throw new Error(`Cannot measure: ${death}`);
      for (const row of this.#schedule?.died(death) ?? []) this.#tell({ type: "row", row });
      await new Promise((done) => setTimeout(done, this.#options.pauseMs));
    }
  }

  /** Ends the run. The rows that are finished stay. */
  stop(): void {
    this.#stopped = true;
    this.#end(null);
  }

  /** How many problems are left; null before any is known. */
  get #left(): number | null {
    return this.#schedule?.groups.length ?? null;
  }

  /** Runs one worker to its end. @returns Why it died, null if it did not. @throws {Error} If there is no adapter. */
  async #follow(): Promise<string | null> {
    const { start, deadlineMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<string | null>();
    const worker = start();
    let deadline: ReturnType<typeof setTimeout> | undefined;
    const arm = () => {
      clearTimeout(deadline);
      deadline = setTimeout(
        () => resolve(`nothing happened for ${deadlineMs / 1000} s: it was ended`),
        deadlineMs,
      );
    };
    this.#end = resolve;
    worker.onmessage = ({ data }) => {
      arm();
      try {
        this.#take(data);
      } catch (error) {
        reject(error);
      }
    };
    worker.onerror = ({ message }) => resolve(message || "the worker cannot be started");
    arm();
    worker.postMessage({ ...this.#job, groups: this.#schedule?.groups ?? this.#job.groups });
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      worker.onmessage = worker.onerror = null;
      worker.terminate();
    }
  }

  #take(event: WorkerEvent): void {
    switch (event.type) {
      case "died":
        return this.#end(event.reason);
      case "end":
        return this.#end(this.#left === 0 ? null : "it ended before its work was done");
      case "no-adapter":
        if (this.#schedule === null) throw new Error(`${event.message}; ${REMEDY}`);
        return this.#end(event.message);
      case "adapter":
        if (!this.#isKnown(event)) this.#tell(event);
        return;
      case "ceilings":
        // One report has one set of ceilings: fractions of others would not compare.
        if (this.#job.ceilings !== null) return;
        this.#job = { ...this.#job, ceilings: event.ceilings };
        return this.#tell(event);
      case "plan":
        this.#plan(event);
        return this.#tell(event);
      default:
        this.#schedule?.take(event);
        return this.#tell(event);
    }
  }

  /** After a loss, browsers may fall back to an adapter that is software. Its rows would not compare with the others. */
  #isKnown({ adapter }: MeasureEvent & { type: "adapter" }): boolean {
    if (this.#schedule === null) return false;
    const difference = differenceOf(this.#options.draft.report.adapter, adapter);
    if (difference !== null) this.#end(difference);
    return true;
  }

  #plan({ groups }: MeasureEvent & { type: "plan" }): void {
    if (this.#schedule !== null) return;
    this.#schedule = new Schedule(groups);
    const { draft } = this.#options;
    draft.order(groups.flatMap(({ problem, rows }) => rows.map((row) => rowName({ ...problem, ...row }))));
    const sizes = new Set(groups.map(({ problem }) => formatSizes(problem)));
    draft.report.settings = { ...draft.report.settings, sizes: [...sizes].join() };
  }

  #tell(
    event: Exclude<MeasureEvent, { type: "no-adapter" | "end" }> | { type: "row"; row: RowResult },
  ): void {
    this.#options.draft.take(event);
    this.#options.changed(event);
  }
}
