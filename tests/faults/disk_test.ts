/** The disk is full. Earlier files stay as they were, and one line says what happened. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { FileError, writeWhole } from "../../bench/process/files.ts";
import { BENCH, bench, type Ended, filesIn, follow, inFolder, PLOT, reportIn, TINY } from "../program.ts";

const LINUX = Deno.build.os === "linux";
const FULL = "No space left on device";
const REPORT = new URL("../data/nvidia_h200.json", import.meta.url).pathname;

/**
 * Gives a command a disk of 64 KiB in place of the folder $1, which begins as a copy of $2, and brings back in $2 what
 * is left on it.
 */
const ON_SMALL_DISK = `
  mount -t tmpfs -o size=64k none "$1" && cp -a "$2/." "$1" && folder=$1 kept=$2 && shift 2 || exit 99
  "$@"; status=$?
  rm -rf "$kept"/* && cp -a "$folder/." "$kept" && exit $status`;

function onSmallDisk(folder: string, kept: string, ...command: string[]): Promise<Ended> {
  const own = ["--user", "--map-root-user", "--mount", "sh", "-c", ON_SMALL_DISK, "sh"];
  return follow("unshare", [...own, folder, kept, ...command]).ended;
}

/** Whether this system lets a user mount a disk of their own. */
async function mayMount(): Promise<boolean> {
  if (!LINUX) return false;
  const ask = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"];
  return await follow("unshare", ask).ended.then(({ code }) => code === 0, () => false);
}

const ignore = !await mayMount();
const deno = (...args: string[]) => [Deno.execPath(), "run", "-A", "--quiet", ...args];

/** Calls with a folder to mount on, and one for what is left. */
async function inFolders(use: (folder: string, kept: string) => Promise<void>): Promise<void> {
  await inFolder((folder) => inFolder((kept) => use(folder, kept)));
}

Deno.test({
  name:
    "a disk that fills up while bench measures: finished rows are kept, one line says so, --resume has the rest",
  ignore,
  fn: async () => {
    await inFolders(async (folder, kept) => {
      const { code, stderr } = await onSmallDisk(
        folder,
        kept,
        ...deno(BENCH, ...TINY, "--output-dir", folder),
      );
      assertEquals(code, 1, stderr);
      const told = stderr.match(/ (forward|backward|full), T .*: [\d.]+ /g)?.length ?? 0;
      const { rows } = reportIn(kept);
      assert(rows.length >= told && told > 2 && rows.length < 24, `${told} told, ${rows.length} kept`);
      assertMatch(
        stderr,
        new RegExp(`\\nCannot write swiglu\\.\\w+ into the folder ${folder}: ${FULL}.*\\n$`),
      );
      assertEquals(stderr.split(FULL).length, 2, stderr);
      assert(!stderr.includes("report    "), `a report is named that could not be written: ${stderr}`);
      assertEquals(filesIn(kept), ["swiglu.csv", "swiglu.json"]);
      const resumed = await bench(kept, ...TINY, "--resume");
      assertEquals([resumed.code, reportIn(kept).rows.length], [0, 24], resumed.stderr);
      const texts = reportIn(kept).rows.map((row) => JSON.stringify(row));
      for (const row of rows) assert(texts.includes(JSON.stringify(row)), "a finished row has changed");
    });
  },
});

Deno.test({
  name: "a disk that fills up while plot draws: the old page stays, and one line says so",
  ignore,
  fn: async () => {
    await inFolders(async (folder, kept) => {
      const page = "the old page\n<!-- drawn by plot.ts -->\n";
      Deno.writeTextFileSync(`${kept}/report.html`, page);
      const args = deno(PLOT, REPORT, "--output-dir", folder);
      const { code, stdout, stderr } = await onSmallDisk(folder, kept, ...args);
      assertEquals([code, stdout], [2, ""], stderr);
      assertMatch(
        stderr.replace(/^Not drawn: .*\n/gm, ""),
        new RegExp(`^Cannot write [^\n]*: ${FULL}[^\n]*\n$`),
      );
      assertEquals(Deno.readTextFileSync(`${kept}/report.html`), page);
      assertEquals(filesIn(kept), ["charts", "report.html"]);
      for (const name of filesIn(`${kept}/charts`)) assertMatch(name, /^[\w-]+\.svg$/);
    });
  },
});

Deno.test({
  name: "a file is replaced whole or not at all, however little the disk takes",
  ignore: !LINUX,
  fn: async () => {
    const { openSync } = Deno;
    await inFolder((folder) => {
      writeWhole(`${folder}/report.json`, "the old text");
      try {
        // /dev/full opens as any file does, and takes nothing.
        Deno.openSync = (path, options) => {
          openSync(path, options).close();
          return openSync("/dev/full", { write: true });
        };
        const error = assertThrows(() => writeWhole(`${folder}/report.json`, "the new text"), FileError);
        assertStringIncludes(error.message, `Cannot write report.json into the folder ${folder}: ${FULL}`);
      } finally {
        Deno.openSync = openSync;
      }
      assertEquals(Deno.readTextFileSync(`${folder}/report.json`), "the old text");
      assertEquals(filesIn(folder), ["report.json"]);
      return Promise.resolve();
    });
  },
});

Deno.test({
  name:
    "output that goes to a full disk ends in one line, or the run goes on unseen; the report has every row",
  ignore: !LINUX,
  fn: async () => {
    const args = [...TINY, "--variants", "tuned", "--modes", "full", "--json", "-", "--output-dir"];
    for (const [to, status] of [["stdout", 1], ["stderr", 0]] as const) {
      await inFolder(async (folder) => {
        const redirect = `exec "$@" ${to === "stdout" ? ">" : "2>"}/dev/full`;
        const { code, stdout, stderr } = await follow("sh", [
          "-c",
          redirect,
          "sh",
          ...deno(BENCH, ...args, folder),
        ]).ended;
        assertEquals([code, reportIn(folder).rows.length], [status, 1], stderr);
        if (to === "stdout") assertMatch(stderr, new RegExp(`\nCannot write to stdout: ${FULL}.*\n$`));
        else assertEquals(JSON.parse(stdout), reportIn(folder));
      });
    }
  },
});

Deno.test({
  name: "plot.ts, tune, compare and --list end in one line where stdout is a full disk",
  ignore: !LINUX,
  fn: async () => {
    await inFolder(async (folder) => {
      const commands = [
        deno(PLOT, REPORT, "--output-dir", folder),
        deno(PLOT, "--help"),
        deno(BENCH, "tune", "--sizes", "4x8x8", "--variants", "pytorch", "--output-dir", folder),
        deno(BENCH, "compare", REPORT, REPORT),
        deno(BENCH, "--list"),
      ];
      for (const command of commands) {
        const { code, stderr } = await follow("sh", ["-c", 'exec "$@" >/dev/full', "sh", ...command]).ended;
        const about = command.join(" ");
        assertEquals(code, 2, `${about}: ${stderr}`);
        // Before it, tune names the adapter and its columns, and plot what it does not draw.
        const lines = stderr.trim().replace(/^(Not drawn: .*|.*: \d+ products|fastest tile .*)$/gm, "")
          .trim();
        assertMatch(lines, new RegExp(`^Cannot write to stdout: ${FULL}.*$`), about);
      }
    });
  },
});
