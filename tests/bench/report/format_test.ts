import { assertEquals } from "@std/assert";
import {
  formatBytes,
  formatError,
  formatPercent,
  formatRate,
  formatRatio,
  formatTime,
  greatest,
  least,
  significant,
} from "../../../bench/report/format.ts";

Deno.test("significant() keeps four digits and never drops one before the point", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [1, "1.000"],
    [9.99961, "10.00"],
    [12.345678, "12.35"],
    [123456.7, "123457"],
    [0.00123456, "0.001235"],
    [-12.345678, "-12.35"],
    [Infinity, "Infinity"],
  ];
  for (const [value, expected] of cases) assertEquals(significant(value), expected);
});

Deno.test("formatTime() takes the unit that leaves at least one digit before the point", () => {
  const cases: [number | null, string][] = [
    [null, "-"],
    [0, "0 ns"],
    [999, "999.0 ns"],
    [1500, "1.500 µs"],
    [18.9e6, "18.90 ms"],
    [2.5e9, "2.500 s"],
  ];
  for (const [ns, expected] of cases) assertEquals(formatTime(ns), expected);
});

Deno.test("formatBytes() prints whole sizes without decimals", () => {
  const cases: [number | null, string][] = [
    [null, "-"],
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.500 KiB"],
    [412 * 2 ** 20, "412 MiB"],
    [3 * 2 ** 30 + 1, "3.000 GiB"],
  ];
  for (const [bytes, expected] of cases) assertEquals(formatBytes(bytes), expected);
});

Deno.test("formatRate() prints a software adapter's rate in GFLOP/s", () => {
  assertEquals(formatRate(49.7), "49.70 TFLOP/s");
  assertEquals(formatRate(0.0015), "1.500 GFLOP/s");
  assertEquals(formatRate(null), "-");
});

Deno.test("formatPercent(), formatRatio() and formatError() keep few digits", () => {
  assertEquals([0.0312, 0.755, 1.04].map(formatPercent), ["3.1 %", "76 %", "104 %"]);
  assertEquals([1, 0.846, 123.4].map(formatRatio), ["1.00x", "0.85x", "123x"]);
  assertEquals([0, 1.234e-7, null].map(formatError), ["0", "1.2e-7", "-"]);
});

Deno.test("least() and greatest() pass over what was not measured and take lists of any length", () => {
  assertEquals(least([null, 3, undefined, 2]), 2);
  assertEquals(greatest([null, 3, undefined, 2]), 3);
  assertEquals(least([null]), Infinity);
  assertEquals(greatest(new Array(500_000).fill(7)), 7);
});
