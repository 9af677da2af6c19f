/**
 * One run at a time in an output folder. Two would replace each other's rows.
 *
 * @module
 */

import { plain } from "../report/shape.ts";
import { FileError, reasonOf } from "./files.ts";

const LOCK_FILE = "swiglu.lock";

/**
 * Locks a folder until disposed. The system holds the lock, and frees it however the process ends.
 *
 * @throws {FileError} If another run holds it, or the folder is gone.
 */
export function lockFolder(folder: string): Disposable {
  const path = `${folder}/${LOCK_FILE}`;
  const file = opened(path);
  if (!file.tryLockSync(true)) {
    file.close();
    throw new FileError(
      `Cannot use --output-dir as another run measures into ${
        plain(folder, 200)
      }: wait for its end, or choose another`,
    );
  }
  return {
    [Symbol.dispose]: () => {
      try {
        Deno.removeSync(path);
      } catch {
        // It is gone with its folder.
      }
      file.close();
    },
  };
}

function opened(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true });
  } catch (error) {
    throw new FileError(`Cannot lock --output-dir by ${plain(path, 200)}: ${reasonOf(error)}`);
  }
}
