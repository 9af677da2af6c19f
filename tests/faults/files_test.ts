/** Files changed since they were written: they are gone, corrupted, or from a newer suite. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { oneRow } from "../bench/report/fixture.ts";
import { bench, filesIn, follow, inFolder, PLOT, QUICK, reportIn, start, TINY } from "../program.ts";

Deno.test("a folder that goes away while it measures ends the run with status 1, naming it", async () => {
  await inFolder(async (folder) => {
    const target = `${folder}/out`;
    const args = [...QUICK, "--sizes", "2x4x4,3x4x4,4x4x4", "--variants", "pytorch", "--output-dir", target];
    const { ended } = start(args);
    // The lock is taken when the folder has been found good.
    while (!filesIn(folder).includes("out") || !filesIn(target).includes("swiglu.lock")) {
      await new Promise((done) => setTimeout(done, 20));
    }
    Deno.removeSync(target, { recursive: true });
    Deno.writeTextFileSync(target, "in the way");
    const { code, stderr } = await ended;
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "Cannot write");
    assert(!stderr.includes("report    "), `a report is named that nobody finds: ${stderr}`);
    assertEquals(filesIn(folder), ["out"]);
  });
});

/** Tables that no search has written, and what is told of each. */
const TABLES: readonly [name: string, text: string, told: string][] = [
  [
    "with an empty entry",
    '{"schema": "swiglu-tuning/1", "adapter": "x", "entries": [{}]}',
    "entries[0].product",
  ],
  ["cut off", '{"schema": "swiglu-tuning/1", "adapter": "x", "ent', "it must be JSON"],
  ["from a newer suite", '{"schema": "swiglu-tuning/2"}', 'current value is "swiglu-tuning/2"'],
  ["full of zeros", "\0".repeat(4096), "it must be JSON"],
];

for (const [name, text, told] of TABLES) {
  Deno.test(`a tuning table ${name} costs its tiles and a warning, not the run`, async () => {
    await inFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/tuning.json`, text);
      const { code, stderr } = await bench(folder, ...TINY, "--variants", "tuned", "--modes", "forward");
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /^warning {3}Cannot use .*$/m);
      const { settings, warnings, rows } = reportIn(folder);
      assertEquals([settings!.tuned, rows.length], [0, 1]);
      assert(warnings!.some((warning) => warning.includes("tuning.json") && warning.includes(told)));
      assertEquals(Deno.readTextFileSync(`${folder}/tuning.json`), text);
    });
  });
}

/** Reports that this suite cannot read, and what is told of each. */
const REPORTS: readonly [name: string, text: string, told: string][] = [
  ["from a newer suite", JSON.stringify({ ...oneRow(), schema: "swiglu-bench/2" }), "update the suite"],
  ["cut off", JSON.stringify(oneRow()).slice(0, -9), "it is not JSON"],
  ["full of zeros", "\0".repeat(4096), "it is not JSON"],
  ["of something else", '{"mine": true}', "$.schema must be"],
];

for (const [name, text, told] of REPORTS) {
  Deno.test(`a report ${name} is refused in one line by --resume, compare and plot, and stays as it is`, async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/swiglu.json`;
      Deno.writeTextFileSync(path, text);
      const runs = [
        start([...TINY, "--resume", "--output-dir", folder]),
        start(["compare", path, path]),
        follow(Deno.execPath(), ["run", "-A", "--quiet", PLOT, path]),
      ];
      for (const { ended } of runs) {
        const { code, stdout, stderr } = await ended;
        assertEquals([code, stdout], [2, ""], stderr);
        assertMatch(stderr, /^Cannot read (the report )?[^\n]*swiglu\.json as [^\n]*\n$/);
        assertStringIncludes(stderr, told);
      }
      assertEquals([filesIn(folder), Deno.readTextFileSync(path)], [["swiglu.json"], text]);
    });
  });
}
