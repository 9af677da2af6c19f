/**
 * A report as it grows, and how far its run is. It knows no files, processes or terminal: the command line and the page
 * in the browser both fill it with what a measuring process tells.
 *
 * @module
 */

import { type Machine, machineWarnings } from "./context.ts";
import type { Part, RunEvent } from "./events.ts";
import { problemKey, rowName } from "./groups.ts";
import { type AdapterReport, type Report, type Row, SCHEMA } from "./schema.ts";
import { Shares } from "./shares.ts";

/** What a new report starts from. */
export interface DraftStart extends Pick<Report, "command" | "arguments" | "settings"> {
  readonly machine: Machine;
}

const UNKNOWN_ADAPTER: AdapterReport = {
  vendor: "",
  architecture: "",
  device: "",
  description: "",
  software: false,
};

/** A report without rows, of an adapter that is not known yet. */
export function emptyReport({ machine, ...asked }: DraftStart): Report {
  return {
    schema: SCHEMA,
    createdAt: new Date().toISOString(),
    ...asked,
    versions: machine.versions,
    machine: { system: machine.system, cores: machine.cores },
    adapter: UNKNOWN_ADAPTER,
    ceilings: { fmaTflops: { float32: null }, copyGBps: null },
    warnings: [],
    rows: [],
  };
}

/** A report as it grows. Its rows stand in the order of the plan. */
export class ReportDraft {
  readonly report: Report;
  readonly #machine: Machine;
  readonly #shares = new Shares();
  #order = new Map<string, number>();
  #part = "";
  #doing = "";

  constructor(report: Report, machine: Machine) {
    this.report = report;
    this.#machine = machine;
  }

  /** What is being done, in a few words; empty before anything is. */
  get doing(): string {
    return this.#doing;
  }

  /** How far the run is, from 0 to 1. */
  get fraction(): number {
    return this.#shares.fraction;
  }

  /** Takes the order in which rows are to stand, by name. */
  order(names: readonly string[]): void {
    this.#order = new Map(names.map((name, i) => [name, i]));
  }

  /** Takes what happened. */
  take(event: RunEvent): void {
    switch (event.type) {
      case "adapter":
        this.report.adapter = event.adapter;
        return machineWarnings(this.#machine, event.adapter).forEach((warning) => this.#warn(warning));
      case "ceilings":
        this.report.ceilings = event.ceilings;
        return;
      case "plan":
        return event.groups.forEach((part) => this.#shares.add(partName(part), part.seconds));
      case "begin":
        return this.#begin(event);
      case "progress":
        return this.#shares.advance(this.#part, event.fraction);
      case "row":
        return this.#row(event.row);
      case "warning":
        return this.#warn(event.text);
    }
  }

  #begin({ doing, rows, ...part }: RunEvent & { type: "begin" }): void {
    const [{ variant, mode }] = rows;
    this.#part = partName(part);
    this.#doing = `${doing}, ${rows.length > 1 ? `${rows.length} rows` : `${variant} ${mode}`}`;
  }

  /** A row of the same name is replaced. */
  #row(row: Row): void {
    const place = (name: string) => this.#order.get(name) ?? -1;
    const others = this.report.rows.filter((other) => rowName(other) !== rowName(row));
    this.report.rows = [...others, row].sort((a, b) => place(rowName(a)) - place(rowName(b)));
  }

  /** A warning that is known is not repeated. */
  #warn(warning: string): void {
    const warnings = this.report.warnings ??= [];
    if (!warnings.includes(warning)) warnings.push(warning);
  }
}

function partName({ problem, peers = false }: Part): string {
  return JSON.stringify([problemKey(problem), peers]);
}
