/** A GPU fails in the middle of a run of the whole program. Checks which rows are lost, and which go on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bench, filesIn, inFolder, reportIn, start, TINY } from "../program.ts";
import { withFaults } from "./program.ts";

/** How each variant of the faulty registry ends. */
const ENDS: readonly [variant: string, status: string, reason: string][] = [
  ["pytorch", "ok", ""],
  ["lost-at-submit", "failed", "the device is lost"],
  ["lost-in-wait", "failed", "panicked at"],
  ["hangs", "failed", "nothing happened for 10 s: it was ended"],
  ["ends", "failed", "the measuring process ended before its work was done"],
  ["dies-when-sampled", "failed", "the measuring process ended with status 101"],
  ["asks-for-too-much", "skipped", `needs ${2 ** 50} bytes`],
  ["tuned", "ok", ""],
];

Deno.test("a device lost at submit or in a wait, a hang, an early end: each costs its row; --resume keeps the rest", async () => {
  await withFaults((program) =>
    inFolder(async (folder) => {
      const args = [...TINY, "--modes", "forward", "--output-dir", folder];
      const { code, stdout, stderr } = await start([...args, "--timeout", "10"], { program }).ended;
      assertEquals(code, 1, stderr);
      const { rows } = reportIn(folder);
      assertEquals(rows.map(({ variant, status }) => [variant, status]), ENDS.map((end) => end.slice(0, 2)));
      for (const [i, [variant, status, reason]] of ENDS.entries()) {
        assertStringIncludes(stdout, variant);
        if (status === "ok") continue;
        assertStringIncludes(rows[i].reason!, reason);
        assertEquals([rows[i].timing, rows[i].reason!.includes("\n")], [null, false]);
      }
      assertEquals(filesIn(folder), ["swiglu.csv", "swiglu.json"]);
      const right = rows.filter(({ status }) => status === "ok");
      const resumed = await bench(
        folder,
        ...TINY,
        "--modes",
        "forward,full",
        "--resume",
        "--variants",
        "tuned",
      );
      assertEquals(resumed.code, 0, resumed.stderr);
      const kept = reportIn(folder).rows.map((row) => JSON.stringify(row));
      for (const row of right) assert(kept.includes(JSON.stringify(row)), `${row.variant} has changed`);
      assert(!kept.some((row) => row.includes("lost-in-wait")), "a failed row is not measured again");
    })
  );
});
