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
import { boundName, CLOCK_RULE, errorOf, problemKey, problemOf, timeOf } from "../report/groups.ts";
import { leads, MARKS, type Standing, standingsOf, UNSURE_NOTE } from "../report/summary.ts";
import { filterAttributes, type Tagged } from "./filters.ts";
import { attributes, escapeHtml } from "../report/html.ts";

/** A cell: the text that it shows, and the key by which it is sorted. */
interface TableCell {
  text: string;
  /** Null sorts last. */
  key: string | number | null;
}

/** A row of the table, and how it compares with the fastest of its problem and mode. */
interface ComparedRow extends Tagged {
  /** Undefined where it has no time. */
  standing: Standing | undefined;
}

const number = (key: number | null, text: string): TableCell => ({ key, text });

/** Columns of the table. The time comes first, so that a phone shows it beside the name. */
const COLUMNS: readonly { heading: string; of: (compared: ComparedRow) => TableCell; only?: "several" }[] = [
  { heading: "Variant", of: ({ row }) => ({ text: row.variant, key: row.variant }) },
  { heading: "Time", of: timeCell },
  { heading: "Speed", of: speedCell },
  { heading: "Mode", of: ({ row }) => ({ text: row.mode, key: row.mode }) },
  {
    heading: "Size",
    only: "several",
    of: ({ row }) => number(row.tokens * row.dim * row.hiddenDim, formatShape(row)),
  },
  { heading: "Type", only: "several", of: ({ row }) => ({ text: row.dtype, key: row.dtype }) },
  { heading: "Precision", only: "several", of: ({ row }) => ({ text: row.precision, key: row.precision }) },
  {
    heading: "Activation",
    only: "several",
    of: ({ row }) => ({ text: row.activation, key: row.activation }),
  },
  { heading: "Report", only: "several", of: ({ source }) => ({ text: source, key: source }) },
  { heading: "Rate", of: ({ row }) => number(row.tflops, formatRate(row.tflops)) },
  {
    heading: "Of ceiling",
    of: ({ row }) =>
      number(row.fractionOfCeiling, `${formatPercent(row.fractionOfCeiling)} ${boundName(row)}`.trim()),
  },
  { heading: "Peak", of: ({ row }) => sizeCell(row.memory?.peakBytes) },
  { heading: "Saved", of: ({ row }) => sizeCell(row.memory?.savedBytes) },
  { heading: "Workspace", of: ({ row }) => sizeCell(row.memory?.workspaceBytes) },
  { heading: "Error", of: ({ row }) => number(errorOf(row), formatError(errorOf(row))) },
  { heading: "95 % interval of the time", of: intervalCell },
];

function sizeCell(bytes: number | null = null): TableCell {
  return number(bytes, formatBytes(bytes));
}

function timeCell({ row }: ComparedRow): TableCell {
  const time = timeOf(row);
  if (time === null) return { key: null, text: row.status };
  const { clock, statistics: { median } } = time;
  return number(median, formatTime(median) + (clock === "wall" ? " (wall)" : ""));
}

function intervalCell({ row }: ComparedRow): TableCell {
  const ci = timeOf(row)?.statistics.ci;
  return ci
    ? number(ci[1] - ci[0], `${formatTime(ci[0])} to ${formatTime(ci[1])}`)
    : { key: null, text: "-" };
}

function speedCell({ standing }: ComparedRow): TableCell {
  if (!standing || standing.speed === null) return { key: null, text: "-" };
  const { speed, interval, place } = standing;
  const range = interval === null ? "" : ` (${interval[0].toFixed(2)} to ${interval[1].toFixed(2)})`;
  return number(speed, `${formatRatio(speed)}${range} ${MARKS[place]}`.trim());
}

function compare(tagged: readonly Tagged[]): ComparedRow[] {
  const key = ({ source, row }: Tagged) => JSON.stringify([source, row.mode, problemKey(problemOf(row))]);
  const groups = [...Map.groupBy(tagged, key).values()].map((group) => group.map(({ row }) => row));
  const standings = new Map(groups.flatMap((rows) => [...standingsOf({ mode: rows[0].mode, rows })]));
  return tagged.map((one) => ({ ...one, standing: standings.get(one.row) }));
}

/** Tells readers what the marks in the table mean. Empty where there are none. */
function marksNote(rows: readonly ComparedRow[]): string {
  const places = new Set(rows.map(({ standing }) => standing?.place));
  const notes = [
    places.has("tied") ? "= no significant difference to the fastest." : "",
    places.has("unsure") ? `? ${UNSURE_NOTE}.` : "",
    places.has("apart") ? "~ Less precision than was asked for: not ranked with the others." : "",
    rows.some(({ row }) => timeOf(row)?.clock === "wall")
      ? `(wall): wall time, as there is none from the GPU. ${CLOCK_RULE}`
      : "",
  ].filter((note) => note !== "");
  return notes.length === 0 ? "" : `<p>${notes.map(escapeHtml).join(" ")}</p>`;
}

function tableRow(compared: ComparedRow, columns: typeof COLUMNS): string {
  const { row, standing } = compared;
  const cells = columns.map(({ of }, i) => {
    const { text, key } = of(compared);
    const tag = i === 0 ? 'th scope="row"' : "td";
    return `<${tag}${attributes({ "data-key": key ?? "" })}>${escapeHtml(text)}</${tag.slice(0, 2)}>`;
  });
  const classes = [row.status, standing && leads(standing) ? "fastest" : ""].filter((name) => name !== "")
    .join(" ");
  const reason = row.reason === null ? "" : attributes({ title: row.reason });
  return `<tr class="${classes}"${filterAttributes([compared])}${reason}>${cells.join("")}</tr>`;
}

/** The table. Columns marked `several` are left out where all their cells are equal. */
export function htmlTable(tagged: readonly Tagged[]): string {
  const rows = compare(tagged);
  const columns = COLUMNS.filter(({ only, of }) =>
    only === undefined || new Set(rows.map((row) => of(row).text)).size > 1
  );
  const headings = columns.map(({ heading }) =>
    `<th scope="col"><button type="button">${heading}</button></th>`
  );
  return `<div class="scroll" role="region" aria-label="Rows" tabindex="0"><table>
<thead><tr>${headings.join("")}</tr></thead>
<tbody>
${rows.map((row) => tableRow(row, columns)).join("\n")}
</tbody></table></div>
${marksNote(rows)}`;
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
