/**
 * One run at a time in an output folder: two would replace each other's rows.
 *
 * @module
 */

import { plain } from "../report/shape.ts";
import { FileError } from "./files.ts";

const LOCK_FILE = "swiglu.lock";

/**
 * Locks a folder until disposed. The system holds the lock, and frees it however the process ends.
 *
 * @throws {FileError} If another run holds it.
 */
export function lockFolder(folder: string): Disposable {
  const path = `${folder}/${LOCK_FILE}`;
  const file = Deno.openSync(path, { read: true, write: true, create: true });
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
        // It went with its folder.
      }
      file.close();
    },
  };
}
