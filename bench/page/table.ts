/**
 * The rows of all reports as one table that can be sorted.
 *
 * @module
 */

import {
  formatBytes,
  formatError,
  formatPercent,
  formatRate,
  formatRatio,
  formatShape,
  formatTime,
} from "../report/format.ts";
import { boundName, errorOf, fastestOf, medianOf, problemKey, problemOf, timeOf } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { leaders } from "../report/summary.ts";
import { filterAttributes, type Tagged } from "./filters.ts";
import { attributes, escapeHtml } from "./html.ts";

/** A cell: what is read, and what is sorted by. */
interface Cell {
  text: string;
  /** Null sorts last. */
  key: string | number | null;
}

/** A row of the table with the fastest of those that it may be compared with. */
interface Compared extends Tagged {
  fastest: Row | null;
  /** Whether it is the fastest, or cannot be told from it. */
  leads: boolean;
}

const number = (key: number | null, text: string): Cell => ({ key, text });

const COLUMNS: readonly { heading: string; of: (compared: Compared) => Cell; only?: "several" }[] = [
  { heading: "Variant", of: ({ row }) => ({ text: row.variant, key: row.variant }) },
  { heading: "Mode", of: ({ row }) => ({ text: row.mode, key: row.mode }) },
  { heading: "Size", of: ({ row }) => number(row.tokens * row.dim * row.hiddenDim, formatShape(row)) },
  { heading: "Type", of: ({ row }) => ({ text: row.dtype, key: row.dtype }) },
  { heading: "Precision", only: "several", of: ({ row }) => ({ text: row.precision, key: row.precision }) },
  {
    heading: "Activation",
    only: "several",
    of: ({ row }) => ({ text: row.activation, key: row.activation }),
  },
  { heading: "Report", only: "several", of: ({ source }) => ({ text: source, key: source }) },
  { heading: "Time", of: timeCell },
  { heading: "95 % interval", of: intervalCell },
  { heading: "Speed", of: speedCell },
  { heading: "Rate", of: ({ row }) => number(row.tflops, formatRate(row.tflops)) },
  {
    heading: "Of ceiling",
    of: ({ row }) =>
      number(row.fractionOfCeiling, `${formatPercent(row.fractionOfCeiling)} ${boundName(row.bound)}`.trim()),
  },
  { heading: "Peak", of: ({ row }) => sizeCell(row.memory?.peakBytes) },
  { heading: "Saved", of: ({ row }) => sizeCell(row.memory?.savedBytes) },
  { heading: "Workspace", of: ({ row }) => sizeCell(row.memory?.workspaceBytes) },
  { heading: "Error", of: ({ row }) => number(errorOf(row), formatError(errorOf(row))) },
];

function sizeCell(bytes: number | null = null): Cell {
  return number(bytes, formatBytes(bytes));
}

function timeCell({ row }: Compared): Cell {
  const time = timeOf(row);
  if (time === null) return { key: null, text: row.status };
  const { clock, statistics: { median } } = time;
  return number(median, formatTime(median) + (clock === "wall" ? " (wall)" : ""));
}

function intervalCell({ row }: Compared): Cell {
  const ci = timeOf(row)?.statistics.ci;
  return ci
    ? number(ci[1] - ci[0], `${formatTime(ci[0])} to ${formatTime(ci[1])}`)
    : { key: null, text: "-" };
}

function speedCell({ row, fastest, leads }: Compared): Cell {
  const [own, best] = [medianOf(row), fastest === null ? null : medianOf(fastest)];
  if (!own || !best) return { key: null, text: "-" };
  const mark = row === fastest ? "" : leads ? " =" : row.narrow ? " ~" : "";
  return number(best / own, formatRatio(best / own) + mark);
}

function compare(tagged: readonly Tagged[]): Compared[] {
  const key = ({ source, row }: Tagged) => JSON.stringify([source, row.mode, problemKey(problemOf(row))]);
  const groups = Map.groupBy(tagged, key);
  const best = new Map([...groups].map(([key, group]) => {
    const rows = group.map(({ row }) => row);
    return [key, { fastest: fastestOf(rows), leaders: leaders({ mode: rows[0].mode, rows }) }];
  }));
  return tagged.map((one) => {
    const { fastest, leaders } = best.get(key(one))!;
    return { ...one, fastest, leads: leaders.has(one.row) };
  });
}

function tableRow(compared: Compared, columns: typeof COLUMNS): string {
  const { row, leads } = compared;
  const cells = columns.map(({ of }, i) => {
    const { text, key } = of(compared);
    const tag = i === 0 ? 'th scope="row"' : "td";
    return `<${tag}${attributes({ "data-key": key ?? "" })}>${escapeHtml(text)}</${tag.slice(0, 2)}>`;
  });
  const classes = [row.status, leads ? "fastest" : ""].filter((name) => name !== "").join(" ");
  const reason = row.reason === null ? "" : attributes({ title: row.reason });
  return `<tr class="${classes}"${filterAttributes([compared])}${reason}>${cells.join("")}</tr>`;
}

/** The table; a column whose cells are all alike says nothing and is left out. */
export function htmlTable(tagged: readonly Tagged[]): string {
  const rows = compare(tagged);
  const columns = COLUMNS.filter(({ only, of }) =>
    only === undefined || new Set(rows.map((row) => of(row).text)).size > 1
  );
  const headings = columns.map(({ heading }) =>
    `<th scope="col"><button type="button">${heading}</button></th>`
  );
  return `<div class="scroll"><table>
<thead><tr>${headings.join("")}</tr></thead>
<tbody>
${rows.map((row) => tableRow(row, columns)).join("\n")}
</tbody></table></div>`;
}

/** The reasons of rows that were not measured, in full. */
export function reasonList(tagged: readonly Tagged[]): string {
  const items = tagged.filter(({ row }) => row.reason !== null).map((one) => {
    const { row } = one;
    const name = `${row.variant}, ${row.mode}, ${formatShape(row)}, ${row.dtype}`;
    return `<li${filterAttributes([one])}><b>${escapeHtml(name)}</b>: ${row.status}: ${
      escapeHtml(row.reason!)
    }</li>`;
  });
  if (items.length === 0) return "";
  return `<details><summary>Rows without a time, and why</summary><ul>${items.join("\n")}</ul></details>`;
}
