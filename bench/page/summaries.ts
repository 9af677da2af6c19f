/**
 * The page's answer to which variant to use: a line for each mode, and the whole story folded below.
 *
 * @module
 */

import { formatBytes, formatRatio, formatShape, formatTime } from "../report/format.ts";
import { type Block, blocksOf, medianOf } from "../report/groups.ts";
import type { Report, Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { peakOf, type SectionSummary, summarise } from "../report/summary.ts";
import { peerSentence, restSentence, speedSentence } from "../report/summary_text.ts";
import { enumerate } from "../report/text.ts";
import { filterAttributes } from "./filters.ts";
import { escapeHtml } from "../report/html.ts";

/** The sentences of a mode in full. */
function words(summary: SectionSummary): string {
  const peers = peerSentence(summary)?.replace(/^\w+: /, "") ?? "";
  const sentences = [speedSentence(summary), restSentence(summary), peers].filter((text) => text !== "");
  const text = sentences.map((text) => `${text[0].toUpperCase()}${text.slice(1)}.`).join(" ");
  return `<li><b>${summary.mode}</b> ${escapeHtml(text)}</li>`;
}

/** The answer of a mode, in parts: who is fastest, who cannot be told from it, how far ahead it is, who needs least memory. */
function parts({ fastest, standings, smallest }: SectionSummary): string[] {
  if (fastest === null) return ["no row has a time"];
  const name = (row: Row) => plain(row.variant, 40);
  const ties = standings.filter(({ place }) => place === "tied").map(({ row }) => name(row));
  const base = standings.find(({ row, speed }) => row.variant === BASE && row !== fastest && speed !== null);
  return [
    `${name(fastest)} ${formatTime(medianOf(fastest))}`,
    ties.length === 0 ? "" : `ties: ${enumerate(ties, 3)}`,
    base === undefined ? "" : `${formatRatio(1 / base.speed!)} ${BASE}`,
    smallest.length === 0
      ? ""
      : `least memory: ${enumerate(smallest.map(name), 2)}, ${formatBytes(peakOf(smallest[0]))}`,
  ].filter((part) => part !== "");
}

/** The variant that speeds are told against. */
const BASE = "pytorch";

function answer(summary: SectionSummary): string {
  const [first, ...rest] = parts(summary).map(escapeHtml);
  return `<li><span>${summary.mode}</span> ${[`<b>${first}</b>`, ...rest].join("&nbsp;| ")}</li>`;
}

/** The attributes and the title of a problem's block. */
function blockHead({ problem, sections }: Block, source: string): { attributes: string; title: string } {
  const rows = sections.flatMap(({ rows }) => rows);
  const title = `${
    formatShape(problem)
  }, ${problem.dtype}, precision ${problem.precision}, ${problem.activation}`;
  return { attributes: filterAttributes(rows.map((row) => ({ row, source }))), title: escapeHtml(title) };
}

/** A section for each problem of a report: a line for each mode, whichever mode is chosen. */
export function summaries({ report, source }: { report: Report; source: string }): string {
  return blocksOf(report.rows).map((block) => {
    const { attributes, title } = blockHead(block, source);
    const items = block.sections.map((section) => answer(summarise(section)));
    return `<section${attributes}><h2>${title}</h2><ul class="answer">${items.join("\n")}</ul></section>`;
  }).join("\n");
}

/** The same in sentences, with all that is known, folded. */
export function stories({ report, source }: { report: Report; source: string }): string {
  const blocks = blocksOf(report.rows);
  return blocks.map((block) => {
    const { attributes, title } = blockHead(block, source);
    const items = block.sections.map((section) => words(summarise(section)));
    return `<details${attributes}><summary>In words${blocks.length > 1 ? `: ${title}` : ""}</summary><ul>${
      items.join("\n")
    }</ul></details>`;
  }).join("\n");
}
