/**
 * The tidy CSV: one line for each row of the report, one column for each figure, its unit in the name.
 *
 * @module
 */

import { stringify } from "npm:deno-std@1.4.0/csv/stringify.js";
import { machineOf } from "./groups.ts";
import { type Report, type Row, row } from "./schema.ts";
import { type Fields, plain, text } from "./shape.ts";

type CsvCell = string | number | boolean | null | undefined;

/**
 * Text as a cell that no spreadsheet takes for a formula: one that starts like a formula, spaces and full-width
 * forms included, gets an apostrophe before it. Numbers need none, as only this program makes them.
 */
function safe(cell: CsvCell): string | number | boolean {
  if (typeof cell === "number" || typeof cell === "boolean") return cell;
  // A tab or carriage return at the start counts as well, so it must be seen before control characters become spaces.
  const risky = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(cell ?? "");
  return (risky ? "'" : "") + plain(cell ?? "", Infinity);
}

/** A column: its heading, and what stands in it. */
interface Figure {
  heading: string;
  of: (row: Row, report: Report) => CsvCell;
}

/** What the headings of the fields of a part begin with, where it is not nothing. */
const PREFIXES = new Map([["accuracy", "error"], ["gpuNs", "gpu"], ["wallNs", "wall"]]);

/** Fields of statistics that are no times. */
const WITHOUT_UNIT = ["cv", "n"];

/**
 * The columns of a part of a row, as the schema declares it: one for each value, one for a list of texts, two for an
 * interval, and none for other lists, which have no place in a line.
 */
function columnsOf(
  fields: Fields,
  { part = "", of }: { part?: string; of: (row: Row) => unknown },
): Figure[] {
  return Object.entries(fields).flatMap(([name, check]): Figure[] => {
    const valueOf = (row: Row) => (of(row) as Record<string, unknown> | null)?.[name] ?? null;
    if (check.fields) return columnsOf(check.fields, { part: name, of: valueOf });
    if (name === "ci") {
      const end = (i: number) => (row: Row) => (valueOf(row) as [number, number] | null)?.[i];
      return [{ heading: heading("ciLow", part), of: end(0) }, {
        heading: heading("ciHigh", part),
        of: end(1),
      }];
    }
    if (check.element === undefined) {
      return [{
        heading: heading(name, part),
        of: (row) => valueOf(row) as CsvCell,
      }];
    }
    if (check.element !== text) return [];
    return [{ heading: heading(name, part), of: (row) => (valueOf(row) as string[] | null)?.join(" ") }];
  });
}

/** `gpuMedianNs` of `median` in `gpuNs`. */
function heading(name: string, part: string): string {
  const prefix = PREFIXES.get(part);
  if (prefix === undefined) return name;
  const unit = part.endsWith("Ns") && !WITHOUT_UNIT.includes(name) ? "Ns" : "";
  return `${prefix}${name[0].toUpperCase()}${name.slice(1)}${unit}`;
}

/** The columns in order. */
const COLUMNS: readonly Figure[] = [
  { heading: "createdAt", of: (_, report) => report.createdAt },
  { heading: "device", of: (_, report) => machineOf(report) },
  ...columnsOf(row.fields, { of: (row) => row }),
];

/** Whether a CSV is one that {@linkcode renderCsv} made, in this version or an earlier one. */
export function isReportCsv(text: string): boolean {
  return text.startsWith(`${COLUMNS.slice(0, 2).map(({ heading }) => heading).join()},`);
}

/** The report as CSV with a heading; cells of what was not measured are empty. */
export function renderCsv(report: Report): string {
  const records = report.rows.map((row) =>
    Object.fromEntries(COLUMNS.map(({ heading, of }) => [heading, safe(of(row, report))]))
  );
  // The package ships no types.
  const text: string = stringify(records, { columns: COLUMNS.map(({ heading }) => heading) });
  return text;
}
