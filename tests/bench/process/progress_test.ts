import { assert, assertEquals } from "@std/assert";
import { Progress } from "../../../bench/process/progress.ts";
import { formatDuration } from "../../../bench/report/estimate.ts";

function stageOf(isTerminal: boolean) {
  const stage = { text: "", nowMs: 0 };
  const progress = new Progress({
    write: (text) => void (stage.text += text),
    erase: () => void (stage.text += "\r\x1b[2K"),
    isTerminal,
    layout: { columns: 50, coloured: false },
    now: () => stage.nowMs,
  });
  return { stage, progress };
}

/** What a terminal of one line shows after all that was written, and the lines that stayed above it. */
function shown(text: string): { above: string[]; line: string } {
  const lines = text.split("\n").map((line) => line.split("\r\x1b[2K").at(-1)!);
  return { above: lines.slice(0, -1), line: lines.at(-1)! };
}

Deno.test("on a terminal one line is overwritten, fits, and vanishes", () => {
  const { stage, progress } = stageOf(true);
  progress.update("check, pytorch forward", 0);
  assertEquals(shown(stage.text).line, "  0 %  check, pytorch forward");
  stage.nowMs = 30_000;
  progress.update("samples of a name that is far too long for a line of fifty columns", 0.5);
  const { line, above } = shown(stage.text);
  assert(line.startsWith(" 50 %, about 30 s left  samples of") && line.length <= 49, line);
  assertEquals(above, []);
  progress.clear();
  assertEquals(shown(stage.text).line, "");
});

Deno.test("a line that stays goes above the progress line", () => {
  const { stage, progress } = stageOf(true);
  progress.update("check", 0.1);
  progress.line("warning: hot");
  progress.update("check", 0.2);
  assertEquals(shown(stage.text), { above: ["warning: hot"], line: " 20 %  check" });
});

Deno.test("a terminal shows of what is finished only what is important", () => {
  const { stage, progress } = stageOf(true);
  progress.finished("a: 3 ms", { important: false });
  progress.finished("b: failed", { important: true });
  progress.finished("c: failed: for a reason that the table has, and that is too long for a line", {
    important: true,
  });
  assertEquals(shown(stage.text).above, ["b: failed", "c: failed: for a reason that the table has, and t…"]);
});

Deno.test("without a terminal there are plain lines, each with how far it is and what is left", () => {
  const { stage, progress } = stageOf(false);
  stage.nowMs = 5000;
  progress.update("check", 0.25);
  assertEquals(stage.text, "");
  progress.finished("a: 3 ms", { important: false });
  progress.clear();
  assertEquals(stage.text, " 25 %, about 15 s left  a: 3 ms\n");
});

Deno.test("the time that is left never grows while nothing is told, and is left out once it is over", () => {
  const { stage, progress } = stageOf(true);
  const left = () => {
    progress.update("check", 0.25);
    return /about (\S+ \S+) left/.exec(shown(stage.text).line)?.[1] ?? null;
  };
  stage.nowMs = 10_000;
  const seconds = [left()];
  for (const ms of [20_000, 39_000, 41_000, 90_000]) {
    stage.nowMs = ms;
    seconds.push(left());
  }
  assertEquals(seconds, ["30 s", "20 s", "1 s", null, null]);
  progress.update("check", 0.5);
  assertEquals(shown(stage.text).line, " 50 %, about 90 s left  check");
});

Deno.test("no remaining time is guessed before anything is known", () => {
  const { stage, progress } = stageOf(false);
  stage.nowMs = 60_000;
  progress.update("", 0.01);
  progress.finished("a", { important: false });
  assertEquals(stage.text, "  1 %  a\n");
});

Deno.test("durations are in the unit that people use", () => {
  assertEquals([0, 800, 99_000, 100_000, 5 * 60_000, 7_500_000].map(formatDuration), [
    "1 s",
    "1 s",
    "99 s",
    "2 min",
    "5 min",
    "2 h 5 min",
  ]);
});
