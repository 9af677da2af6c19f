/**
 * The page's answer to which variant to use: a line for each mode, and the whole story folded below.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import { blocksOf, type ReportBlock } from "../report/groups.ts";
import { escapeHtml } from "../report/html.ts";
import type { Report } from "../report/schema.ts";
import { type SectionSummary, summarise } from "../report/summary.ts";
import { summaryParts } from "../report/summary_line.ts";
import { peerSentence, restSentence, speedSentence } from "../report/summary_text.ts";
import { filterAttributes } from "./filters.ts";

/** The sentences of a mode in full. */
function words(summary: SectionSummary): string {
  const peers = peerSentence(summary)?.replace(/^\w+: /, "") ?? "";
  const sentences = [speedSentence(summary), restSentence(summary), peers].filter((text) => text !== "");
  const text = sentences.map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`).join(" ");
  return `<li><b>${summary.mode}</b> ${escapeHtml(text)}</li>`;
}

/** A report, its name, and whether the page has several, so that it must name them. */
export interface Told {
  report: Report;
  source: string;
  several: boolean;
}

/** Most characters of an answer. A phone shows them in three lines. */
const ANSWER_WIDTH = 110;

function answer(summary: SectionSummary): string {
  const [first, ...rest] = summaryParts(summary, { width: ANSWER_WIDTH, peers: "full" }).map(escapeHtml);
  return `<li><span>${summary.mode}</span> ${[`<b>${first}</b>`, ...rest].join("&nbsp;| ")}</li>`;
}

/** The attributes and the title of a problem's block. */
function blockHead(
  { problem, sections }: ReportBlock,
  { source, several }: { source: string; several: boolean },
): { attributes: string; title: string } {
  const rows = sections.flatMap(({ rows }) => rows);
  const title = `${several ? `${source}: ` : ""}${
    formatShape(problem)
  }, ${problem.dtype}, precision ${problem.precision}, ${problem.activation}`;
  return { attributes: filterAttributes(rows.map((row) => ({ row, source }))), title: escapeHtml(title) };
}

/** A section for each problem of a report: a line for each mode, whichever mode is chosen. */
export function summaries({ report, ...named }: Told): string {
  return blocksOf(report.rows).map((block) => {
    const { attributes, title } = blockHead(block, named);
    const items = block.sections.map((section) => answer(summarise(section)));
    return `<section${attributes}><h2>${title}</h2><ul class="answer">${items.join("\n")}</ul></section>`;
  }).join("\n");
}

/** The same in sentences, with all that is known, folded. */
export function stories({ report, ...named }: Told): string {
  const blocks = blocksOf(report.rows);
  return blocks.map((block) => {
    const { attributes, title } = blockHead(block, named);
    const items = block.sections.map((section) => words(summarise(section)));
    return `<details${attributes}><summary>In words${
      named.several || blocks.length > 1 ? `: ${title}` : ""
    }</summary><ul>${items.join("\n")}</ul></details>`;
  }).join("\n");
}
