/**
 * The charts of a page. Each mode has a picture of its own, which is narrow enough for a phone.
 *
 * @module
 */

import type { Spec, View } from "../charts/chart.ts";
import { drawComparison } from "../charts/comparison.ts";
import { drawAs, type Kind, KINDS, SCOPES } from "../charts/mod.ts";
import { compareReports } from "../report/compare.ts";
import type { Report, Row } from "../report/schema.ts";
import { CONFIG } from "../charts/theme.ts";
import { filterAttributes } from "./filters.ts";
import { escapeHtml } from "./html.ts";

/** Draws a specification as SVG. Its ids differ from those of all other drawings of the page. */
export type DrawSvg = (spec: Spec) => Promise<string>;

/** Widths in pixels at which one panel fills the width of a phone. */
const SCREEN: Omit<View, "report" | "rows"> = { panelWidth: 230, fullWidth: 300, across: 1 };

/** The groups of rows that have a picture each. */
function groupsOf(report: Report, scope: keyof typeof SCOPES): Row[][] {
  const key = (row: Row) => JSON.stringify([SCOPES[scope](row), row.mode]);
  return [...Map.groupBy(report.rows, key).values()];
}

/** The kinds of charts. Where there is an earlier report, a comparison with it is one more. */
function kindsOf(report: Report, before: Report | undefined): readonly Kind[] {
  if (before === undefined) return KINDS;
  const comparison = compareReports(before, report);
  const draw = (view: View) => drawComparison(view, { before, comparison });
  return [...KINDS, { name: "comparison", scope: "problem", draw }];
}

/** The SVG without names of fonts, which the page's style names once for all. */
function withoutFonts(svg: string): string {
  return svg.replaceAll(` font-family="${CONFIG.font}"`, "");
}

/** A figure for each chart, mode and problem, comparisons with `before` included. Charts without data are left out. */
export async function figures(
  { report, source }: { report: Report; source: string },
  { draw, before }: { draw: DrawSvg; before?: Report },
): Promise<string[]> {
  const all: string[] = [];
  for (const { name, draw: drawPlate, scope } of kindsOf(report, before)) {
    for (const rows of groupsOf(report, scope)) {
      const chart = drawAs(name, { draw: drawPlate, view: { report, rows, ...SCREEN } });
      if ("reason" in chart) continue;
      const about = filterAttributes(rows.map((row) => ({ row, source })));
      const svg = withoutFonts(await draw(chart.spec));
      // A wide picture shrinks only to a part of its width, then it scrolls, so that text stays readable on a phone.
      const width = /width="(\d+)"/.exec(svg)?.[1] ?? "0";
      const named = ` aria-label="${escapeHtml(chart.title)}"`;
      all.push(
        `<figure data-kind="${escapeHtml(name)}"${named}${about} style="--width: ${width}px">${svg}</figure>`,
      );
    }
  }
  return all;
}
