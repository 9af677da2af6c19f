import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Report } from "../bench/report/schema.ts";
import { oneRow, syntheticReport } from "./bench/report/fixture.ts";

const PLOT = new URL("../plot.ts", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** What a run of plot.ts printed, and how it ended. */
interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs plot.ts in a folder as a user would. */
function plot(folder: string, ...args: string[]): Run {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", CONFIG, PLOT, ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs the test in an empty folder, gone afterwards. */
function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function save(path: string, report: Report): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, JSON.stringify(report));
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("plot.ts draws results/swiglu.json beside it without arguments", () => {
  inFolder((folder) => {
    save(`${folder}/results/swiglu.json`, syntheticReport({ sizes: [[4, 8, 16]], samples: 5 }));
    const { code, stdout, stderr } = plot(folder);
    assertEquals([code, stdout], [0, "8 charts in results/charts, and results/report.html\n"]);
    assertEquals(
      stderr,
      "Not drawn: scaling-float32: it needs rows of two shapes or more: this report has 1\n",
    );
    assertEquals(namesIn(`${folder}/results`), ["charts", "report.html", "swiglu.json"]);
    assertEquals(namesIn(`${folder}/results/charts`), [
      "accuracy-4x8x16.svg",
      "kernels-4x8x16-float32.svg",
      "memory-4x8x16-float32.svg",
      "roofline-4x8x16-float32.svg",
      "samples-4x8x16-float32.svg",
      "speeds-float32.svg",
      "time-memory-4x8x16-float32.svg",
      "times-4x8x16-float32.svg",
    ]);
    assert(Deno.readTextFileSync(`${folder}/results/charts/times-4x8x16-float32.svg`).startsWith("<svg "));
  });
});

Deno.test("plot.ts compares each later report with the first, under names that cannot clash", () => {
  inFolder((folder) => {
    const report = syntheticReport({ sizes: [[4, 8, 16]], modes: ["forward"], samples: 5 });
    save(`${folder}/a/swiglu.json`, report);
    save(`${folder}/b/swiglu.json`, { ...report, createdAt: "2026-02-03T00:00:00Z" });
    const { code, stdout } = plot(folder, "a/swiglu.json", "b/swiglu.json", "--output-dir", "out");
    assertEquals([code, stdout], [0, "17 charts in out/charts, and out/report.html\n"]);
    const names = namesIn(`${folder}/out/charts`);
    assert(names.includes("swiglu-times-4x8x16-float32.svg"));
    assert(names.includes("swiglu-2-times-4x8x16-float32.svg"));
    assert(names.includes("swiglu-2-comparison-4x8x16-float32.svg"));
  });
});

Deno.test("plot.ts tells what it cannot use in one line, exits 2 and writes nothing", () => {
  inFolder((folder) => {
    save(`${folder}/good.json`, oneRow());
    Deno.writeTextFileSync(`${folder}/other.json`, '{"rows": 3}');
    Deno.writeTextFileSync(`${folder}/text.json`, "not JSON");
    Deno.writeTextFileSync(`${folder}/README.md`, "<!-- plot:results good.json -->\n");
    const before = namesIn(folder);
    const cases: [string[], string][] = [
      [
        ["--colour", "blue"],
        'Cannot use "--colour" as there is no such argument: accepted are --output-dir, ',
      ],
      [["-x"], 'Cannot use "-x" as there is no such argument'],
      [["missing.json"], "Cannot read missing.json: "],
      [["."], "Cannot read . as it must be a file"],
      [["other.json"], "Cannot read the report other.json as $.schema must be"],
      [["text.json"], "Cannot read the report text.json as it is not JSON"],
      [["good.json", "text.json"], "Cannot read the report text.json"],
      [["good.json", "--output-dir"], "Cannot use --output-dir as it needs a value"],
      [
        ["good.json", "--output-dir", "a", "--output-dir", "b"],
        "Cannot use --output-dir as it may be given once",
      ],
      [["good.json", "--output-dir", "text.json"], "into the folder text.json/charts: "],
      [["good.json", "--output-dir", "/proc/nowhere"], "into the folder /proc/nowhere/charts: "],
      [["good.json", "--check"], "Cannot use --check as it needs --readme"],
      [["good.json", "--report", "x"], "Cannot use --report as it needs --readme"],
      [["--readme", "--output-dir", "x"], "Cannot use --output-dir as --readme"],
      [["--readme", "README.md", "good.json"], 'Cannot use "good.json" as --readme'],
      [["--readme", "NONE.md"], "Cannot read NONE.md: "],
      [["--readme"], "Cannot rewrite README.md as plot:results does not end"],
    ];
    for (const [args, expected] of cases) {
      const { code, stdout, stderr } = plot(folder, ...args);
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertStringIncludes(stderr, expected);
      assertMatch(stderr, /^[^\n]+\n$/, args.join(" "));
    }
    assertEquals(namesIn(folder), before);
  });
});

Deno.test("plot.ts draws over what it drew, and over nothing that is not its own", () => {
  inFolder((folder) => {
    save(`${folder}/results/swiglu.json`, syntheticReport({ sizes: [[4, 8, 16]], samples: 5 }));
    assertEquals(plot(folder).code, 0);
    assertEquals(plot(folder).code, 0);
    const chart = `charts/${namesIn(`${folder}/results/charts`).at(-1)}`;
    for (const [mine, other] of [["report.html", chart], [chart, "report.html"]]) {
      const before = Deno.readTextFileSync(`${folder}/results/${mine}`);
      Deno.writeTextFileSync(`${folder}/results/${mine}`, "<p>mine</p>");
      Deno.removeSync(`${folder}/results/${other}`);
      const { code, stdout, stderr } = plot(folder);
      assertEquals([code, stdout], [2, ""]);
      assertMatch(
        stderr.replace(/^Not drawn: .*\n/gm, ""),
        /^Cannot write results\/\S+ as what is there must be drawn by plot\.ts: move it away[^\n]*\n$/,
      );
      assertStringIncludes(stderr, `Cannot write results/${mine} `);
      assertEquals(Deno.readTextFileSync(`${folder}/results/${mine}`), "<p>mine</p>");
      assert(
        !namesIn(`${folder}/results`).includes(other) &&
          !namesIn(`${folder}/results/charts`).includes(other.slice(7)),
      );
      Deno.writeTextFileSync(`${folder}/results/${mine}`, before);
      assertEquals(plot(folder).code, 0);
    }
  });
});

Deno.test("plot.ts --help says what there is, in at most 100 columns", () => {
  const { code, stdout } = plot(".", "--help");
  assertEquals(code, 0);
  for (const name of ["--output-dir", "--readme", "--report", "--check", "--help"]) {
    assertStringIncludes(stdout, name);
  }
  assertEquals(stdout.split("\n").filter((line) => line.length > 100), []);
});

Deno.test("plot.ts --readme rewrites, and --check finds what was not", () => {
  inFolder((folder) => {
    save(`${folder}/data/a.json`, oneRow());
    const old = "# Title\n\n<!-- plot:results data/a.json -->\n<!-- /plot:results -->\n\n" +
      "<!-- plot:chart-times data/a.json -->\n<!-- /plot:chart-times -->\n";
    Deno.writeTextFileSync(`${folder}/README.md`, old);
    const stale = plot(folder, "--readme", "--check");
    assertEquals(stale.code, 1);
    assertMatch(
      stale.stderr,
      /^README\.md differs from its reports: run deno task plot --readme README\.md\n/,
    );
    assertEquals(Deno.readTextFileSync(`${folder}/README.md`), old);
    const written = plot(folder, "--readme");
    assertEquals([written.code, written.stdout], [0, "Wrote README.md, data/a-times.svg\n"]);
    assertStringIncludes(Deno.readTextFileSync(`${folder}/README.md`), "| pytorch | **");
    assertEquals(plot(folder, "--readme", "--check"), { code: 0, stdout: "", stderr: "" });
    assertEquals(plot(folder, "--readme").stdout, "Nothing changed\n");
    save(`${folder}/data/a.json`, oneRow({ variant: "tuned" }));
    assertEquals(plot(folder, "--readme", "--check").code, 1);
    Deno.removeSync(`${folder}/data/a-times.svg`);
    assertMatch(plot(folder, "--readme").stdout, /^Wrote README\.md, /);
  });
});

for (const page of ["README.md", "bench/RESULTS.md"]) {
  Deno.test(`the figures of ${page} are those of the reports that it names`, () => {
    const { code, stderr } = plot(new URL("..", import.meta.url).pathname, "--readme", page, "--check");
    assertEquals([code, stderr], [0, ""]);
  });
}

Deno.test("README stays short enough to be read", () => {
  const lines = Deno.readTextFileSync(new URL("../README.md", import.meta.url)).split("\n").length - 1;
  assert(lines <= 180, `${lines} lines`);
});

Deno.test("plot.ts needs only to read reports and to write where its charts go", () => {
  inFolder((folder) => {
    save(`${folder}/results/swiglu.json`, oneRow());
    const { code, stderr } = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--quiet",
        "--config",
        CONFIG,
        "--allow-read=results",
        "--allow-write=results",
        PLOT,
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).outputSync();
    assertEquals(new TextDecoder().decode(stderr).replace(/^Not drawn: .*\n/gm, ""), "");
    assertEquals(code, 0);
    assertEquals(namesIn(`${folder}/results`), ["charts", "report.html", "swiglu.json"]);
  });
});
