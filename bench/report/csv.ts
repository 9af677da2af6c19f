/**
 * The report as tidy CSV: a line for each row, a column for each figure. The name of a column ends in its unit.
 *
 * @module
 */

import { stringify } from "npm:deno-std@1.4.0/csv/stringify.js";
import { machineOf } from "./groups.ts";
import { type Report, type Row, row } from "./schema.ts";
import { type Fields, plain, text } from "./shape.ts";

type Cell = string | number | boolean | null | undefined;

/**
 * A cell that no spreadsheet takes for a formula. Text that starts like a formula gets an apostrophe before it, also after
 * spaces and in full-width forms. Numbers need none, as only this program makes them.
 */
function safe(cell: Cell): string | number | boolean {
  if (typeof cell === "number" || typeof cell === "boolean") return cell;
  // Spreadsheets skip a tab or carriage return at the start. `plain` would hide it, so it is looked for first.
  const risky = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(cell ?? "");
  return (risky ? "'" : "") + plain(cell ?? "", Infinity);
}

/** A column: its heading, and its value for a row. */
interface Figure {
  heading: string;
  of: (row: Row, report: Report) => Cell;
}

/** Prefixes of headings, by the part of a row that the field is in. Other parts have none. */
const PREFIXES = new Map([["accuracy", "error"], ["gpuNs", "gpu"], ["wallNs", "wall"]]);

/** Fields of statistics that are not times. */
const WITHOUT_UNIT = ["cv", "n"];

/**
 * The columns of a part of a row, which follow from its schema. A value and a list of texts have one column, an interval
 * has two. Other lists have none, because they do not fit in a line.
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
        of: (row) => valueOf(row) as Cell,
      }];
    }
    if (check.element !== text) return [];
    return [{ heading: heading(name, part), of: (row) => (valueOf(row) as string[] | null)?.join(" ") }];
  });
}

/** The heading of a field, such as `gpuMedianNs` of `median` in `gpuNs`. */
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

/** The report as CSV with a line of headings. Cells of what was not measured are empty. */
export function renderCsv(report: Report): string {
  const records = report.rows.map((row) =>
    Object.fromEntries(COLUMNS.map(({ heading, of }) => [heading, safe(of(row, report))]))
  );
  // The package ships no types.
  const text: string = stringify(records, { columns: COLUMNS.map(({ heading }) => heading) });
  return text;
}
