/** A finished row in one line: its name, its time and its error. */
import { assertEquals, assertMatch } from "@std/assert";
import { rowLine } from "../../../bench/report/row_line.ts";
import { syntheticReport } from "./fixture.ts";

const { rows: [row] } = syntheticReport({ sizes: [[512, 1024, 2816]], modes: ["forward"] });

Deno.test("a line tells time, spread, samples and error; the precision where it is not the default", () => {
  const name = `${row.variant} forward, T 512, D 1024, H 2816, float32`;
  const [told, ...rest] = rowLine(row).split(": ");
  assertEquals(told, name);
  assertMatch(rest.join(": "), /^[\d.]+ [mµ]s \+-[\d.]+ % of 30, error [\d.e-]+$/);
  assertEquals(rowLine({ ...row, precision: "tf32" }).split(": ")[0], `${name}, tf32`);
});

Deno.test("a line of a row without a time says why", () => {
  assertEquals(
    rowLine({ ...row, status: "skipped", reason: "no room" }),
    `${row.variant} forward, T 512, D 1024, H 2816, float32: skipped: no room`,
  );
});
