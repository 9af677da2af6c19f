import { assertEquals, assertStringIncludes } from "@std/assert";

const RUN = new URL("../../.ci/run", import.meta.url);
const README = "npx -y deno@2.9.6 task setup && npx -y deno@2.9.6 task test";

/** What each deno command prints and exits with, by the words behind "npx -y deno@2.9.6". */
type Script = Readonly<Record<string, string>>;

const GREEN: Script = {
  "task test": 'echo "ok | 12 passed (3 steps) | 0 failed | 2 ignored (1s)"',
  "task test:doc": 'echo "ok | 3 passed | 0 failed (20ms)"',
};

/** Runs a copy of .ci/run in a folder of its own, where npx and chromium are shell scripts. */
async function runWith(script: Script, readme = README): Promise<{ code: number; lines: string[] }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/.ci`);
    await Deno.copyFile(RUN, `${folder}/.ci/run`);
    await Deno.writeTextFile(`${folder}/README.md`, readme);
    const cases = Object.entries(script).map(([words, text]) => `"${words}") ${text};;`);
    await writeProgram(`${folder}/npx`, `shift 2\ncase "$*" in\n${cases.join("\n")}\nesac`);
    await writeProgram(`${folder}/chromium`, "exit 0");
    await writeProgram(`${folder}/.ci/tensor_cores`, script.tensor_cores ?? "exit 77");
    const path = `${folder}:${Deno.env.get("PATH")}`;
    const { code, stdout } = await new Deno.Command(`${folder}/.ci/run`, { env: { PATH: path } }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeProgram(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

Deno.test("the last line adds up the tests of all summaries, and the exit status is 0 when none failed", async () => {
  const { code, lines } = await runWith(GREEN);
  assertEquals(lines.slice(-2), ["3 skipped", "15 passed, 0 failed"]);
  assertEquals(code, 0);
});

Deno.test("tests on subgroup matrices count where the machine can run them", async () => {
  const green = await runWith({ ...GREEN, tensor_cores: 'echo "ok | 37 passed | 0 failed (9s)"' });
  assertEquals([green.code, ...green.lines.slice(-2)], [0, "2 skipped", "52 passed, 0 failed"]);
  const red = await runWith({ ...GREEN, tensor_cores: 'echo "FAILED | 36 passed | 1 failed (9s)"; exit 1' });
  assertEquals([red.code, red.lines.at(-1)], [1, "51 passed, 1 failed"]);
  const silent = await runWith({ ...GREEN, tensor_cores: "exit 0" });
  assertEquals([silent.code, silent.lines.at(-1)], [1, "15 passed, 1 failed"]);
});

Deno.test("failed tests are counted once, and fail the run", async () => {
  const failing = 'echo "FAILED | 7 passed | 2 failed (1s)"; exit 1';
  const { code, lines } = await runWith({ ...GREEN, "task test": failing });
  assertEquals(lines.at(-1), "10 passed, 2 failed");
  assertEquals(code, 1);
});

for (const [words, text] of [["fmt --check", "exit 1"], ["lint", "exit 1"], ["check", "exit 1"]]) {
  Deno.test(`deno ${words} counts as one failure when it fails`, async () => {
    const { code, lines } = await runWith({ ...GREEN, [words]: text });
    assertEquals(lines.at(-1), "15 passed, 1 failed");
    assertEquals(code, 1);
  });
}

Deno.test("tests that end without a summary, as after a type error, fail the run", async () => {
  const { code, lines } = await runWith({ ...GREEN, "task test": "echo error; exit 1" });
  assertEquals(lines.at(-1), "3 passed, 1 failed");
  assertEquals(code, 1);
});

Deno.test("a setup that fails stops the tests and fails the run", async () => {
  const { code, lines } = await runWith({ ...GREEN, "task setup": "exit 1" });
  assertEquals(lines.at(-1), "3 passed, 1 failed");
  assertEquals(code, 1);
});

Deno.test("a run without any test fails", async () => {
  const { code, lines } = await runWith({ ...GREEN, "task test": 'echo "ok | 0 passed | 0 failed (1ms)"' });
  assertEquals(lines.at(-1), "3 passed, 1 failed");
  assertEquals(code, 1);
});

Deno.test("a README without the command that was run fails", async () => {
  const { code, lines } = await runWith(GREEN, "npm test");
  assertEquals(lines.at(-1), "15 passed, 1 failed");
  assertStringIncludes(lines.join("\n"), "FAILED: README.md does not give the test command");
  assertEquals(code, 1);
});
