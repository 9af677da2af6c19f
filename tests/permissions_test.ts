/** README's permissions are enough for each command, and none of them is too many. */
import { assert, assertEquals } from "@std/assert";
import { oneRow } from "./bench/report/fixture.ts";
import { BENCH, type Ended, inFolder, PLOT, TINY } from "./program.ts";

const QUICKLY = [...TINY, "--variants", "tuned", "--modes", "forward"];
const REPORT = "results/swiglu.json";

/** What each command of README's table runs here. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "bench.ts": [BENCH, ...QUICKLY],
  "bench.ts tune": [BENCH, "tune", "--sizes", "4x8x8", "--variants", "pytorch"],
  "bench.ts compare": [BENCH, "compare", REPORT, REPORT],
  "plot.ts": [PLOT],
};

/** The permissions of each command, as README states them. */
function stated(): Map<string, string[]> {
  const text = Deno.readTextFileSync(new URL("../bench/README.md", import.meta.url));
  const lines = [...text.matchAll(/^\| `([^`]+)` +\| `(--allow-[^`]+)` +\|$/gm)];
  const deno = '$(deno eval "console.log(Deno.execPath())")';
  return new Map(
    lines.map(([, command, flags]) => [command, flags.replace(deno, Deno.execPath()).split(" ")]),
  );
}

/** Runs a command in a folder that has nothing but a report. */
async function run(command: string, permissions: readonly string[]): Promise<Ended> {
  let ended: Ended | null = null;
  await inFolder(async (cwd) => {
    Deno.mkdirSync(`${cwd}/results`);
    Deno.writeTextFileSync(`${cwd}/${REPORT}`, JSON.stringify(oneRow()));
    const args = ["run", "--no-prompt", "--quiet", ...permissions, ...COMMANDS[command]];
    const output = await new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    ended = { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  });
  return ended!;
}

Deno.test("README states permissions of every command", () => {
  assertEquals([...stated().keys()], Object.keys(COMMANDS));
});

for (const [command, permissions] of stated()) {
  Deno.test(`${command} runs with README's permissions, and ends in one line without one of them`, async () => {
    const { code, stderr } = await run(command, permissions);
    assertEquals(code, 0, stderr);
    for (const missing of permissions) {
      const { code, stderr } = await run(command, permissions.filter((flag) => flag !== missing));
      assertEquals(code, 2, `without ${missing}: ${stderr}`);
      const last = stderr.trim().split("\n").at(-1)!;
      assert(last.includes("access") || last.includes("--allow-"), `without ${missing}: ${stderr}`);
    }
  });
}
