/**
 * The filters of rows and pictures. They are attributes, which the page's script compares with what was chosen.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import { MODES, type Row } from "../report/schema.ts";
import { attributes, escapeHtml } from "../report/html.ts";

/** A row and the report that it comes from. */
export interface Tagged {
  /** Name of the report on the page. */
  source: string;
  row: Row;
}

interface Filter {
  key: string;
  label: string;
  of: (tagged: Tagged) => string;
  /** Whether the page opens with one value chosen. All of them at once would be too many pictures. */
  chosen?: boolean;
}

/** The filters, each with the name of its attribute, the label of its choice, and its value for a row. */
export const FILTERS: readonly Filter[] = [
  { key: "source", label: "Report", of: ({ source }) => source },
  { key: "mode", label: "Mode", of: ({ row }) => row.mode, chosen: true },
  { key: "dtype", label: "Type", of: ({ row }) => row.dtype, chosen: true },
  { key: "precision", label: "Precision", of: ({ row }) => row.precision, chosen: true },
  { key: "size", label: "Size", of: ({ row }) => formatShape(row), chosen: true },
];

/** The `data-` attributes of an element that shows these rows. Values that the rows do not share are left out. */
export function filterAttributes(tagged: readonly Tagged[]): string {
  const shared = FILTERS.flatMap(({ key, of }) => {
    const values = new Set(tagged.map(of));
    return values.size === 1 ? [[`data-${key}`, [...values][0]]] : [];
  });
  return attributes(Object.fromEntries(shared));
}

/** A choice for each filter that has several values. The page opens with the problem and mode that have the most work. */
export function filterControls(tagged: readonly Tagged[]): string {
  const work = ({ row }: Tagged) => row.tokens * row.dim * row.hiddenDim * (1 + MODES.indexOf(row.mode));
  const largest = tagged.reduce((a, b) => work(b) > work(a) ? b : a, tagged[0]);
  return FILTERS.map(({ key, label, of, chosen = false }) => {
    const values = [...new Set(tagged.map(of))];
    if (values.length < 2) return "";
    const opened = chosen ? of(largest) : null;
    const options = values.map((value) =>
      `<option${attributes({ value })}${value === opened ? " selected" : ""}>${escapeHtml(value)}</option>`
    );
    const list = `<option value="">all</option>${options.join("")}`;
    return `<label>${label} <select data-filter="${key}" autocomplete="off">${list}</select></label>`;
  }).join("\n");
}
