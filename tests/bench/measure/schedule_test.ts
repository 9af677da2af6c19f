import { assert, assertEquals } from "@std/assert";
import { type Group, type MeasureEvent, rowKey, type RowSpec } from "../../../bench/measure/job.ts";
import { bareRow } from "../../../bench/measure/row.ts";
import { Schedule } from "../../../bench/measure/schedule.ts";
import { problemOf } from "./problems.ts";

const SMALL = problemOf(1, 2, 3);
const LARGE = problemOf(4, 5, 6);
const [A, B, C]: RowSpec[] = ["a", "b", "c"].map((variant) => ({ variant, mode: "full" }));
const GROUPS: Group[] = [{ problem: SMALL, rows: [A, B, C] }, { problem: LARGE, rows: [A, B] }];

function begin(problem: Group["problem"], rows: readonly RowSpec[], setUp = false): MeasureEvent {
  return { type: "begin", doing: "x", setUp, problem, rows };
}

function ended(problem: Group["problem"], spec: RowSpec): MeasureEvent {
  return { type: "row", row: bareRow(problem, spec, { status: "skipped", reason: "for the test" }) };
}

function names(schedule: Schedule): string[] {
  return schedule.groups.map(({ problem, rows }) =>
    `${problem.tokens}:${rows.map(({ variant }) => variant).join("")}`
  );
}

Deno.test("rows that end leave the schedule, and so do those that a resumed report has", () => {
  const schedule = new Schedule(GROUPS, [rowKey({ ...SMALL, ...B })]);
  assertEquals(names(schedule), ["1:ac", "4:ab"]);
  schedule.take(begin(SMALL, [A, C]));
  schedule.take(ended(SMALL, A));
  assertEquals(names(schedule), ["1:c", "4:ab"]);
  schedule.take(ended(SMALL, C));
  assertEquals(names(schedule), ["4:ab"]);
});

Deno.test("a death with one row at work fails that row alone", () => {
  const schedule = new Schedule(GROUPS);
  schedule.take(begin(SMALL, [B]));
  const failed = schedule.died("device lost");
  assertEquals(failed.map(({ variant, mode, status, reason }) => [variant, mode, status, reason]), [
    ["b", "full", "failed", "device lost"],
  ]);
  assertEquals(names(schedule), ["1:ac", "4:ab"]);
});

Deno.test("a death with several rows in turns fails none, and measures each alone", () => {
  const schedule = new Schedule(GROUPS);
  schedule.take(begin(SMALL, [A, B, C]));
  schedule.take(ended(SMALL, A));
  assertEquals(schedule.died("device lost"), []);
  assertEquals(names(schedule), ["1:b", "1:c", "4:ab"]);
  schedule.take(begin(SMALL, [B]));
  assertEquals(schedule.died("device lost").map(({ variant }) => variant), ["b"]);
  assertEquals(names(schedule), ["1:c", "4:ab"]);
});

Deno.test("a death while a group is set up fails the whole group, as every row needs it", () => {
  const schedule = new Schedule(GROUPS);
  schedule.take(begin(SMALL, [A, B, C], true));
  assertEquals(schedule.died("killed").length, 3);
  assertEquals(names(schedule), ["4:ab"]);
});

Deno.test("a death before any work is forgiven once, then everything fails", () => {
  const schedule = new Schedule(GROUPS);
  assertEquals(schedule.died("no driver"), []);
  assertEquals(names(schedule), ["1:abc", "4:ab"]);
  assertEquals(schedule.died("no driver").length, 5);
  assertEquals(names(schedule), []);
});

Deno.test("work between two early deaths makes the first one forgotten", () => {
  const schedule = new Schedule(GROUPS);
  schedule.died("early");
  schedule.take(begin(SMALL, [A]));
  schedule.died("at work");
  assertEquals(schedule.died("early"), []);
});

Deno.test("whenever a process dies, every row ends exactly once and the schedule comes to an end", () => {
  for (let dies = 0; dies < 24; dies++) {
    const schedule = new Schedule(GROUPS);
    const endedRows: string[] = [];
    let step = 0;
    for (let processes = 0; schedule.groups.length > 0; processes++) {
      assert(processes < 12, `no end when it dies at every step ${dies}`);
      try {
        for (const { problem, rows } of [...schedule.groups]) {
          for (
            const event of [
              begin(problem, rows, true),
              begin(problem, rows),
              ...rows.map((row) => ended(problem, row)),
            ]
          ) {
            if (step++ % 24 === dies) throw new Error("dies");
            schedule.take(event);
            if (event.type === "row") endedRows.push(rowKey(event.row));
          }
        }
      } catch {
        endedRows.push(...schedule.died("died").map(rowKey));
      }
    }
    const all = GROUPS.flatMap(({ problem, rows }) => rows.map((row) => rowKey({ ...problem, ...row })));
    assertEquals(endedRows.toSorted(), all.toSorted(), `dies at ${dies}`);
  }
});
