/** README's permissions are enough for each command, and none of them is too many. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { oneRow } from "./bench/report/fixture.ts";
import { BENCH, type Ended, follow, inFolder, PLOT, TINY } from "./program.ts";

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

/** Runs a program in a folder that has nothing but a report. */
async function inReportFolder(program: string, args: readonly string[]): Promise<Ended> {
  let ended: Ended | null = null;
  await inFolder(async (cwd) => {
    Deno.mkdirSync(`${cwd}/results`);
    Deno.writeTextFileSync(`${cwd}/${REPORT}`, JSON.stringify(oneRow()));
    ended = await follow(program, args, {}, cwd).ended;
  });
  return ended!;
}

function run(command: string, permissions: readonly string[]): Promise<Ended> {
  return inReportFolder(Deno.execPath(), [
    "run",
    "--no-prompt",
    "--quiet",
    ...permissions,
    ...COMMANDS[command],
  ]);
}

/**
 * Runs a command as {@linkcode run} does, but on a terminal, where Deno asks for what is missing and waits. It is ended
 * after so many seconds.
 */
function runOnTerminal(
  command: string,
  permissions: readonly string[],
  { seconds }: { seconds: number },
): Promise<Ended> {
  const words = [Deno.execPath(), "run", "--quiet", ...permissions, ...COMMANDS[command]];
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = ["script", "--quiet", "--return", "--command", quoted, "/dev/null"];
  // Deno asks nothing where this variable is set, as in CI.
  return inReportFolder("env", ["--unset=DENO_NO_PROMPT", "timeout", `${seconds}`, ...script]);
}

/** Whether `script` of util-linux is here, which gives a program a terminal. */
async function hasTerminals(): Promise<boolean> {
  try {
    return (await follow("script", ["--version"]).ended).stdout.includes("util-linux");
  } catch {
    return false;
  }
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

const ignore = !await hasTerminals();
const reason = ignore ? " (left out: there is no script of util-linux)" : "";

for (const [command, permissions] of stated()) {
  Deno.test({
    name: `${command} asks for nothing on a terminal with README's permissions${reason}`,
    ignore,
    fn: async () => {
      const { code, stdout } = await runOnTerminal(command, permissions, { seconds: 60 });
      assert(!/requests|Allow\?/.test(stdout), stdout);
      assertEquals(code, 0, stdout);
    },
  });
}

Deno.test({
  name: `a question on a terminal is seen${reason}`,
  ignore,
  fn: async () => {
    const { stdout } = await runOnTerminal("bench.ts compare", [], { seconds: 3 });
    assertStringIncludes(stdout, "requests read access");
  },
});
