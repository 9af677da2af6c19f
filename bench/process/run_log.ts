/**
 * A report as it grows. Rows stand in the order of the plan. The files are replaced as soon as the adapter is known, after
 * each row, and at the end. Lines on the terminal tell what happens.
 *
 * @module
 */

import {
  ceilingsFact,
  contextFacts,
  driverFact,
  factLines,
  type Labelled,
  type Machine,
} from "../report/context.ts";
import { emptyReport, ReportDraft } from "../report/draft.ts";
import type { RunEvent } from "../report/events.ts";
import { type LineStyle, paint } from "../report/layout.ts";
import { askNvidia } from "./nvidia.ts";
import { keepEarlier, reportPath, writeReport } from "./output.ts";
import { Progress, type ProgressOutput } from "./progress.ts";
import { rowLine } from "../report/row_line.ts";
import type { Report } from "../report/schema.ts";

/** What a report starts from. */
export interface LogStart {
  /** The command line that was used. */
  command: string;
  /** What it asks for, each as `--name=value`. */
  arguments: string[];
  machine: Machine;
  settings: NonNullable<Report["settings"]>;
  /** The report that is continued; null for a new one. */
  previous: Report | null;
}

/** The report of a run, its files and its terminal. */
export class RunLog {
  readonly progress: Progress;
  readonly #draft: ReportDraft;
  readonly #machine: Machine;
  /** Null where nothing is to be written. */
  readonly #folder: string | null;
  /** Whether this run has anything for the files, written or not. */
  #changed = false;
  readonly #continues: boolean;
  readonly #asked: Promise<void>[] = [];

  constructor(start: LogStart, { folder, output }: { folder: string | null; output: ProgressOutput }) {
    this.#machine = start.machine;
    this.#folder = folder;
    this.#continues = start.previous !== null;
    this.progress = new Progress(output);
    const { previous, ...asked } = start;
    const report = previous ? { ...previous, arguments: start.arguments } : emptyReport(asked);
    this.#draft = new ReportDraft(report, start.machine);
  }

  /** The report so far. */
  get report(): Report {
    return this.#draft.report;
  }

  /** Whether the folder has this run's report. */
  get hasFiles(): boolean {
    return this.#changed || this.#continues;
  }

  /** Takes the order in which rows are to stand, by name. */
  order(names: readonly string[]): void {
    this.#draft.order(names);
  }

  /** Waits for what the driver has been asked, and prints it. */
  async settled(): Promise<void> {
    await Promise.all(this.#asked);
    const { driver } = this.report;
    if (driver) this.#fact(driverFact(driver));
  }

  /** Puts what came after the last row into the files too, if this run has written any, and tells where they are. */
  finish(): void {
    if (this.#changed) this.#write();
    if (this.#folder !== null) this.progress.line(`report    ${reportPath(this.#folder)}`);
  }

  /** Takes what happened. When this returns, the files have a finished row, if there are to be files. */
  take(event: RunEvent): void {
    const known = this.report.warnings?.length ?? 0;
    this.#draft.take(event);
    switch (event.type) {
      case "adapter":
        for (const fact of contextFacts(this.#machine, event.adapter)) this.#fact(fact);
        this.#asked.push(this.#askDriver());
        // Before any row, so that --resume after an interruption finds this run and not the one before it.
        this.#write();
        break;
      case "ceilings":
        this.#fact(ceilingsFact(event.ceilings));
        break;
      case "begin":
        if (event.rows.length > 1) this.#asked.push(this.#askDriver());
        this.#update();
        break;
      case "progress":
        this.#update();
        break;
      case "row":
        this.#write();
        this.progress.finished(rowLine(event.row), { important: event.row.status === "failed" });
    }
    for (const warning of this.report.warnings?.slice(known) ?? []) this.#warn(warning);
  }

  #update(): void {
    this.progress.update(this.#draft.doing, this.#draft.fraction);
  }

  /** Of several answers the one with most memory in use is kept: while rows are sampled, all that they need is on the device. */
  async #askDriver(): Promise<void> {
    const driver = await askNvidia(this.report.adapter.device);
    if (driver && (driver.usedBytes ?? 0) >= (this.report.driver?.usedBytes ?? 0)) {
      this.report.driver = driver;
    }
  }

  #write(): void {
    if (this.#folder === null) return;
    if (!this.hasFiles) this.#keepEarlier(this.#folder);
    this.#changed = true;
    writeReport(this.report, this.#folder);
  }

  #keepEarlier(folder: string): void {
    const kept = keepEarlier(folder);
    if (kept !== null) this.progress.line(`kept      ${kept}, the earlier report`);
  }

  #warn(warning: string): void {
    this.#fact(["warning", warning], "doubt");
  }

  #fact(fact: Labelled, style: LineStyle | null = null): void {
    const { layout } = this.progress;
    for (const line of factLines(fact, layout)) {
      this.progress.line(style === null ? line : paint(style, line, layout));
    }
  }
}
