/** What a terminal shows: as wide as it is, with colours unless they are unwanted. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BENCH, follow } from "../../program.ts";

const BOLD = "\u001b[1m";

/** Whether `script` of util-linux is here, which gives a program a terminal. */
async function hasTerminals(): Promise<boolean> {
  try {
    return (await follow("script", ["--version"]).ended).stdout.includes("util-linux");
  } catch {
    return false;
  }
}

/** The lines of `--list` on a terminal of so many columns; `variables` as `env` takes them. */
async function listing(columns: number, variables: readonly string[]): Promise<string[]> {
  const command = `stty cols ${columns} && '${Deno.execPath()}' run --quiet -A '${BENCH}' --list`;
  const script = ["script", "--quiet", "--return", "--command", command, "/dev/null"];
  const { code, stdout } = await follow("env", [...variables, ...script]).ended;
  assertEquals(code, 0, stdout);
  return stdout.split(/\r?\n/);
}

const plainLength = (line: string) => line.replace(/\p{Cc}\[\d*[A-Za-z]/gu, "").length;

const ignore = !await hasTerminals();
const reason = ignore ? " (left out: there is no script of util-linux)" : "";

Deno.test({
  name: `a terminal's width is kept, and it has colours unless NO_COLOR is set${reason}`,
  ignore,
  fn: async () => {
    for (const columns of [60, 100]) {
      const lines = await listing(columns, ["--unset=NO_COLOR", "COLUMNS=300"]);
      const longest = Math.max(...lines.map(plainLength));
      assert(longest <= columns && longest > columns - 12, `${longest} of ${columns}`);
      assertStringIncludes(lines.join("\n"), `${BOLD}Variants`);
    }
    const colourless = await listing(80, ["NO_COLOR=1"]);
    assert(!colourless.join("\n").includes(BOLD));
  },
});

Deno.test("a pipe has no colours and is wrapped for reading, or as COLUMNS says", async () => {
  const longest = async (variables: string[]) => {
    const args = [...variables, Deno.execPath(), "run", "-A", BENCH, "--list"];
    const { stdout } = await follow("env", ["--unset=NO_COLOR", ...args]).ended;
    assert(!stdout.includes("\u001b"));
    return Math.max(...stdout.split("\n").map((line) => line.length));
  };
  const [open, narrow] = [await longest(["--unset=COLUMNS"]), await longest(["COLUMNS=70"])];
  assert(open > 88 && open <= 100, `${open}`);
  assert(narrow > 58 && narrow <= 70, `${narrow}`);
});
