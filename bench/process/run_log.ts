/**
 * A report as it grows. Rows stand in the order of the plan. The files are replaced as soon as the adapter is known, after
 * each row, and at the end. Lines on the terminal tell what happens.
 *
 * @module
 */

import {
  ceilingsLine,
  contextLines,
  driverLine,
  type Machine,
  machineWarnings,
  warningLines,
} from "../report/context.ts";
import type { Part, RunEvent } from "./events.ts";
import { formatError, formatPercent, formatShape, formatTime } from "../report/format.ts";
import { errorOf, problemKey, problemOf, rowName, timeOf } from "../report/groups.ts";
import { askNvidia } from "./nvidia.ts";
import { keepEarlier, reportPath, writeReport } from "./output.ts";
import { Progress, type ProgressOutput, Shares } from "./progress.ts";
import { type AdapterReport, type Report, type Row, SCHEMA } from "../report/schema.ts";
import { plain } from "../report/shape.ts";

/** What a report starts from. */
export interface Start {
  /** The command line that was used. */
  command: string;
  /** What it asks for, each as `--name=value`. */
  arguments: string[];
  machine: Machine;
  settings: NonNullable<Report["settings"]>;
  /** The report that is continued; null for a new one. */
  previous: Report | null;
}

const UNKNOWN_ADAPTER: AdapterReport = {
  vendor: "",
  architecture: "",
  device: "",
  description: "",
  software: false,
};

/** The report of a run, its files and its terminal. */
export class RunLog {
  readonly report: Report;
  readonly progress: Progress;
  readonly #shares = new Shares();
  readonly #machine: Machine;
  /** Null where nothing is to be written. */
  readonly #folder: string | null;
  #order = new Map<string, number>();
  #doing = "";
  #part = "";
  /** Whether this run has anything for the files, written or not. */
  #changed = false;
  readonly #continues: boolean;
  readonly #asked: Promise<void>[] = [];

  constructor(start: Start, { folder, output }: { folder: string | null; output: ProgressOutput }) {
    this.#machine = start.machine;
    this.#folder = folder;
    this.#continues = start.previous !== null;
    this.progress = new Progress(output);
    this.report = start.previous ? { ...start.previous, arguments: start.arguments } : {
      schema: SCHEMA,
      createdAt: new Date().toISOString(),
      command: start.command,
      arguments: start.arguments,
      versions: start.machine.versions,
      adapter: UNKNOWN_ADAPTER,
      ceilings: { fmaTflops: { float32: null }, copyGBps: null },
      settings: start.settings,
      warnings: [],
      rows: [],
    };
  }

  /** Whether the folder has this run's report. */
  get hasFiles(): boolean {
    return this.#changed || this.#continues;
  }

  /** Takes the order in which rows are to stand, by name. */
  order(names: readonly string[]): void {
    this.#order = new Map(names.map((name, i) => [name, i]));
  }

  /** Waits for what the driver has been asked, and prints it. */
  async settled(): Promise<void> {
    await Promise.all(this.#asked);
    const { driver } = this.report;
    if (driver) this.progress.line(driverLine(driver));
  }

  /** Puts what came after the last row into the files too, if this run has written any, and tells where they are. */
  finish(): void {
    if (this.#changed) this.#write();
    if (this.#folder !== null) this.progress.line(`report    ${reportPath(this.#folder)}`);
  }

  /** Takes what happened. When this returns, the files have a finished row, if there are to be files. */
  take(event: RunEvent): void {
    switch (event.type) {
      case "adapter":
        return this.#adapter(event.adapter);
      case "ceilings":
        this.report.ceilings = event.ceilings;
        return this.progress.line(ceilingsLine(event.ceilings));
      case "plan":
        return event.groups.forEach((part) => this.#shares.add(partName(part), part.seconds));
      case "begin":
        return this.#begin(event);
      case "progress":
        this.#shares.advance(this.#part, event.fraction);
        return this.progress.update(this.#doing, this.#shares.fraction);
      case "row":
        return this.#row(event.row);
      case "warning":
        return this.#warn(event.text);
    }
  }

  #adapter(adapter: AdapterReport): void {
    this.report.adapter = adapter;
    for (const line of contextLines(this.#machine, adapter)) this.progress.line(line);
    for (const warning of machineWarnings(this.#machine, adapter)) this.#warn(warning);
    this.#asked.push(this.#askDriver());
    // Before any row, so that --resume after an interruption finds this run and not the one before it.
    this.#write();
  }

  #begin({ doing, rows, ...part }: RunEvent & { type: "begin" }): void {
    const [{ variant, mode }] = rows;
    this.#part = partName(part);
    this.#doing = `${doing}, ${rows.length > 1 ? `${rows.length} rows in turns` : `${variant} ${mode}`}`;
    this.progress.update(this.#doing, this.#shares.fraction);
    if (rows.length > 1) this.#asked.push(this.#askDriver());
  }

  /** Of several answers the one with most memory in use is kept: while rows are sampled, all that they need is on the device. */
  async #askDriver(): Promise<void> {
    const driver = await askNvidia(this.report.adapter.device);
    if (driver && (driver.usedBytes ?? 0) >= (this.report.driver?.usedBytes ?? 0)) {
      this.report.driver = driver;
    }
  }

  /** A row of the same name is replaced. */
  #row(row: Row): void {
    const place = (name: string) => this.#order.get(name) ?? -1;
    const others = this.report.rows.filter((other) => rowName(other) !== rowName(row));
    this.report.rows = [...others, row].sort((a, b) => place(rowName(a)) - place(rowName(b)));
    this.#write();
    this.progress.finished(rowLine(row), { important: row.status !== "ok" });
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
    const warnings = this.report.warnings ??= [];
    if (warnings.includes(warning)) return;
    warnings.push(warning);
    for (const line of warningLines(warning)) this.progress.line(line);
  }
}

function partName({ problem, peers = false }: Part): string {
  return JSON.stringify([problemKey(problem), peers]);
}

/** A finished row in one line. */
function rowLine(row: Row): string {
  const name = `${row.variant} ${row.mode}, ${formatShape(problemOf(row))}, ${row.dtype}`;
  const time = timeOf(row);
  if (row.status !== "ok" || time === null) return `${name}: ${row.status}: ${plain(row.reason ?? "", 200)}`;
  const { median, n, ci } = time.statistics;
  const spread = ci ? ` +-${formatPercent((ci[1] - ci[0]) / 2 / median)}` : "";
  return `${name}: ${formatTime(median)}${spread} of ${n}, error ${formatError(errorOf(row))}`;
}
