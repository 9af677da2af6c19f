/**
 * The tables of a run on stdout: each problem's as soon as its last row is there.
 *
 * @module
 */

import { FileError } from "../process/files.ts";
import { blocksOf, problemKey, type ReportProblem, rowName } from "../report/groups.ts";
import type { Layout } from "../report/layout.ts";
import type { Report } from "../report/schema.ts";
import { renderBlock, renderWarnings } from "../report/table.ts";

/** Where tables go. */
export interface TablesOptions {
  readonly layout: Layout;
  /**
   * Prints a text and ends its line.
   *
   * @throws {FileError} If stdout takes no more.
   */
  readonly print: (text: string) => void;
}

/** Prints what a report has, each problem once. */
export class Tables {
  readonly #report: () => Report;
  readonly #options: TablesOptions;
  /** The names of the rows that each problem is to have. */
  readonly #expected = new Map<string, readonly string[]>();
  readonly #shown = new Set<string>();
  /** Where stdout takes no more, the run goes on: its report is worth more. */
  #fault: FileError | null = null;

  constructor(report: () => Report, options: TablesOptions) {
    this.#report = report;
    this.#options = options;
  }

  /** Takes the names of a problem's rows, and prints it if a report that is gone on with has them all. */
  expect(problem: ReportProblem, rows: readonly string[]): void {
    this.#expected.set(problemKey(problem), rows);
    this.update(problem);
  }

  /** Prints a problem if its last row is there. */
  update(problem: ReportProblem): void {
    const key = problemKey(problem);
    // A report that is gone on with may have other rows too, so their number alone would not do.
    const there = new Set(this.#report().rows.map(rowName));
    if (this.#expected.get(key)?.every((name) => there.has(name))) this.#show(key);
  }

  /**
   * Prints what is left: problems that miss rows, and the warnings.
   *
   * @throws {FileError} If stdout takes no more, or took no more earlier.
   */
  finish(): void {
    const report = this.#report();
    for (const { problem } of blocksOf(report.rows)) this.#show(problemKey(problem));
    const warnings = renderWarnings(report, this.#options.layout);
    if (warnings !== "") this.#print(warnings);
    if (this.#fault !== null) throw this.#fault;
  }

  #show(key: string): void {
    if (this.#shown.has(key)) return;
    this.#shown.add(key);
    const report = this.#report();
    const block = blocksOf(report.rows).find(({ problem }) => problemKey(problem) === key);
    if (block !== undefined) this.#print(`${renderBlock(report, block, this.#options.layout)}\n`);
  }

  #print(text: string): void {
    if (this.#fault !== null) return;
    try {
      this.#options.print(text);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#fault = error;
    }
  }
}
