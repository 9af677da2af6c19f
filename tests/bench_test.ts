/** Runs bench.ts as a program. Checks exit status, files, output, and what is left after an interrupt or a crash. */
import { assert, assertEquals, assertGreater, assertMatch, assertStringIncludes } from "@std/assert";
import { parseTuning, TUNING_SCHEMA } from "../kernels/matmul/tuning.ts";
import { signed } from "../bench/process/output.ts";
import { parseReport } from "../bench/report/reader.ts";
import type { Report } from "../bench/report/schema.ts";
import { variants } from "../variants/mod.ts";
import { BENCH, bench, filesIn, firstRow, inFolder, QUICK, reportIn, start, TINY } from "./program.ts";

Deno.test("every variant and mode is measured, the table goes to stdout, everything else to stderr", async () => {
  await inFolder(async (folder) => {
    const env = { COLUMNS: "80" };
    const { code, stdout, stderr } = await start([...TINY, "--output-dir", folder], { env }).ended;
    assertEquals(code, 0, stderr);
    assertEquals(filesIn(folder), ["swiglu.csv", "swiglu.json"]);
    const { rows, settings, adapter, ceilings } = reportIn(folder);
    assertEquals(
      rows.map(({ mode, variant }) => `${mode} ${variant}`),
      ["forward", "backward", "full"].flatMap((mode) => variants.map(({ id }) => `${mode} ${id}`)),
    );
    assertEquals(new Set(rows.map(({ status }) => status)), new Set(["ok"]));
    assertEquals([settings!.sizes, settings!.flush], ["4x8x8", true]);
    assert(adapter.device !== "" && adapter.timestampPeriodNs! > 0 && ceilings.copyGBps! > 0);
    for (const { id } of variants) assertStringIncludes(stdout, id);
    for (const line of stdout.split("\n")) assert([...line].length <= 80, line);
    assertMatch(stderr, /^machine .*\nversions .*deno .*\nadapter /);
    assertStringIncludes(stderr, "100 %");
    assert(!stderr.includes("\x1b"), "a control sequence without a terminal");
    const csv = Deno.readTextFileSync(`${folder}/swiglu.csv`).trim().split("\n");
    assertEquals(csv.length, 1 + rows.length);
  });
});

Deno.test("--json - prints the report in place of the table; the least permissions are enough", async () => {
  await inFolder(async (folder) => {
    const permissions = [
      `--allow-run=${Deno.execPath()}`,
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
    ];
    const args = [...TINY, "--variants", "tuned", "--modes", "full", "--json", "-", "--output-dir", folder];
    const { code, stdout, stderr } = await start(args, { permissions }).ended;
    assertEquals(code, 0, stderr);
    assertEquals(parseReport(stdout, "stdout"), reportIn(folder));
  });
});

Deno.test("a missing permission is told in one line", async () => {
  const { code, stderr } = await start([...TINY], { permissions: [] }).ended;
  assertEquals(code, 2);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
});

const BAD: [string, string[], string][] = [
  ["an unknown argument", ["--size", "4"], '"--size"'],
  ["a malformed size", ["--sizes", "4x"], '"4x"'],
  ["a negative size", ["--sizes", "-4096"], '"-4096"'],
  ["tokens of zero", ["--sizes", "8", "--tokens", "0"], "--tokens"],
  ["nothing to resume", ["--resume"], "there is no swiglu.json in "],
  ["an unknown variant", ["--variants", "cuda"], '"cuda"'],
  ["comparing with a file that is none of ours", ["compare", BENCH, BENCH], "bench.ts as it is not JSON"],
  [
    "comparing with a file that is not there",
    ["compare", "/nowhere/a.json", "/nowhere/b.json"],
    "/nowhere/a.json",
  ],
];

for (const [name, args, named] of BAD) {
  Deno.test(`${name} ends with status 2, in one line that names it, and writes nothing`, async () => {
    await inFolder(async (folder) => {
      const target = `${folder}/out`;
      const measuring = args[0] === "compare" ? [] : ["--output-dir", target];
      const { code, stdout, stderr } = await start([...args, ...measuring]).ended;
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, named);
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
      assertEquals(filesIn(folder), []);
    });
  });
}

Deno.test("without an adapter the status is 3, one line says so, and no report is written", async () => {
  await inFolder(async (folder) => {
    // A backend that this system does not have: no driver is asked.
    const env = { DENO_WEBGPU_BACKEND: Deno.build.os === "darwin" ? "vulkan" : "metal" };
    const { code, stdout, stderr } = await start([...TINY, "--output-dir", folder], { env }).ended;
    assertEquals([code, stdout], [3, ""]);
    assertStringIncludes(stderr, "Cannot find a WebGPU adapter");
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertEquals(filesIn(folder), []);
  });
});

