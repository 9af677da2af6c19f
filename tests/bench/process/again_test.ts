import { assertEquals } from "@std/assert";
import { resumeCommand } from "../../../bench/process/again.ts";

const BENCH = "file:///home/me/swiglu/bench.ts";

Deno.test("the command that goes on is a task in the project's folder, and names the program elsewhere", () => {
  const run = { folder: "results", json: false };
  assertEquals(resumeCommand(BENCH, run, "/home/me/swiglu"), "deno task bench --resume");
  for (const cwd of ["/home/me", null]) {
    assertEquals(resumeCommand(BENCH, run, cwd), "deno run -A /home/me/swiglu/bench.ts --resume");
  }
  assertEquals(
    resumeCommand("https://example.org/bench.ts", run, "/home/me"),
    "deno run -A https://example.org/bench.ts --resume",
  );
});

Deno.test("the command names the output folder as a shell reads it, and where the report goes", () => {
  const command = (folder: string, json = false) => resumeCommand(BENCH, { folder, json }, "/home/me/swiglu");
  assertEquals(command("out/a-1", true), "deno task bench --resume --output-dir out/a-1 --json -");
  assertEquals(command("my runs"), "deno task bench --resume --output-dir 'my runs'");
  assertEquals(command("it's; $HOME"), `deno task bench --resume --output-dir 'it'\\''s; $HOME'`);
});
