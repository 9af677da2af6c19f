/**
 * The command that goes on with a run, as it can be typed into a shell.
 *
 * @module
 */

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { isGranted } from "./machine.ts";

/** What is gone on with. */
export interface Interrupted {
  /** The output folder, as it was given. */
  readonly folder: string;
  /** Whether the report goes to stdout in place of the tables. */
  readonly json: boolean;
}

/** Where `--output-dir` is not given. */
const DEFAULT_FOLDER = "results";

/**
 * The command that measures the rest of an interrupted run. Its other arguments are in the report.
 *
 * @param program URL of bench.ts.
 * @param cwd The folder in which commands are typed; null where it is not known.
 */
export function resumeCommand(program: string, { folder, json }: Interrupted, cwd = currentFolder()): string {
  const given = folder === DEFAULT_FOLDER ? [] : ["--output-dir", folder];
  return [...startOf(program, cwd), "--resume", ...given, ...json ? ["--json", "-"] : []].map(shellWord).join(
    " ",
  );
}

function startOf(program: string, cwd: string | null): string[] {
  if (!program.startsWith("file:")) return ["deno", "run", "-A", program];
  const path = fileURLToPath(program);
  return dirname(path) === cwd ? ["deno", "task", "bench"] : ["deno", "run", "-A", path];
}

/** Null where this program may not know it. */
function currentFolder(): string | null {
  return isGranted({ name: "read", path: "." }) ? Deno.cwd() : null;
}

/** A word as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
