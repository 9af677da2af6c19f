/**
 * The page's sentences on which variant to use.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import { type Block, blocksOf } from "../report/groups.ts";
import type { Report } from "../report/schema.ts";
import { type SectionSummary, summarise } from "../report/summary.ts";
import { peerSentence, restSentence, speedSentence } from "../report/summary_text.ts";
import { filterAttributes } from "./filters.ts";
import { escapeHtml } from "./html.ts";

const sentence = (text: string) => `${text[0].toUpperCase()}${text.slice(1)}.`;

function item(summary: SectionSummary, attributes: string): string {
  const peers = peerSentence(summary)?.replace(/^\w+: /, "") ?? "";
  const sentences = [speedSentence(summary), restSentence(summary), peers].filter((sentence) =>
    sentence !== ""
  );
  return `<li${attributes}><b>${summary.mode}</b> ${sentences.map(sentence).map(escapeHtml).join(" ")}</li>`;
}

function blockSummary({ problem, sections }: Block, source: string): string {
  const title = `${
    formatShape(problem)
  }, ${problem.dtype}, precision ${problem.precision}, ${problem.activation}`;
  const tag = (rows: Block["sections"][number]["rows"]) =>
    filterAttributes(rows.map((row) => ({ row, source })));
  const items = sections.map((section) => item(summarise(section), tag(section.rows)));
  const all = sections.flatMap(({ rows }) => rows);
  return `<section${tag(all)}><h3>${escapeHtml(title)}</h3>\n<ul>${items.join("\n")}</ul></section>`;
}

/** A section for each problem of a report, with a few sentences for each mode. */
export function summaries({ report, source }: { report: Report; source: string }): string {
  return blocksOf(report.rows).map((block) => blockSummary(block, source)).join("\n");
}
