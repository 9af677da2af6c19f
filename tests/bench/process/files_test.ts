import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FileError, folderOf, readWhole, writeWhole } from "../../../bench/process/files.ts";
import { lockFolder } from "../../../bench/process/lock.ts";

/** Runs the test in an empty folder, gone afterwards. */
function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();

Deno.test("writeWhole() makes the folder, replaces the file and leaves nothing else", () => {
  inFolder((folder) => {
    const path = `${folder}/new/deep/report.json`;
    writeWhole(path, "old, and longer than the new text");
    writeWhole(path, "new ✓");
    assertEquals(readWhole(path), "new ✓");
    assertEquals(namesIn(`${folder}/new/deep`), ["report.json"]);
  });
});

Deno.test("writeWhole() names the folder when it cannot write and leaves no temporary file", () => {
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "in the way");
    const blocked = assertThrows(() => writeWhole(`${folder}/file/a.json`, "{}"), FileError);
    assertStringIncludes(blocked.message, `Cannot write a.json into the folder ${folder}/file: `);
    Deno.mkdirSync(`${folder}/taken.json`);
    const taken = assertThrows(() => writeWhole(`${folder}/taken.json`, "{}"), FileError);
    assertStringIncludes(taken.message, `Cannot write taken.json into the folder ${folder}: `);
    assertEquals(namesIn(folder), ["file", "taken.json"]);
  });
});

Deno.test("readWhole() names the file that is missing", () => {
  const error = assertThrows(() => readWhole("/no/such/report.json"), FileError);
  assertStringIncludes(error.message, "Cannot read /no/such/report.json: ");
});

Deno.test("a folder takes one run at a time, and another when that has ended", () => {
  inFolder((folder) => {
    {
      using _lock = lockFolder(folder);
      assertThrows(() => lockFolder(folder), FileError, "another run measures into");
    }
    lockFolder(folder)[Symbol.dispose]();
    assertEquals(namesIn(folder), []);
  });
});

Deno.test("folderOf() knows the current folder and the root", () => {
  assertEquals(["a.json", "/a.json", "b/a.json"].map(folderOf), [".", "/", "b"]);
});

Deno.test("readWhole() takes a byte order mark away, and refuses a pipe without waiting for its writer", () => {
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a.json`, "\uFEFF{}");
    assertEquals(readWhole(`${folder}/a.json`), "{}");
    const made = Deno.build.os !== "windows" &&
      new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).outputSync().success;
    if (!made) return;
    const error = assertThrows(() => readWhole(`${folder}/pipe`), FileError);
    assertStringIncludes(error.message, `Cannot read ${folder}/pipe as it must be a file`);
  });
});
