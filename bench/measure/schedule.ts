import { bareRow } from "./row.ts";
import {
  type Group,
  type MeasureEvent,
  type ProblemSpec,
  rowKey,
  type RowResult,
  type RowSpec,
} from "./job.ts";

/** If a process dies this often before it begins any work, another would not do better. */
const MOST_IDLE_DEATHS = 2;

/**
 * What is left to measure, and which rows it costs if the measuring process dies. It follows what the process tells, and
 * judges by what was begun last:
 *
 * - Work on one row: that row failed.
 * - What all rows of a problem need, its inputs and reference: all of them failed.
 * - Warm-up, or samples of several rows: nobody knows which row did it. None failed, but each becomes a group of its own,
 *   so that the next process measures them one by one, and the one that kills it is alone then.
 * - Nothing yet: none failed, unless that happens again. Then all did.
 */
export class Schedule {
  #groups: Group[];
  #working: { problem: ProblemSpec; rows: readonly RowSpec[]; setUp: boolean } | null = null;
  #idleDeaths = 0;

  constructor(groups: readonly Group[], done: Iterable<string> = []) {
    this.#groups = [...groups];
    for (const key of done) this.#remove(key);
  }

  /** The groups that have rows left. */
  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** Takes what the process tells. */
  take(event: MeasureEvent): void {
    if (event.type === "begin") {
      const { problem, rows, setUp } = event;
      this.#working = { problem, rows, setUp };
      this.#idleDeaths = 0;
    }
    if (event.type === "row") this.#remove(rowKey(event.row));
  }

  /** Judges the death of the process. @returns The rows that it costs. {@linkcode groups} has what is left for the next one. */
  died(reason: string): RowResult[] {
    const working = this.#working;
    this.#working = null;
    if (working === null) return ++this.#idleDeaths < MOST_IDLE_DEATHS ? [] : this.#failAll(reason);
    const { problem, setUp } = working;
    const blamed = working.rows.filter((spec) => this.#isLeft({ ...problem, ...spec }));
    if (blamed.length > 1 && !setUp) {
      this.#isolate(problem, blamed);
      return [];
    }
    return this.#fail(problem, blamed, reason);
  }

  #failAll(reason: string): RowResult[] {
    return this.#groups.flatMap(({ problem, rows }) => this.#fail(problem, rows, reason));
  }

  #fail(problem: ProblemSpec, rows: readonly RowSpec[], reason: string): RowResult[] {
    const failed = rows.map((spec) => bareRow(problem, spec, { status: "failed", reason }));
    for (const row of failed) this.#remove(rowKey(row));
    return failed;
  }

  #isLeft(row: ProblemSpec & RowSpec): boolean {
    const key = rowKey(row);
    return this.#groups.some(({ problem, rows }) =>
      rows.some((spec) => rowKey({ ...problem, ...spec }) === key)
    );
  }

  /** Makes each of the rows a group of its own, which comes where its group was. */
  #isolate(problem: ProblemSpec, rows: readonly RowSpec[]): void {
    const keys = new Set(rows.map((spec) => rowKey({ ...problem, ...spec })));
    this.#groups = this.#groups.flatMap((group) => {
      const alone = group.rows.filter((spec) => keys.has(rowKey({ ...group.problem, ...spec })));
      const others = group.rows.filter((spec) => !alone.includes(spec));
      return [{ ...group, rows: others }, ...alone.map((spec) => ({ problem: group.problem, rows: [spec] }))];
    }).filter(({ rows }) => rows.length > 0);
  }

  #remove(key: string): void {
    this.#groups = this.#groups
      .map(({ problem, rows }) => ({
        problem,
        rows: rows.filter((spec) => rowKey({ ...problem, ...spec }) !== key),
      }))
      .filter(({ rows }) => rows.length > 0);
  }
}
