import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { renderCsv } from "../../../bench/report/csv.ts";
import { parseReport, ReportError } from "../../../bench/report/reader.ts";
import { renderTable } from "../../../bench/report/table.ts";
import { HOSTILE_INPUTS } from "../../hostile.ts";
import { oneRow, random, syntheticReport } from "./fixture.ts";

/** The message of the ReportError that reading must end in. */
function messageOf(text: string): string {
  const error = assertThrows(() => parseReport(text, "some.json"), ReportError);
  return error.message;
}

/** The report of one row as JSON with one value replaced, the path given as its keys. */
function changed(path: (string | number)[], value: unknown): string {
  const report = JSON.parse(JSON.stringify(oneRow()));
  let target = report;
  for (const key of path.slice(0, -1)) target = target[key];
  if (value === undefined) delete target[path[path.length - 1]];
  else target[path[path.length - 1]] = value;
  return JSON.stringify(report);
}

Deno.test("parseReport() returns what was written", () => {
  const report = syntheticReport({ faults: true, peers: true, samples: 3 });
  assertEquals(parseReport(JSON.stringify(report), "some.json"), report);
});

Deno.test("parseReport() accepts names that a later bench.ts may add", () => {
  assertEquals(parseReport(changed(["rows", 0, "colour"], "blue"), "some.json").rows.length, 1);
});

Deno.test("parseReport() names file, path, rule and value of what breaks the schema", () => {
  const cases: [(string | number)[], unknown, string][] = [
    [["createdAt"], undefined, "$.createdAt must be a string that is not empty: current value is missing"],
    [["adapter"], [1], "$.adapter must be an object: current value is a list of 1"],
    [["adapter", "software"], "no", '$.adapter.software must be true or false: current value is "no"'],
    [
      ["ceilings", "copyGBps"],
      0,
      "$.ceilings.copyGBps must be a number from 1e-60 to 1e+60: current value is 0",
    ],
    [["rows"], {}, "$.rows must be a list: current value is an object"],
    [
      ["rows", 0, "tokens"],
      1.5,
      "$.rows[0].tokens must be a whole number of at least 1: current value is 1.5",
    ],
    [["rows", 0, "dtype"], "f32", '$.rows[0].dtype must be "float32" or "float16" or "bfloat16"'],
    [["rows", 0, "timing"], null, "$.rows[0].timing must be an object where status is ok"],
    [["rows", 0, "status"], "failed", "$.rows[0].timing must be null where status is failed"],
    [["rows", 0, "timing", "gpuNs", "n"], 4, "$.rows[0].timing.gpuNs.n must be the number of samples, 5"],
    [
      ["rows", 0, "timing", "gpuNs", "samples", 2],
      -1,
      "$.rows[0].timing.gpuNs.samples[2] must be 0 or a number",
    ],
    [["rows", 0, "timing", "gpuNs", "ci"], [2, 1], "must be an interval whose first end is the lower"],
    [
      ["rows", 0, "memory", "peakBytes"],
      0.5,
      "$.rows[0].memory.peakBytes must be a whole number of at least 0",
    ],
    [
      ["rows", 0, "accuracy", "y"],
      "1e-7",
      "$.rows[0].accuracy.y must be 0 or a number from 1e-60 to 1e+60: current",
    ],
    [["rows", 0, "kernels", 0, "label"], "", "$.rows[0].kernels[0].label must be a string that is not empty"],
    [["versions"], { "a b": 1 }, '$.versions["a b"] must be a string: current value is 1'],
    [["settings"], { seed: [] }, '$.settings["seed"] must be a string, a number, true, false or null'],
  ];
  for (const [path, value, expected] of cases) {
    const message = messageOf(changed(path, value));
    assertStringIncludes(message, "Cannot read the report some.json as ");
    assertStringIncludes(message, expected);
  }
});

Deno.test("parseReport() asks a skipped row for its reason", () => {
  const report = oneRow({ status: "skipped", timing: null, reason: null });
  assertStringIncludes(
    messageOf(JSON.stringify(report)),
    "$.rows[0].reason must be a string that is not empty",
  );
});

Deno.test("parseReport() says that a report of a newer schema needs a newer suite", () => {
  const message = messageOf(changed(["schema"], "swiglu-bench/2"));
  assertStringIncludes(message, "its schema swiglu-bench/2 is newer than swiglu-bench/1");
  assertStringIncludes(message, "update the suite");
});

Deno.test("parseReport() refuses files that are not reports", () => {
  const texts = [
    "",
    "null",
    "[]",
    "3",
    '"swiglu-bench/1"',
    "{}",
    '{"schema":"other/1"}',
    "\u0000",
    "[".repeat(1e5),
  ];
  for (const text of texts) assertStringIncludes(messageOf(text), "Cannot read the report some.json");
});

Deno.test("parseReport() is not led astray by names of the object prototype", () => {
  const text = JSON.stringify(oneRow()).replace('"createdAt"', '"__proto__":{"createdAt":"x"},"toString"');
  assertStringIncludes(messageOf(text), "$.createdAt");
});

Deno.test("errors of parseReport() are one line without control characters", () => {
  const message = messageOf(
    changed(["rows", 0, "mode"], "\u001b[31mred\u001b[0m\nsecond line \u202e reversed"),
  );
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u001f\u202e]/.test(message), message);
  assert(message.length < 300);
});

Deno.test("parseReport() ends in a report or a ReportError for a hundred thousand damaged reports", () => {
  const text = JSON.stringify(oneRow());
  const next = random(7);
  const pick = (length: number) => Math.floor(next() * length);
  const pieces = [
    "null",
    "-1",
    "1e999",
    '""',
    "{}",
    "[]",
    "[[[",
    '"',
    ",",
    "}",
    "\\u0000",
    "__proto__",
    "NaN",
    "9".repeat(400),
  ];
  let refused = 0;
  for (let i = 0; i < HOSTILE_INPUTS["damaged reports"]; i++) {
    const start = pick(text.length);
    const damaged = text.slice(0, start) + pieces[pick(pieces.length)] + text.slice(start + pick(12));
    try {
      const report = parseReport(damaged, "some.json");
      if (i % 20 === 0) assert(renderCsv(report) && renderTable(report), damaged);
    } catch (error) {
      assertInstanceOf(error, ReportError, damaged);
      assert(!(error as Error).message.includes("\n"), damaged);
      refused++;
    }
  }
  assert(refused > 50_000, `only ${refused} were refused`);
});