Deno.test("an output folder that cannot be written is refused before anything is measured", async () => {
  await inFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const { code, stderr } = await bench(`${folder}/file`, ...TINY);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "--output-dir");
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  });
});

Deno.test("--help, --list and --dry-run print, measure nothing and write nothing", async () => {
  await inFolder(async (folder) => {
    const help = await start(["--help"]).ended;
    assertEquals(help.code, 0);
    assertStringIncludes(help.stdout, "--sizes LIST");
    const list = await start(["--list"]).ended;
    for (const name of [...variants.map(({ id }) => id), "llama-3-8b", "gelu_tanh"]) {
      assertStringIncludes(list.stdout, name);
    }
    const dry = await bench(folder, ...TINY, "--dry-run", "--memory-budget", "500");
    assertEquals(dry.code, 0, dry.stderr);
    const skipped = dry.stdout.match(/skipped: needs \d+ bytes/g)?.length ?? 0;
    assertGreater(skipped, 0);
    assertStringIncludes(dry.stdout, `${3 * variants.length - skipped} rows, ${skipped} skipped, about`);
    assertEquals(filesIn(folder), []);
  });
});

Deno.test("--dry-run counts the time of peers that run, and of none that is refused", async () => {
  await inFolder(async (folder) => {
    const last = async (peers: string) => {
      const dry = await bench(folder, ...TINY, "--variants", "tuned", "--dry-run", "--peers", peers);
      assertEquals(dry.code, 0, dry.stderr);
      return dry.stdout.trim().split("\n").at(-1);
    };
    // Forward and full take 8 s each, and backward alone is refused; PyTorch runs on CUDA, and the adapter is a CPU.
    assertMatch((await last("tensorflow-js"))!, /^5 rows, 1 skipped, about (16|17|18) s$/);
    assertMatch((await last("pytorch-eager,pytorch-compile"))!, /^3 rows, 6 skipped, about [123] s$/);
  });
});

Deno.test("--resume keeps finished rows as they are and measures the rest; other settings are refused", async () => {
  await inFolder(async (folder) => {
    assertEquals((await bench(folder, ...TINY, "--variants", "tuned", "--modes", "full")).code, 0);
    const before = reportIn(folder);
    const refused = await bench(folder, ...TINY, "--resume", "--seed", "5");
    assertEquals(refused.code, 2);
    assertStringIncludes(
      refused.stderr,
      "Cannot use --resume as --seed must be 0, as in the report: current value is 5",
    );
    assertEquals(reportIn(folder), before);
    assertEquals(
      (await bench(folder, ...TINY, "--variants", "pytorch,tuned", "--modes", "full", "--resume")).code,
      0,
    );
    const after = reportIn(folder);
    assertEquals(after.rows.map(({ variant }) => variant), ["pytorch", "tuned"]);
    assertEquals(after.rows[1], before.rows[0]);
    assertEquals(after.createdAt, before.createdAt);
  });
});

Deno.test("a run that is interrupted before its first row is what --resume goes on with, not the one before it", async () => {
  await inFolder(async (folder) => {
    await bench(folder, ...TINY, "--variants", "liger", "--modes", "full");
    const before = reportIn(folder);
    const args = [...QUICK, "--sizes", "2x4x4", "--variants", "pytorch", "--modes", "forward"];
    const { process, ended } = start([...args, "--output-dir", folder]);
    while (!filesIn(folder).includes("swiglu.json") || reportIn(folder).createdAt === before.createdAt) {
      await new Promise((done) => setTimeout(done, 5));
    }
    process.kill("SIGINT");
    const { code, stderr } = await ended;
    assertEquals([code, reportIn(folder).rows], [1, []], stderr);
    assertStringIncludes(stderr, "Interrupted. What is left is measured by:\n  deno ");
    const resumed = await bench(folder, "--resume");
    assertEquals(resumed.code, 0, resumed.stderr);
    const [row, ...others] = reportIn(folder).rows;
    assertEquals([row.variant, row.mode, row.tokens, others], ["pytorch", "forward", 2, []]);
    const kept = filesIn(folder).filter((name) => /^swiglu-.*\.json$/.test(name));
    assertEquals(kept.map((name) => parseReport(Deno.readTextFileSync(`${folder}/${name}`), name)), [before]);
  });
});

