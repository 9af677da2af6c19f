/** bench.ts and plot.ts by their address, in an empty folder and without a clone. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Ended, filesIn, follow, inFolder, reportIn, TINY } from "./program.ts";
import { serveProject } from "./project_server.ts";

/** Where this Deno keeps packages: they need not be fetched again. */
async function packageCache(): Promise<string> {
  const { stdout } = await follow(Deno.execPath(), ["info", "--json"]).ended;
  return `${JSON.parse(stdout).denoDir}/npm`;
}

/** Calls with a runner of the project's programs by URL, whose modules go into a cache of their own. */
async function byUrl(use: (run: (...args: string[]) => Promise<Ended>, folder: string) => Promise<void>) {
  await using project = serveProject();
  await inFolder((cache) =>
    inFolder(async (folder) => {
      await Deno.symlink(await packageCache(), `${cache}/npm`);
      const run = (program: string, ...args: string[]) =>
        follow(
          Deno.execPath(),
          ["run", "-A", "--quiet", `${project.origin}/${program}`, ...args],
          { DENO_DIR: cache, XDG_RUNTIME_DIR: "/tmp" },
          folder,
        ).ended;
      await use(run, folder);
    })
  );
}

Deno.test("bench.ts by URL lists and measures, its child included, and plot.ts by URL draws", async () => {
  await byUrl(async (run, folder) => {
    const list = await run("bench.ts", "--list");
    assertEquals([list.code, list.stderr], [0, ""]);
    assertStringIncludes(list.stdout, "tuned");
    const measured = await run("bench.ts", ...TINY, "--variants", "tuned", "--modes", "forward");
    assertEquals(measured.code, 0, measured.stderr);
    assertEquals(reportIn(`${folder}/results`).rows.map(({ status }) => status), ["ok"]);
    const drawn = await run("plot.ts");
    assertEquals(drawn.code, 0, drawn.stderr);
    assertEquals(filesIn(`${folder}/results`), ["charts", "report.html", "swiglu.csv", "swiglu.json"]);
    assertEquals(filesIn(folder), ["results"]);
  });
});
