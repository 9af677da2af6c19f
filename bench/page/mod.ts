/**
 * One self-contained page: machine and command, filters, a table that sorts, and charts with tooltips. It needs no network,
 * and its policy allows none.
 *
 * @module
 */

import { ceilingClauses } from "../report/context.ts";
import { formatShape } from "../report/format.ts";
import { machineOf } from "../report/groups.ts";
import type { Report } from "../report/schema.ts";
import { warningSentences } from "../report/warnings.ts";
import { type DrawSvg, figures } from "./figures.ts";
import { filterControls, type Tagged } from "./filters.ts";
import { embedJson, escapeHtml } from "./html.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { summaries } from "./summaries.ts";
import { htmlTable, reasonList } from "./table.ts";

/** A report and the name by which the page calls it. */
export interface NamedReport {
  source: string;
  report: Report;
}

/** Facts about a report, which come before its figures: pairs of name and value. */
function facts(report: Report): [string, string][] {
  const { adapter, ceilings, versions, createdAt, command } = report;
  const versionList = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const named = adapter.description === adapter.device ? "" : adapter.description;
  const driver = [named, report.driver?.version ?? ""].filter((part) => part !== "").join(", ");
  const pairs: [string, string][] = [
    ["Machine", machineOf(report) + (adapter.software ? " (software: a CPU does the work)" : "")],
    ["Driver", driver],
    ["Command", command],
    ["Date", createdAt],
    ["Versions", versionList],
    ["Ceilings", ceilingClauses(ceilings).join(", ")],
  ];
  return pairs.filter(([, value]) => value.trim() !== "");
}

function head({ source, report }: NamedReport, several: boolean): string {
  const list = facts(report).map(([name, value]) => {
    const text = escapeHtml(value);
    return `<dt>${name}</dt><dd>${name === "Command" ? `<code>${text}</code>` : text}</dd>`;
  });
  const shapes = new Set(report.rows.map(formatShape));
  const warnings = warningSentences(report, shapes.size > 1).map((text) => `<li>${escapeHtml(text)}</li>`);
  return [
    several ? `<h2>${escapeHtml(source)}</h2>` : "",
    `<dl>${list.join("\n")}</dl>`,
    warnings.length === 0 ? "" : `<ul class="warnings">${warnings.join("\n")}</ul>`,
  ].join("\n");
}

/** The hash of the page's own script. The page's policy allows no other script. */
async function scriptHash(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(SCRIPT));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}

/** The page of one report or several. */
export async function renderPage(
  reports: readonly NamedReport[],
  { draw }: { draw: DrawSvg },
): Promise<string> {
  const tagged = reports.flatMap(({ source, report }) => report.rows.map((row): Tagged => ({ source, row })));
  const drawn: string[] = [];
  for (const [i, named] of reports.entries()) {
    drawn.push(...await figures(named, { draw, before: i === 0 ? undefined : reports[0].report }));
  }
  const policy =
    `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src '${await scriptHash()}'`;
  const title = `SwiGLU on ${[...new Set(reports.map(({ report }) => machineOf(report)))].join(", ")}`;
  const data = reports.length === 1 ? reports[0].report : reports.map(({ report }) => report);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${reports.map((named) => head(named, reports.length > 1)).join("\n")}
<div class="controls">
${filterControls(tagged)}
<span id="status" role="status"></span>
<button type="button" id="download">Save as JSON</button>
</div>
<h2>In short</h2>
${reports.map(summaries).join("\n")}
<h2>Rows</h2>
${htmlTable(tagged)}
${reasonList(tagged)}
<h2>Charts</h2>
<div class="charts">
${drawn.join("\n")}
</div>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${embedJson(data)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