Deno.test("--resume refuses a report that was edited, is of another adapter or of another driver", async () => {
  await inFolder(async (folder) => {
    await bench(folder, ...TINY, "--variants", "tuned", "--modes", "forward");
    const report = reportIn(folder);
    const driver = { version: "nvidia 1.0", usedBytes: null, clockMhz: null, temperatureCelsius: null };
    const nvidia = { ...report, adapter: { ...report.adapter, device: "NVIDIA X" } };
    Deno.writeTextFileSync(`${folder}/nvidia-smi`, "#!/bin/sh\necho NVIDIA X, 2.0, 1, 1, 1\n", {
      mode: 0o755,
    });
    const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };
    const cases: [Report, string][] = [
      [
        { ...report, ceilings: { ...report.ceilings, copyGBps: 1 } },
        "as swiglu.json must be as bench.ts wrote it",
      ],
      [
        signed({ ...nvidia, driver }),
        "as the driver must be nvidia 1.0, as in the report: current value is nvidia 2.0",
      ],
      [signed(nvidia), 'as the adapter\'s device must be "NVIDIA X", as in the report'],
    ];
    for (const [changed, told] of cases) {
      Deno.writeTextFileSync(`${folder}/swiglu.json`, JSON.stringify(changed));
      const args = ["--resume", "--modes", "full", "--output-dir", folder];
      const { code, stdout, stderr } = await start(args, { env }).ended;
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr.trim().split("\n").at(-1)!, told);
      assertEquals([reportIn(folder), stdout.includes("full")], [changed, false]);
    }
  });
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} leaves valid files with all finished rows, and --resume measures the rest`, async () => {
    await inFolder(async (folder) => {
      const sizes = signal === "SIGINT" ? "2x4x4,3x4x4" : "2x4x4,3x4x4,4x4x4,5x4x4";
      const args = [...QUICK, "--sizes", sizes, "--variants", "pytorch", "--output-dir", folder];
      const all = 3 * sizes.split(",").length;
      const { process, ended } = start(args);
      await firstRow(folder);
      process.kill(signal);
      const { code, stdout, stderr } = await ended;
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, `--resume --output-dir ${folder}`);
      const interrupted = reportIn(folder).rows;
      assert(interrupted.length > 0 && interrupted.length < all, `${interrupted.length} rows`);
      assertStringIncludes(stdout, "pytorch");
      assertEquals(filesIn(folder), ["swiglu.csv", "swiglu.json"]);
      if (signal !== "SIGINT") return; // the rest is the same
      const resumed = await start(["--resume", "--output-dir", folder]).ended;
      assertEquals(resumed.code, 0, resumed.stderr);
      const told = new RegExp(
        `^resumes   the run of ${reportIn(folder).createdAt} with ${interrupted.length} `,
      );
      assertMatch(resumed.stderr, told);
      assertStringIncludes(resumed.stderr, "--sizes 2x4x4,3x4x4 --variants pytorch");
      const { rows } = reportIn(folder);
      assertEquals(rows.length, all);
      const texts = rows.map((row) => JSON.stringify(row));
      for (const row of interrupted) {
        assert(texts.includes(JSON.stringify(row)), "a finished row has changed");
      }
    });
  });
}

Deno.test("peers are rows of the same report, in their place; one that cannot run is skipped with its reason", async () => {
  await inFolder(async (folder) => {
    const args = [...TINY, "--variants", "tuned", "--modes", "forward,full", "--peers", "pytorch-eager"];
    const { code, stdout, stderr } = await bench(folder, ...args, "--adapter", "software");
    assertEquals(code, 0, stderr);
    const { rows, adapter } = reportIn(folder);
    const names = rows.map(({ mode, variant }) => `${mode} ${variant}`);
    assertEquals(names.toSorted(), [
      "forward peer:pytorch-eager",
      "forward tuned",
      "full peer:pytorch-eager",
      "full tuned",
    ]);
    assert(adapter.software);
    for (const { variant, status, reason } of rows) {
      if (variant === "tuned") assertEquals(status, "ok");
      else assertEquals([status, reason!.includes("CUDA")], ["skipped", true]);
    }
    assertStringIncludes(stdout, "peer:pytorch-eager");
    const resumed = await bench(folder, ...args, "--adapter", "software", "--resume");
    assertEquals([resumed.code, reportIn(folder).rows], [0, rows]);
    assertStringIncludes(resumed.stderr, "nothing of that run is left to measure");
  });
});

Deno.test("tune keeps what it found for each product as a table", async () => {
  await inFolder(async (folder) => {
    const args = ["tune", "--sizes", "4x8x8", "--variants", "pytorch", "--output-dir", folder];
    const { code, stdout, stderr } = await start(args).ended;
    assertEquals(code, 0, stderr);
    const table = parseTuning(Deno.readTextFileSync(`${folder}/tuning.json`), "tuning.json");
    assertEquals(stdout.trim().split("\n").length, table.entries.length);
    assert(table.entries.length > 0 && table.adapter !== "");
    const more = await start(args.with(2, "4x8x12")).ended;
    assertEquals(more.code, 0, more.stderr);
    const grown = parseTuning(Deno.readTextFileSync(`${folder}/tuning.json`), "tuning.json");
    const names = (entries: typeof table.entries) => entries.map(({ product }) => product);
    assertEquals(names(grown.entries).slice(0, table.entries.length), names(table.entries));
    assertEquals(new Set(names(grown.entries)).size, grown.entries.length);
    assert(grown.entries.length > table.entries.length);
    const used = await bench(folder, ...TINY, "--variants", "pytorch", "--modes", "forward");
    assertEquals([used.code, reportIn(folder).settings!.tuned], [0, grown.entries.length], used.stderr);
  });
});

Deno.test("tune keeps a table of another adapter, and one that it cannot read", async () => {
  await inFolder(async (folder) => {
    const other = JSON.stringify({ schema: TUNING_SCHEMA, adapter: "another GPU", entries: [] });
    for (const [text, why] of [[other, "as that is of another GPU"], ["{}", "its schema must be"]]) {
      Deno.writeTextFileSync(`${folder}/tuning.json`, text);
      const args = ["tune", "--sizes", "4x8x8", "--variants", "pytorch", "--output-dir", folder];
      const { code, stderr } = await start(args).ended;
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, why);
      assertStringIncludes(stderr, "choose another --output-dir");
      assertEquals(Deno.readTextFileSync(`${folder}/tuning.json`), text);
    }
  });
});

Deno.test("compare finds no difference between a report and itself, and refuses reports without a common row", async () => {
  await inFolder(async (folder) => {
    const args = [
      "--sizes",
      "4x8x8",
      "--variants",
      "tuned",
      "--modes",
      "full",
      "--samples",
      "6",
      "--min-time",
      "1",
    ];
    assertEquals((await bench(`${folder}/a`, ...args)).code, 0);
    const [a, b] = [`${folder}/a/swiglu.json`, `${folder}/b.json`];
    const same = await start(["compare", a, a, "--fail-on-regression", "1"]).ended;
    assertEquals(same.code, 0, same.stderr);
    assertStringIncludes(same.stdout, "1 row compared: 1 same\nno regression of more than 1 %");
    Deno.writeTextFileSync(b, JSON.stringify({ ...reportIn(`${folder}/a`), rows: [] }));
    const none = await start(["compare", a, b]).ended;
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "no row in common");
  });
});

Deno.test("a run keeps the earlier report of its folder, and refuses a file that is none", async () => {
  await inFolder(async (folder) => {
    const args = [...TINY, "--variants", "tuned", "--modes", "forward"];
    await bench(folder, ...args);
    const before = reportIn(folder);
    const { code, stderr } = await bench(folder, ...args);
    assertEquals(code, 0, stderr);
    const kept = /^kept {6}(\S+), the earlier report$/m.exec(stderr)![1];
    assertEquals(JSON.parse(Deno.readTextFileSync(kept)), before);
    Deno.writeTextFileSync(`${folder}/swiglu.json`, '{"mine": true}');
    assertEquals((await bench(folder, ...args)).code, 2);
    assertEquals(Deno.readTextFileSync(`${folder}/swiglu.json`), '{"mine": true}');
  });
});

Deno.test("a swiglu.csv that is none of ours is refused, with and without a report; one of ours is kept", async () => {
  await inFolder(async (folder) => {
    const args = [...TINY, "--variants", "tuned", "--modes", "forward"];
    const path = `${folder}/swiglu.csv`;
    Deno.writeTextFileSync(path, "mine,yours\n1,2\n");
    const alone = await bench(folder, ...args);
    assertEquals([alone.code, Deno.readTextFileSync(path)], [2, "mine,yours\n1,2\n"]);
    assertStringIncludes(alone.stderr, "as its swiglu.csv must be one that bench.ts wrote");
    Deno.removeSync(path);
    assertEquals((await bench(folder, ...args)).code, 0);
    const ours = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, "mine,yours\n1,2\n");
    const beside = await bench(folder, ...args, "--resume");
    assertEquals([beside.code, Deno.readTextFileSync(path)], [2, "mine,yours\n1,2\n"]);
    Deno.writeTextFileSync(path, ours);
    Deno.removeSync(`${folder}/swiglu.json`);
    const { stderr } = await bench(folder, ...args);
    const kept = /^kept {6}(\S+\.csv), the earlier report$/m.exec(stderr)![1];
    assertEquals(Deno.readTextFileSync(kept), ours);
  });
});
