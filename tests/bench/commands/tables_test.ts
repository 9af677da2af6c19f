import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Tables } from "../../../bench/commands/tables.ts";
import { FileError } from "../../../bench/process/files.ts";
import { problemKey, problemOf, rowName } from "../../../bench/report/groups.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { syntheticReport } from "../report/fixture.ts";

const WHOLE = syntheticReport({ sizes: [[2, 8, 16], [4, 8, 16]], modes: ["forward"], samples: 6 });
const [A, B] = [WHOLE.rows[0], WHOLE.rows.at(-1)!].map(problemOf);
const PER_PROBLEM = WHOLE.rows.length / 2;
const NAMES = new Map(
  Map.groupBy(WHOLE.rows, (row) => problemKey(problemOf(row))).entries().map((
    [key, rows],
  ) => [key, rows.map(rowName)]),
);
const layout = { columns: 100, coloured: false };

/** A run that has measured nothing yet, and what it prints. */
function stage(rows: Report["rows"] = [], print?: (text: string) => void) {
  const report: Report = { ...WHOLE, rows };
  const printed: string[] = [];
  const tables = new Tables(() => report, { layout, print: print ?? ((text) => void printed.push(text)) });
  const take = (row: Report["rows"][number]) => {
    report.rows = [...report.rows, row];
    tables.update(problemOf(row));
  };
  const titles = () => printed.map((text) => /T \d+, D \d+, H \d+/.exec(text)?.[0] ?? text.split("\n")[0]);
  return { tables, take, titles };
}

Deno.test("a problem's table is printed when its last row is there, once, and warnings come last", () => {
  const { tables, take, titles } = stage();
  for (const problem of [A, B]) tables.expect(problem, NAMES.get(problemKey(problem))!);
  WHOLE.rows.slice(0, PER_PROBLEM - 1).forEach(take);
  assertEquals(titles(), []);
  take(WHOLE.rows[PER_PROBLEM - 1]);
  assertEquals(titles(), ["T 2, D 8, H 16"]);
  WHOLE.rows.slice(PER_PROBLEM).forEach(take);
  assertEquals(titles(), ["T 2, D 8, H 16", "T 4, D 8, H 16"]);
  tables.finish();
  const [, , warnings, ...rest] = titles();
  assertStringIncludes(warnings, "Warnings");
  assertEquals(rest, []);
});

Deno.test("an interrupted run prints what it has; a problem that a resumed report has whole comes at once", () => {
  const { tables, take, titles } = stage(WHOLE.rows.slice(0, PER_PROBLEM));
  for (const problem of [A, B]) tables.expect(problem, NAMES.get(problemKey(problem))!);
  assertEquals(titles(), ["T 2, D 8, H 16"]);
  take(WHOLE.rows.at(-1)!);
  tables.finish();
  assertEquals(titles().slice(0, 2), ["T 2, D 8, H 16", "T 4, D 8, H 16"]);
});

Deno.test("a resumed report with another row of a problem waits for the row that is asked for now", () => {
  const [first, second] = WHOLE.rows;
  const { tables, take, titles } = stage([first]);
  tables.expect(A, [rowName(second)]);
  assertEquals(titles(), []);
  take(second);
  assertEquals(titles(), ["T 2, D 8, H 16"]);
});

Deno.test("where stdout takes no more the run goes on, and is told so at its end", () => {
  let calls = 0;
  const { tables, take } = stage([], () => {
    calls++;
    throw new FileError("Cannot write to stdout");
  });
  for (const problem of [A, B]) tables.expect(problem, NAMES.get(problemKey(problem))!);
  WHOLE.rows.forEach(take);
  assertThrows(() => tables.finish(), FileError, "Cannot write to stdout");
  assert(calls === 1);
});
