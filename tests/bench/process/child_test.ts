import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Child, type ChildEnd } from "../../../bench/process/child.ts";

const PARENT = new URL("../../../bench/process/parent.ts", import.meta.url).href;

/** Runs a child with this body, which may call `lineFromParent` and `tellParent`. */
async function childOf(
  body: string,
  options: { input?: string; deadlineMs?: number; whileRunning?: (child: Child, lines: string[]) => void } =
    {},
): Promise<{ end: ChildEnd; lines: string[] }> {
  const { input = "hello", deadlineMs = 20_000, whileRunning } = options;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, `import { lineFromParent, tellParent } from "${PARENT}";\n${body}`);
    const lines: string[] = [];
    const child: Child = new Child({
      args: ["run", "--no-check", "--no-prompt", "--quiet", path],
      env: { NO_COLOR: "1" },
      input,
      deadlineMs,
      onLine: (line) => {
        lines.push(line);
        whileRunning?.(child, lines);
      },
    });
    return { end: await child.end, lines };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a child is told one line, and tells many, whole however long they are", async () => {
  const body = `
    const job = JSON.parse(await lineFromParent());
    for (let i = 0; i < 3; i++) tellParent({ i, text: job.text.repeat(100000) });
    Deno.exit(0);`;
  const { end, lines } = await childOf(body, { input: JSON.stringify({ text: "ä\n" }) });
  assertEquals(end, { ok: true, reason: "" });
  assertEquals(lines.map((line) => JSON.parse(line).i), [0, 1, 2]);
  assert(lines.every((line) => JSON.parse(line).text === "ä\n".repeat(100000)));
});

Deno.test({
  name: "a child that leaves a process behind, which keeps its output open, has ended all the same",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const lines: string[] = [];
    const start = performance.now();
    const child = new Child({
      command: "sh",
      args: ["-c", "sleep 20 & echo done"],
      env: {},
      input: "",
      deadlineMs: 20_000,
      onLine: (line) => lines.push(line),
    });
    assertEquals(await child.end, { ok: true, reason: "" });
    assertEquals(lines, ["done"]);
    assert(performance.now() - start < 15_000, "it was not waited for");
  },
});

Deno.test("a child that throws ends with its own words as the reason", async () => {
  const { end } = await childOf(`console.error("some warning"); throw new Error("the moon is too small");`);
  assertEquals(end.ok, false);
  assertStringIncludes(end.reason, "ended with status 1");
  assertStringIncludes(end.reason, "the moon is too small");
  assert(!end.reason.includes("\n"));
});

Deno.test("a panic is told by its message, not by what it prints behind it", async () => {
  const { end } = await childOf(`
    console.error("thread 'main' panicked at src/wait.rs:10:2:");
    console.error("Device lost");
    console.error("note: run with a backtrace");
    Deno.exit(101);`);
  assertEquals(
    end.reason,
    "the measuring process ended with status 101: thread 'main' panicked at src/wait.rs:10:2: Device lost",
  );
});

Deno.test("a child that is killed says so, and what it told before is not lost", async () => {
  const body = `tellParent("one"); await new Promise((done) => setTimeout(done, 60000));`;
  const { end, lines } = await childOf(body, { whileRunning: (child) => child.kill() });
  assertEquals(lines, ['"one"']);
  assertEquals(end, { ok: false, reason: "the measuring process was ended by SIGKILL" });
});

Deno.test("half a line of a child that dies while it writes is not taken for a line", async () => {
  const body = `
    tellParent({ whole: true });
    Deno.stdout.writeSync(new TextEncoder().encode('{"half":'));
    Deno.stderr.writeSync(new TextEncoder().encode("last words without an end"));
    Deno.exit(9);`;
  const { end, lines } = await childOf(body);
  assertEquals(lines, ['{"whole":true}']);
  assertEquals(end.reason, "the measuring process ended with status 9: last words without an end");
});

Deno.test("silence beyond the deadline ends a child; each line begins the deadline anew", async () => {
  // The lines take longer than the deadline, which a busy machine does not exceed before the first line or between two.
  const body = `
    for (let i = 0; i < 5; i++) { tellParent(i); await new Promise((done) => setTimeout(done, 1000)); }
    while (true);`;
  const { end, lines } = await childOf(body, { deadlineMs: 4000 });
  assertEquals(lines.length, 5);
  assertEquals(end, { ok: false, reason: "nothing happened for 4 s: it was ended" });
});

Deno.test("a child ends by itself when its parent is gone", async () => {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    path,
    `import { lineFromParent, tellParent } from "${PARENT}";
     await lineFromParent(); tellParent("ready"); setInterval(() => {}, 1000);`,
  );
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", path],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode("job\n"));
  const reader = process.stdout.getReader();
  await reader.read();
  await writer.close(); // as the end of the parent does
  const { code } = await process.status;
  await reader.cancel();
  await Deno.remove(path);
  assertEquals(code, 1);
});
