/**
 * The charts of a page: each mode is a picture of its own, narrow enough for a phone.
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

/** Draws a specification as SVG whose ids are not used by another drawing of the page. */
export type DrawSvg = (spec: Spec) => Promise<string>;

/** Pixels of panels where one fills the width of a phone. */
const SCREEN: Omit<View, "report" | "rows"> = { panelWidth: 230, fullWidth: 300, across: 1 };

/** A group of rows that one picture shows. */
function groupsOf(report: Report, scope: keyof typeof SCOPES): Row[][] {
  const key = (row: Row) => JSON.stringify([SCOPES[scope](row), row.mode]);
  return [...Map.groupBy(report.rows, key).values()];
}

/** The kinds of charts; a report that follows another one is compared with it too. */
function kindsOf(report: Report, before: Report | undefined): readonly Kind[] {
  if (before === undefined) return KINDS;
  const comparison = compareReports(before, report);
  const draw = (view: View) => drawComparison(view, { before, comparison });
  return [...KINDS, { name: "comparison", scope: "problem", draw }];
}

/** The page's own style names the font, once. */
function withoutFonts(svg: string): string {
  return svg.replaceAll(` font-family="${CONFIG.font}"`, "");
}

/** One figure for each chart, mode and problem, against `before` where there is one; charts that lack data are left out. */
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
      // Text must stay readable on a phone: a wide picture shrinks only so far, then it scrolls.
      const width = /width="(\d+)"/.exec(svg)?.[1] ?? "0";
      const named = ` aria-label="${escapeHtml(chart.title)}"`;
      all.push(
        `<figure data-kind="${escapeHtml(name)}"${named}${about} style="--width: ${width}px">${svg}</figure>`,
      );
    }
  }
  return all;
}
