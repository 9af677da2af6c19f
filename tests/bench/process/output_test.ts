import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { printable, printableJson } from "../../../bench/report/shape.ts";
import type { Report } from "../../../bench/report/schema.ts";
import { syntheticReport } from "../report/fixture.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Colours, a title of the window, a cleared screen, one byte that begins a sequence, and a turned direction. */
const ESCAPES = "x\u001b[31m\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\u007f\r";

/** Runs a program with files in its folder; all that it printed, and its exit status. */
function run(
  program: string,
  args: string[],
  files: Record<string, unknown>,
): { code: number; text: string } {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, value] of Object.entries(files)) {
      Deno.writeTextFileSync(`${folder}/${name}`, typeof value === "string" ? value : JSON.stringify(value));
    }
    const config = new URL("deno.json", ROOT).pathname;
    const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--config", config, new URL(program, ROOT).pathname, ...args],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).outputSync();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, text: decode(stdout) + decode(stderr) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** A report in which every text that is free holds escapes. */
function escaping(): Report {
  const report = syntheticReport({ sizes: [[4, 8, 16]], modes: ["forward"], faults: true, samples: 6 });
  report.adapter = { ...report.adapter, device: ESCAPES, description: ESCAPES };
  Object.assign(report, { command: ESCAPES, createdAt: ESCAPES, warnings: [ESCAPES] });
  Object.assign(report, { versions: { [ESCAPES]: ESCAPES }, settings: { seed: ESCAPES, flush: true } });
  report.rows = report.rows.map((row, i) => ({
    ...row,
    variant: `${row.variant}${ESCAPES}`,
    activation: ESCAPES,
    implementation: ESCAPES,
    tile: `${ESCAPES}${i}`,
    reason: row.reason === null ? null : ESCAPES,
    warnings: [ESCAPES],
  }));
  return report;
}

const CONTROL = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

function assertClean(text: string): void {
  const found = CONTROL.exec(text);
  assert(found === null, JSON.stringify(text.slice(Math.max(0, (found?.index ?? 0) - 40)).slice(0, 80)));
}

Deno.test("no control character of a report or a table of tiles reaches the terminal", () => {
  const report = escaping();
  const later = {
    ...report,
    rows: report.rows.map((row) => ({ ...row, tile: null })),
    versions: {},
    settings: {},
  };
  const files = {
    "swiglu.json": report,
    "later.json": later,
    "broken.json": { ...report, rows: [{ ...report.rows[0], mode: ESCAPES }] },
    [`name\u001b[31m.json`]: "not JSON",
    "tuning.json": { schema: ESCAPES, adapter: ESCAPES, entries: [] },
  };
  const runs: [string, string[]][] = [
    ["bench.ts", ["compare", "swiglu.json", "later.json"]],
    ["bench.ts", ["compare", "swiglu.json", "swiglu.json", "--fail-on-regression", "5"]],
    ["bench.ts", ["compare", "swiglu.json", "broken.json"]],
    ["bench.ts", ["compare", "swiglu.json", "name\u001b[31m.json"]],
    ["bench.ts", ["--resume", "--output-dir", ".", "--sizes", "4x8x16"]],
    ["bench.ts", ["tune", "--output-dir", ".", "--sizes", "4x8x16"]],
    ["bench.ts", [`--${ESCAPES}`]],
    ["plot.ts", ["swiglu.json"]],
    ["plot.ts", ["broken.json"]],
    ["plot.ts", [ESCAPES]],
  ];
  for (const [program, args] of runs) {
    const { text } = run(program, args, files);
    assert(text.length > 20, args.join(" "));
    assertClean(text);
  }
});

Deno.test("printable() keeps lines and letters, and takes what commands a terminal", () => {
  assertEquals(printable("one\ntwo µ ✓\n"), "one\ntwo µ ✓\n");
  assertClean(printable(ESCAPES));
});

Deno.test("printableJson() holds the same value, and nothing that commands a terminal", () => {
  const value = { [ESCAPES]: [ESCAPES, "a\nb", "µ"] };
  assertClean(printableJson(value));
  assertEquals(JSON.parse(printableJson(value)), value);
  assertStringIncludes(printableJson(value), "µ");
});

Deno.test("bench.ts, plot.ts and what prints for them write nowhere else", () => {
  const writers = ["bench/process/output.ts", "bench/process/machine.ts", "bench/process/parent.ts"];
  const files = ["bench.ts", "plot.ts"];
  for (const room of ["process", "report", "charts", "page", "measure", "timing", "oracle"]) {
    for (const { name } of Deno.readDirSync(new URL(`bench/${room}/`, ROOT))) {
      files.push(`bench/${room}/${name}`);
    }
  }
  const found = files.filter((file) =>
    /\bconsole\.|Deno\.std(out|err)\b/.test(Deno.readTextFileSync(new URL(file, ROOT)))
  );
  assertEquals(found.sort(), writers.sort());
});
