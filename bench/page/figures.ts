/**
 * The charts of a page. Each mode has a picture of its own, which is narrow enough for a phone. A chart that needs more room
 * is drawn once more for wide windows.
 *
 * @module
 */

import type { Chart, ChartView, Spec } from "../charts/chart.ts";
import { drawComparison } from "../charts/comparison.ts";
import { drawMemoryOf, MEMORY_KINDS } from "../charts/memory.ts";
import { type ChartKind, drawAs, KINDS, SCOPES } from "../charts/mod.ts";
import { CONFIG } from "../charts/theme.ts";
import { compareReports } from "../report/compare.ts";
import type { Report, Row } from "../report/schema.ts";
import { filterAttributes } from "./filters.ts";
import { escapeHtml } from "../report/html.ts";
import type { Told } from "./summaries.ts";

/** Draws a specification as SVG. Its ids differ from those of all other drawings of the page. */
export type DrawSvg = (spec: Spec) => Promise<string>;

/** Pictures that fill a phone, and pictures that fill a window. The page shows none of them smaller. */
const PHONE = { width: 346, across: 1 }, WINDOW = { width: 1040, across: 1 };

/** Pixels around a picture. The page has room of its own. */
const PADDING = 2;

/**
 * The kinds of charts of a page. Each kind of memory is a picture of its own, so that all pictures are about as high. Wide ones
 * come last, because a row ends before them.
 */
const PAGE_KINDS: readonly ChartKind[] = KINDS.flatMap((kind) =>
  kind.name === "memory"
    ? MEMORY_KINDS.map((of): ChartKind => ({ ...kind, draw: (view) => drawMemoryOf(view, [of]) }))
    : [kind]
).toSorted((a, b) => Number(a.wide ?? false) - Number(b.wide ?? false));

/** The chart that stands beside the answer. */
const LEAD = "times";

/** The figures of a page, as markup. */
export interface Figures {
  /** Those beside the answer. */
  lead: string[];
  others: string[];
}

/** The groups of rows that have a picture each. */
function groupsOf(report: Report, { scope }: ChartKind): Row[][] {
  const key = (row: Row) => JSON.stringify([SCOPES[scope](row), row.mode]);
  return [...Map.groupBy(report.rows, key).values()];
}

/** The kinds of charts. Where there is an earlier report, a comparison with it is one more. */
function kindsOf(report: Report, before: Report | undefined): readonly ChartKind[] {
  if (before === undefined) return PAGE_KINDS;
  const comparison = compareReports(before, report);
  const draw = (view: ChartView) => drawComparison(view, { before, comparison });
  return [{ name: "comparison", scope: "problem", draw }, ...PAGE_KINDS];
}

/** The picture without its title, which the page prints itself, and without names of fonts, which its style tells. */
async function picture({ spec }: Chart, draw: DrawSvg, room: string): Promise<string> {
  const svg = await draw({ ...spec, title: undefined, padding: PADDING });
  const width = /width="(\d+)"/.exec(svg)?.[1] ?? "0";
  const markup = svg.replaceAll(` font-family="${CONFIG.font}"`, "");
  return `<div class="picture ${room}" style="--width: ${width}px">${markup}</div>`;
}

/** One chart of some rows, as markup. Null where there is nothing to draw. */
async function figure(
  { name, draw: drawPlate, wide = false }: ChartKind,
  { report, rows, draw, about, prefix }: {
    report: Report;
    rows: Row[];
    draw: DrawSvg;
    about: string;
    /** What stands before its title. */
    prefix: string;
  },
): Promise<string | null> {
  const chart = drawAs(name, { draw: drawPlate, view: { report, rows, ...PHONE } });
  if ("reason" in chart) return null;
  const pictures = [await picture(chart, draw, wide ? "for-phone" : "")];
  if (wide) {
    const large = drawAs(name, { draw: drawPlate, view: { report, rows, ...WINDOW } });
    pictures.push(await picture(large as Chart, draw, "for-window"));
  }
  const notes = chart.notes.map((note) => `<p>${escapeHtml(note)}</p>`).join("");
  return `<figure data-kind="${escapeHtml(name)}"${wide ? ' class="wide"' : ""}${about}>` +
    `<h3>${escapeHtml(prefix + chart.title)}</h3>${
      pictures.join("")
    }<figcaption>${notes}</figcaption></figure>`;
}

/** A figure for each chart, mode and problem, comparisons with `before` included. Charts without data are left out. */
export async function figures(
  { report, source, several }: Told,
  { draw, before }: { draw: DrawSvg; before?: Report },
): Promise<Figures> {
  const all: Figures = { lead: [], others: [] };
  for (const kind of kindsOf(report, before)) {
    for (const rows of groupsOf(report, kind)) {
      const about = filterAttributes(rows.map((row) => ({ row, source })));
      const drawn = await figure(kind, { report, rows, draw, about, prefix: several ? `${source}: ` : "" });
      if (drawn !== null) (kind.name === LEAD ? all.lead : all.others).push(drawn);
    }
  }
  return all;
}
