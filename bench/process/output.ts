/**
 * The files that a run leaves, replaced whole after every row.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { renderCsv } from "../report/csv.ts";
import { FileError, reasonOf, replaceWhole, textIn, writeAll, writeWhole } from "./files.ts";
import { parseReport } from "../report/reader.ts";
import type { Report } from "../report/schema.ts";
import { plain, printable } from "../report/shape.ts";

const JSON_FILE = "swiglu.json";
const CSV_FILE = "swiglu.csv";

/** What a run writes into its output folder. */
export const REPORT_FILES: readonly string[] = [JSON_FILE, CSV_FILE];

/** The report's file in an output folder. */
export function reportPath(folder: string): string {
  return `${folder}/${JSON_FILE}`;
}

/**
 * Makes sure that files of a folder can be written before a long run begins.
 *
 * @throws {FileError} If the folder cannot be made or written, or has something else under a file's name, naming it.
 */
export function ensureWritable(folder: string, files: readonly string[]): void {
  for (const file of files) {
    if (isNoFile(`${folder}/${file}`)) {
      throw new FileError(`Cannot use --output-dir as its ${file} must be a file: ${plain(folder, 200)}`);
    }
  }
  const probe = `${folder}/.${crypto.randomUUID()}.tmp`;
  try {
    replaceWhole(probe, "");
    Deno.removeSync(probe);
  } catch (error) {
    throw new FileError(
      `Cannot use --output-dir as its folder must be writable: ${plain(folder, 200)}: ${reasonOf(error)}`,
    );
  }
}

function isNoFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A digest of all that a report says, by which an edited one is known. */
export function digestOf(report: Report): string {
  const text = JSON.stringify({ ...report, digest: undefined });
  return createHash("sha256").update(text).digest("hex");
}

/** The report with its digest. */
export function signed(report: Report): Report {
  return { ...report, digest: digestOf(report) };
}

/**
 * Writes the report and its CSV.
 *
 * @throws {FileError} If the disk is full or the folder is gone; the files are then as before.
 */
export function writeReport(report: Report, folder: string): void {
  writeWhole(reportPath(folder), `${JSON.stringify(signed(report))}\n`);
  writeWhole(`${folder}/${CSV_FILE}`, renderCsv(report));
}

/**
 * Prints to stdout, which may be a file on a full disk. All that is printed there goes through here, and to stderr
 * through {@linkcode printError} or `terminal()`: they keep control characters away from the terminal.
 *
 * @throws {FileError} If it takes no more.
 */
export function print(text: string): void {
  try {
    writeAll(Deno.stdout, `${printable(text)}\n`);
  } catch (error) {
    throw new FileError(`Cannot write to stdout: ${reasonOf(error)}`);
  }
}

/** Prints a line to stderr. Where that takes no more, as on a full disk, nobody can be told. */
export function printError(text: string): void {
  try {
    writeAll(Deno.stderr, `${printable(text)}\n`);
  } catch {
    // Nobody can be told that nothing can be told.
  }
}

/**
 * The report in an output folder, null where there is none.
 *
 * @throws {FileError} If it cannot be read.
 * @throws {ReportError} If it is not one of ours.
 */
export function existingReport(folder: string): Report | null {
  const path = reportPath(folder);
  const text = textIn(path);
  return text === null ? null : parseReport(text, path);
}

/**
 * Gives the earlier report of a folder, and its CSV, a name with its time, so that a new one takes none away.
 *
 * @returns The new name of the report; null where there is none.
 * @throws {FileError} If it cannot be read.
 * @throws {ReportError} If it is not one of ours.
 */
export function keepEarlier(folder: string): string | null {
  const earlier = existingReport(folder);
  if (earlier === null) return null;
  const time = earlier.createdAt.slice(0, 19).replace(/[^0-9T]/g, "-");
  const unique = isThere(`${folder}/swiglu-${time}.json`) ? `${time}-${crypto.randomUUID()}` : time;
  Deno.renameSync(reportPath(folder), `${folder}/swiglu-${unique}.json`);
  if (isThere(`${folder}/${CSV_FILE}`)) {
    Deno.renameSync(`${folder}/${CSV_FILE}`, `${folder}/swiglu-${unique}.csv`);
  }
  return `${folder}/swiglu-${unique}.json`;
}

function isThere(path: string): boolean {
  return textIn(path) !== null;
}
