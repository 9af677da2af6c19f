/** Processes are killed at random moments. Finished rows are kept, and the others are measured. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Row } from "../../bench/report/schema.ts";
import { random } from "../bench/report/fixture.ts";
import { filesIn, inFolder, QUICK, reportIn, start } from "../program.ts";
import { freshSeed } from "../gpu.ts";

/** Kills of one test. */
const KILLS = 3;

const LINUX = Deno.build.os === "linux";
const ARGS = [...QUICK, "--sizes", "2x4x4,3x4x4", "--variants", "pytorch,liger"];
const ALL_ROWS = 2 * 2 * 3;

/** Ids of the processes whose parent this is, where the system has /proc. */
function childrenOf(id: number): number[] {
  const others = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
  return others.filter((other) => {
    try {
      const [, rest] = Deno.readTextFileSync(`/proc/${other}/stat`).split(") ");
      return Number(rest.split(" ")[1]) === id;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

const isRunning = (id: number) => filesIn("/proc").includes(String(id));

/** Waits for a part of the time that such a run takes, or until it ends. */
async function atSomeMoment(next: () => number, ended: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const moment = new Promise((done) => timer = setTimeout(done, 500 + 3500 * next()));
  await Promise.race([moment, ended]);
  clearTimeout(timer);
}

/** Waits until none of these processes is left. */
async function allGone(ids: readonly number[], about: string): Promise<void> {
  for (let i = 0; ids.some(isRunning); i++) {
    assert(i < 200, `${about}: a measuring process outlives its parent`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The finished rows in a folder, as text. */
function finishedIn(folder: string): string[] {
  const isFinished = ({ status }: Row) => status === "ok";
  const rows = filesIn(folder).includes("swiglu.json") ? reportIn(folder).rows : [];
  return rows.filter(isFinished).map((row) => JSON.stringify(row));
}

function assertKept(before: readonly string[], folder: string, about: string): void {
  const after = finishedIn(folder);
  for (const row of before) assert(after.includes(row), `${about}: a finished row is lost: ${row}`);
}

/** Asks to go on where there is a report. A run that was killed before it wrote one leaves nothing to resume. */
const resumeIn = (folder: string) => filesIn(folder).includes("swiglu.json") ? ["--resume"] : [];

async function assertResumes(folder: string, about: string): Promise<void> {
  const finished = finishedIn(folder);
  const { code, stderr } = await start([...ARGS, "--output-dir", folder, ...resumeIn(folder)]).ended;
  assertEquals(code, 0, `${about}: ${stderr}`);
  assertEquals(finishedIn(folder).length, ALL_ROWS, about);
  assertKept(finished, folder, about);
}

Deno.test({
  name: "a measuring process killed at random moments costs at most the row at work; every row ends",
  ignore: !LINUX,
  fn: async () => {
    const seed = freshSeed();
    const next = random(seed);
    await inFolder(async (folder) => {
      const { process, ended } = start([...ARGS, "--output-dir", folder]);
      let running = true;
      void ended.then(() => running = false);
      for (let kills = 0; running && kills < KILLS;) {
        await atSomeMoment(next, ended);
        for (const child of running ? childrenOf(process.pid) : []) {
          Deno.kill(child, "SIGKILL");
          kills++;
        }
      }
      const { code, stderr } = await ended;
      const { rows } = reportIn(folder);
      const failed = rows.filter(({ status }) => status === "failed");
      assertEquals(rows.length, ALL_ROWS, `seed ${seed}: ${stderr}`);
      assertEquals(code, failed.length > 0 ? 1 : 0);
      for (const { reason } of failed) assertStringIncludes(reason!, "ended by SIGKILL");
      assertEquals(filesIn(folder), ["swiglu.csv", "swiglu.json"]);
      await assertResumes(folder, `seed ${seed}`);
    });
  },
});

Deno.test({
  name: "bench killed at random moments leaves valid files with every row that it told, and no process",
  ignore: !LINUX,
  fn: async () => {
    const seed = freshSeed();
    const next = random(seed);
    await inFolder(async (folder) => {
      for (let kills = 0; kills < KILLS; kills++) {
        const before = finishedIn(folder);
        const { process, ended } = start([...ARGS, "--output-dir", folder, ...resumeIn(folder)]);
        await atSomeMoment(next, ended);
        const children = childrenOf(process.pid);
        try {
          process.kill("SIGKILL");
        } catch {
          // It has ended, as all was measured.
        }
        const { stderr } = await ended;
        await allGone(children, `seed ${seed}`);
        const told = stderr.match(/(pytorch|liger) (forward|backward|full), T .*: [\d.]+ /g)?.length ?? 0;
        const kept = finishedIn(folder).length;
        assert(kept >= before.length + told, `seed ${seed}: ${told} rows were told, ${kept} are kept`);
        assertKept(before, folder, `seed ${seed}`);
      }
      await assertResumes(folder, `seed ${seed}`);
    });
  },
});

Deno.test("the lock of a run that was killed is taken over, and that of one that runs is not", async () => {
  await inFolder(async (folder) => {
    const args = [...QUICK, "--sizes", "2x4x4", "--variants", "pytorch", "--modes", "forward"];
    const { process, ended } = start([...args, "--output-dir", folder]);
    while (!filesIn(folder).includes("swiglu.lock")) await new Promise((done) => setTimeout(done, 10));
    const second = await start([...args, "--output-dir", folder]).ended;
    assertEquals(second.code, 2, second.stderr);
    assertStringIncludes(second.stderr, "as another run measures into");
    process.kill("SIGKILL");
    await ended;
    assert(filesIn(folder).includes("swiglu.lock"), "it was killed, so its lock is left");
    const third = await start([...args, "--output-dir", folder]).ended;
    assertEquals(third.code, 0, third.stderr);
    assert(!filesIn(folder).includes("swiglu.lock"));
  });
});
