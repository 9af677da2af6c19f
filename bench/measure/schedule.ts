import { bareRow } from "./row.ts";
import {
  type Group,
  type MeasureEvent,
  type ProblemSpec,
  rowKey,
  type RowResult,
  type RowSpec,
} from "./job.ts";

/** A process that dies this often before it begins any work will not do better the next time. */
const MOST_IDLE_DEATHS = 2;

/**
 * What is left to measure, and who is to blame when the measuring process dies.
 *
 * One row at work: it is failed and the rest goes on. Several rows sampled in turns: none is failed, each is measured
 * alone from then on, until the one that kills is alone when it does.
 */
export class Schedule {
  #groups: Group[];
  #working: { problem: ProblemSpec; rows: readonly RowSpec[]; setUp: boolean } | null = null;
  #idleDeaths = 0;

  constructor(groups: readonly Group[], done: Iterable<string> = []) {
    this.#groups = [...groups];
    for (const key of done) this.#remove(key);
  }

  /** The groups that are left, those with no rows left out. */
  get groups(): readonly Group[] {
    return this.#groups;
  }

  /** Follows what the process says. */
  take(event: MeasureEvent): void {
    if (event.type === "begin") {
      const { problem, rows, setUp } = event;
      this.#working = { problem, rows, setUp };
      this.#idleDeaths = 0;
    }
    if (event.type === "row") this.#remove(rowKey(event.row));
  }

  /** What to do about the death of the process: rows that it costs. The rest is in {@linkcode groups}. */
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

  /** Makes each of the rows a group of its own, in the place of their group. */
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
