import type { Gpu } from "../../kernels/gpu/device.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import { trimPool } from "./allocation.ts";
import type { Emit, ProblemSpec, RowSpec } from "./job.ts";
import { bareRow } from "./row.ts";
import { lossOf } from "./unchanged.ts";

/** The part of a problem's progress that a step takes: where it begins and where it ends, from 0 to 1. */
export type Share = readonly [from: number, to: number];

/** Anything that belongs to a row. */
interface OfRow {
  readonly spec: RowSpec;
}

/** What is done with each row by itself. */
export interface RowStep<Row, Result> {
  /** Its name in events. */
  readonly doing: string;
  readonly share: Share;
  /** Does it. */
  use(row: Row): Promise<Result>;
  /** Takes the result, once the progress that comes with it was told. */
  done?(result: Result): void;
}

/**
 * Tries the steps of one problem's measurement, and tells the parent process of each: what is done, with which rows, and
 * how far the problem is. A step that throws costs the rows it was for: they are skipped or failed with the reason, and
 * the others go on. A lost device ends everything.
 */
export class Attempts {
  readonly #gpu: Gpu;
  readonly #emit: Emit;
  readonly #problem: ProblemSpec;

  constructor({ gpu, emit, problem }: { gpu: Gpu; emit: Emit; problem: ProblemSpec }) {
    this.#gpu = gpu;
    this.#emit = emit;
    this.#problem = problem;
  }

  /** Tells that work on these rows begins. If the process dies from now on, one of them is to blame. */
  begin(doing: string, rows: readonly OfRow[]): void {
    this.#begin({ doing, setUp: false }, rows);
  }

  /** As {@linkcode begin}, for what all these rows need. If the process dies from now on, none of them can run. */
  beginSetUp(rows: readonly OfRow[]): void {
    this.#begin({ doing: "inputs and reference", setUp: true }, rows);
  }

  #begin(what: { doing: string; setUp: boolean }, rows: readonly OfRow[]): void {
    this.#emit({ type: "begin", ...what, problem: this.#problem, rows: rows.map(({ spec }) => spec) });
  }

  /**
   * Tells that a part of a step is done, from 0 to 1. It is told again even where it is the same, because work that takes
   * long would look like a device that hangs.
   */
  progress([from, to]: Share, part: number): void {
    this.#emit({ type: "progress", fraction: from + (to - from) * part });
  }

  /**
   * What `use` gives. Where it throws, the rows end here, skipped or failed, and null is returned.
   *
   * @throws {Error} If the device is lost.
   */
  async attempt<T>(rows: readonly OfRow[], use: () => T | Promise<T>): Promise<T | null> {
    try {
      return await use();
    } catch (error) {
      const lost = await lossOf(this.#gpu);
      const noRoom = lost === null && (error instanceof OutOfMemoryError || error instanceof LimitError);
      const reason = lost ?? (error instanceof Error ? error.message : String(error));
      for (const { spec } of rows) this.end(spec, { status: noRoom ? "skipped" : "failed", reason });
      if (lost !== null) throw new Error(lost);
      return null;
    }
  }

  /** Attempts a step with each row by itself. @returns What it gave, without the rows with which it failed. */
  async each<Row extends OfRow, Result>(rows: readonly Row[], step: RowStep<Row, Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (const [i, row] of rows.entries()) {
      this.begin(step.doing, [row]);
      const result = await this.attempt([row], () => step.use(row));
      trimPool(this.#gpu);
      this.progress(step.share, (i + 1) / rows.length);
      if (result === null) continue;
      results.push(result);
      step.done?.(result);
    }
    return results;
  }

  /** Tells a row that has no figures. */
  end(spec: RowSpec, why: { status: "skipped" | "failed"; reason: string }): void {
    this.#emit({ type: "row", row: bareRow(this.#problem, spec, why) });
  }
}
