/**
 * Files that are replaced whole. A reader sees the old text or the new one, never a part of either.
 *
 * @module
 */

import { plain } from "../report/shape.ts";

/** A file that cannot be written or read; its message is one line that names it. */
export class FileError extends Error {
  override name = "FileError";
}

/** The folder of a path; `.` if the path names none. */
export function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  if (end < 0) return ".";
  return end === 0 ? "/" : path.slice(0, end);
}

/** What went wrong, in the operating system's words if it has any. */
export function reasonOf(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error), 200);
}

/** Writes a new file and waits for the disk, so that a rename never puts an empty file in place of a full one. */
function writeNew(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  writeAll(file, text);
  file.syncSync();
}

/** Writes all of a text. The system may take it in pieces. */
export function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
}

/**
 * Replaces the file at `path` by `text`, and makes its folder if there is none. The text goes to a temporary file in the same
 * folder, which is then renamed. If that fails, the file is as before and no temporary file remains.
 *
 * @throws {Error} As the system tells it; {@linkcode writeWhole} names the file.
 */
export function replaceWhole(path: string, text: string): void {
  const folder = folderOf(path);
  const temporary = `${folder}/.${crypto.randomUUID()}.tmp`;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    writeNew(temporary, text);
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It was never made, or is gone with its folder. Nothing is left to remove.
    }
    throw error;
  }
}

/**
 * As {@linkcode replaceWhole}.
 *
 * @throws {FileError} If the folder cannot be made or written, or the disk is full.
 */
export function writeWhole(path: string, text: string): void {
  try {
    replaceWhole(path, text);
  } catch (error) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    throw new FileError(
      `Cannot write ${plain(name, 200)} into the folder ${plain(folderOf(path), 200)}: ${reasonOf(error)}`,
    );
  }
}

/**
 * Reads a text file, without the byte order mark that some editors put before it. Only files are read, because opening a
 * pipe to which nobody writes would wait for ever.
 *
 * @throws {FileError} If it cannot be read; the message names it.
 */
export function readWhole(path: string): string {
  try {
    if (Deno.statSync(path).isFile) return Deno.readTextFileSync(path).replace(/^\uFEFF/, "");
  } catch (error) {
    throw new FileError(`Cannot read ${plain(path, 200)}: ${reasonOf(error)}`);
  }
  throw new FileError(`Cannot read ${plain(path, 200)} as it must be a file`);
}

/**
 * As {@linkcode readWhole}; null if there is no such file.
 *
 * @throws {FileError} If it cannot be read.
 */
export function textIn(path: string): string | null {
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
  }
  return readWhole(path);
}
