/**
 * The tidy CSV: one line for each row of the report, one column for each figure, its unit in the name.
 *
 * @module
 */

import { stringify } from "npm:deno-std@1.4.0/csv/stringify.js";
import { machineOf } from "./groups.ts";
import type { Report, Row, Statistics } from "./schema.ts";
import { plain } from "./shape.ts";

type Cell = string | number | boolean | null | undefined;

/**
 * Text as a cell that no spreadsheet takes for a formula: one that starts like a formula, spaces and full-width
 * forms included, gets an apostrophe before it. Numbers need none, as only this program makes them.
 */
function safe(cell: Cell): string | number | boolean {
  if (typeof cell === "number" || typeof cell === "boolean") return cell;
  // A tab or carriage return at the start counts as well, so it must be seen before control characters become spaces.
  const risky = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u.test(cell ?? "");
  return (risky ? "'" : "") + plain(cell ?? "", Infinity);
}

/** What stands in one column. */
type Figure = (row: Row, report: Report) => Cell;

function times(
  prefix: "gpu" | "wall",
  of: (row: Row) => Statistics | null | undefined,
): Record<string, Figure> {
  return {
    [`${prefix}MedianNs`]: (row) => of(row)?.median,
    [`${prefix}P20Ns`]: (row) => of(row)?.p20,
    [`${prefix}P80Ns`]: (row) => of(row)?.p80,
    [`${prefix}MinNs`]: (row) => of(row)?.min,
    [`${prefix}MeanNs`]: (row) => of(row)?.mean,
    [`${prefix}CiLowNs`]: (row) => of(row)?.ci?.[0],
    [`${prefix}CiHighNs`]: (row) => of(row)?.ci?.[1],
    [`${prefix}Cv`]: (row) => of(row)?.cv,
    [`${prefix}N`]: (row) => of(row)?.n,
  };
}

/** The columns in order, by heading. */
const COLUMNS: Record<string, Figure> = {
  createdAt: (_, report) => report.createdAt,
  device: (_, report) => machineOf(report),
  variant: (row) => row.variant,
  tokens: (row) => row.tokens,
  dim: (row) => row.dim,
  hiddenDim: (row) => row.hiddenDim,
  dtype: (row) => row.dtype,
  precision: (row) => row.precision,
  activation: (row) => row.activation,
  mode: (row) => row.mode,
  status: (row) => row.status,
  reason: (row) => row.reason,
  implementation: (row) => row.implementation,
  tile: (row) => row.tile,
  ...times("gpu", (row) => row.timing?.gpuNs),
  ...times("wall", (row) => row.timing?.wallNs),
  flops: (row) => row.flops,
  bytes: (row) => row.bytes,
  tflops: (row) => row.tflops,
  fractionOfCeiling: (row) => row.fractionOfCeiling,
  bound: (row) => row.bound,
  peakBytes: (row) => row.memory?.peakBytes,
  savedBytes: (row) => row.memory?.savedBytes,
  workspaceBytes: (row) => row.memory?.workspaceBytes,
  predictedPeakBytes: (row) => row.memory?.predictedPeakBytes,
  reservedBytes: (row) => row.memory?.reservedBytes,
  errorY: (row) => row.accuracy?.y,
  errorDx: (row) => row.accuracy?.dx,
  errorDGate: (row) => row.accuracy?.dGate,
  errorDUp: (row) => row.accuracy?.dUp,
  errorDDown: (row) => row.accuracy?.dDown,
  sampled: (row) => row.sampled,
  narrow: (row) => row.narrow,
  compileMs: (row) => row.compileMs,
  coldMs: (row) => row.coldMs,
  warnings: (row) => row.warnings?.join(" "),
};

/** The report as CSV with a heading; cells of what was not measured are empty. */
export function renderCsv(report: Report): string {
  const records = report.rows.map((row) =>
    Object.fromEntries(Object.entries(COLUMNS).map(([name, figure]) => [name, safe(figure(row, report))]))
  );
  // The package ships no types.
  const text: string = stringify(records, { columns: Object.keys(COLUMNS) });
  return text;
}
