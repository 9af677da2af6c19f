/**
 * One self-contained page: filters, the answer beside a chart of times, more charts with tooltips, and a table that sorts.
 * Machine, command and warnings are folded. It needs no network, and its policy allows none.
 *
 * @module
 */

import { ceilingClauses } from "../report/context.ts";
import { formatShape } from "../report/format.ts";
import { machineOf } from "../report/groups.ts";
import type { Report } from "../report/schema.ts";
import { type WarningKind, warningKinds } from "../report/warnings.ts";
import { type DrawSvg, type Figures, figures } from "./figures.ts";
import { filterControls, type Tagged } from "./filters.ts";
import { embedJson, escapeHtml } from "../report/html.ts";
import { SCRIPT, sourceOf } from "./script.ts";
import { STYLE } from "./style.ts";
import { stories, summaries, type Told } from "./summaries.ts";
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

/** What is told of a report besides its figures, folded. */
function about({ source, report, several }: Told): string {
  const list = facts(report).map(([name, value]) => {
    const text = escapeHtml(value);
    return `<dt>${name}</dt><dd>${name === "Command" ? `<code>${text}</code>` : text}</dd>`;
  });
  const of = several ? ` of ${escapeHtml(source)}` : "";
  const shapes = new Set(report.rows.map(formatShape));
  return [
    `<details><summary>Machine and command${of}</summary><dl>${list.join("\n")}</dl></details>`,
    warningList(warningKinds(report, { withShape: shapes.size > 1 }), of),
  ].join("\n");
}

/** The kinds of warnings, folded, and in each its sentences, folded once more. */
function warningList(kinds: readonly WarningKind[], of: string): string {
  if (kinds.length === 0) return "";
  const items = kinds.map(({ title, sentences }) => {
    const list = sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join("\n");
    return `<details><summary>${escapeHtml(title)}</summary><ul>${list}</ul></details>`;
  });
  return `<details><summary>Warnings${of} (${kinds.length})</summary>\n${items.join("\n")}</details>`;
}

/** The page of one report or several. */
export async function renderPage(
  reports: readonly NamedReport[],
  { draw }: { draw: DrawSvg },
): Promise<string> {
  const tagged = reports.flatMap(({ source, report }) => report.rows.map((row): Tagged => ({ source, row })));
  const told = reports.map((named): Told => ({ ...named, several: reports.length > 1 }));
  const drawn: Figures[] = [];
  for (const [i, named] of told.entries()) {
    drawn.push(await figures(named, { draw, before: i === 0 ? undefined : reports[0].report }));
  }
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${await sourceOf(
    SCRIPT,
  )}`;
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
<main>
<h1>${escapeHtml(title)}</h1>
<div class="controls">
${filterControls(tagged)}
<span id="status" role="status"></span>
</div>
<div class="first">
<div class="answers">
${told.map(summaries).join("\n")}
</div>
<div class="charts">
${drawn.flatMap(({ lead }) => lead).join("\n")}
</div>
<div class="about">
${told.map(stories).join("\n")}
${told.map(about).join("\n")}
</div>
</div>
<h2>Charts</h2>
<div class="charts">
${drawn.flatMap(({ others }) => others).join("\n")}
</div>
<h2>Rows</h2>
${htmlTable(tagged)}
${reasonList(tagged)}
<p><button type="button" id="download">Save as JSON</button></p>
</main>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${embedJson(data)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
