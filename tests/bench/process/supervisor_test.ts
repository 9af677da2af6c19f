import { assert, assertEquals } from "@std/assert";
import { FileError } from "../../../bench/process/files.ts";
import { type ChildWork, type Stop, Supervisor } from "../../../bench/process/supervisor.ts";

const PARENT = new URL("../../../bench/process/parent.ts", import.meta.url).href;
const INTERRUPTED = { status: 1, message: "interrupted" };

/** Children that tell back each item of their job, and do what `body` says about it. */
async function supervised(
  body: string,
  { items, onTake }: { items: string[]; onTake?: (supervisor: Supervisor) => void },
): Promise<{ taken: string[]; deaths: string[]; stop: Stop | null; started: number }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(
    path,
    `import { lineFromParent, tellParent } from "${PARENT}";
     for (const item of JSON.parse(await lineFromParent())) { ${body} tellParent(item); }
     Deno.exit(0);`,
  );
  const args = ["run", "--no-check", "--no-prompt", "--quiet", path];
  const supervisor = new Supervisor({ args, deadlineMs: 20_000 }, { interrupted: () => INTERRUPTED });
  const [taken, deaths]: string[][] = [[], []];
  let [left, started] = [items, 0];
  const work: ChildWork = {
    next: () => left.length === 0 ? null : left,
    take: (item) => {
      taken.push(item as string);
      left = left.filter((other) => other !== item);
      onTake?.(supervisor);
    },
    died: (reason) => {
      deaths.push(reason);
      left = left.slice(1); // the first item that is left is to blame
    },
  };
  try {
    const stop = await supervisor.supervised(() =>
      supervisor.runChildren({ ...work, next: () => (started++, work.next()) })
    );
    return { taken, deaths, stop, started };
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("one child does all the work where nothing happens to it", async () => {
  const { taken, deaths, stop } = await supervised("", { items: ["a", "b", "c"] });
  assertEquals([taken, deaths, stop], [["a", "b", "c"], [], null]);
});

Deno.test("a child that dies costs what it was at, and another goes on with the rest", async () => {
  const { taken, deaths } = await supervised(`if (item === "b") Deno.exit(7);`, {
    items: ["a", "b", "c", "d"],
  });
  assertEquals(taken, ["a", "c", "d"]);
  assertEquals(deaths, ["the measuring process ended with status 7"]);
});

Deno.test("a child that ends too early counts as dead", async () => {
  const { taken, deaths } = await supervised(`if (item === "b") Deno.exit(0);`, { items: ["a", "b", "c"] });
  assertEquals(taken, ["a", "c"]);
  assertEquals(deaths, ["the measuring process ended before its work was done"]);
});

Deno.test("a stop ends the child and takes nothing more; the first reason counts", async () => {
  const { taken, deaths, stop } = await supervised("", {
    items: ["a", "b", "c"],
    onTake: (supervisor) => {
      supervisor.stop(3, "enough");
      supervisor.stop(4, "too late");
      assert(supervisor.signal.aborted);
    },
  });
  assertEquals([taken, deaths, stop], [["a"], [], { status: 3, message: "enough" }]);
});

Deno.test("a file that cannot be written stops the run; another error is not swallowed", async () => {
  const { taken, stop } = await supervised("", {
    items: ["a", "b"],
    onTake: (supervisor) =>
      supervisor.guarded(1, () => {
        throw new FileError("Cannot write x");
      }),
  });
  assertEquals([taken, stop], [["a"], { status: 1, message: "Cannot write x" }]);
  const supervisor = new Supervisor({ args: [], deadlineMs: 1 }, { interrupted: () => INTERRUPTED });
  let thrown = "";
  try {
    supervisor.guarded(1, () => {
      throw new TypeError("a bug");
    });
  } catch (error) {
    thrown = (error as Error).message;
  }
  assertEquals(thrown, "a bug");
});

Deno.test("a signal stops the run with the status for interruptions", async () => {
  // Work that does not end by itself, so that the signal comes before its end however busy the machine is.
  const { stop } = await supervised(
    `if (item === "b") await new Promise((end) => setTimeout(end, 60_000));`,
    {
      items: ["a", "b"],
      onTake: () => Deno.kill(Deno.pid, "SIGTERM"),
    },
  );
  assertEquals(stop, INTERRUPTED);
});
