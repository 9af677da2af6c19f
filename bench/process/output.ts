/**
 * The files that a run leaves, replaced whole after every row.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isReportCsv, renderCsv } from "../report/csv.ts";
import { FileError, reasonOf, replaceWhole, textIn, writeAll, writeWhole } from "./files.ts";
import { parseReport } from "../report/reader.ts";
import type { Report } from "../report/schema.ts";
import { betweenPaint } from "../report/layout.ts";
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

/** A digest of all that a report says. It shows whether a report was edited. */
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
 * Prints to stdout, which may be a file on a full disk. All output to stdout goes through here, and all to stderr through
 * {@linkcode printError} or `terminal()`, because they keep control characters away from the terminal.
 *
 * @throws {FileError} If it takes no more.
 */
export function print(text: string): void {
  try {
    writeAll(Deno.stdout, `${betweenPaint(text, printable)}\n`);
  } catch (error) {
    throw new FileError(`Cannot write to stdout: ${reasonOf(error)}`);
  }
}

/** Prints a line to stderr. If stderr takes no more, as on a full disk, nobody can be told. */
export function printError(text: string): void {
  try {
    writeAll(Deno.stderr, `${printable(text)}\n`);
  } catch {
    // There is no other place to tell it.
  }
}

/**
 * The report in an output folder; null if there is none.
 *
 * @throws {FileError} If it cannot be read, or the folder has a swiglu.csv that is not one of ours.
 * @throws {ReportError} If it is not one of ours.
 */
export function existingReport(folder: string): Report | null {
  const path = reportPath(folder);
  const text = textIn(path);
  const report = text === null ? null : parseReport(text, path);
  const csv = textIn(`${folder}/${CSV_FILE}`);
  if (csv === null || isReportCsv(csv)) return report;
  throw new FileError(
    `Cannot use --output-dir as its ${CSV_FILE} must be one that bench.ts wrote: move it out of ${
      plain(folder, 200)
    }`,
  );
}

/**
 * Keeps the earlier report of a folder, and its CSV, under names with its time, so that a new one does not replace them.
 *
 * @returns The new name of the report, or of the CSV if there was only that; null if there was nothing.
 * @throws {FileError} If it cannot be read, or is not one of ours.
 * @throws {ReportError} If it is not one of ours.
 */
export function keepEarlier(folder: string): string | null {
  const createdAt = existingReport(folder)?.createdAt ?? new Date().toISOString();
  const there = REPORT_FILES.filter((file) => isThere(`${folder}/${file}`));
  const time = createdAt.slice(0, 19).replace(/[^0-9T]/g, "-");
  const named = (name: string, file: string) => `${folder}/${file.replace("swiglu", name)}`;
  const taken = REPORT_FILES.some((file) => isThere(named(`swiglu-${time}`, file)));
  const name = `swiglu-${time}${taken ? `-${crypto.randomUUID()}` : ""}`;
  for (const file of there) Deno.renameSync(`${folder}/${file}`, named(name, file));
  return there.length === 0 ? null : named(name, there[0]);
}

function isThere(path: string): boolean {
  return textIn(path) !== null;
}
