/**
 * Summaries as sentences.
 *
 * @module
 */

import { formatBytes, formatError, formatRatio, formatTime } from "./format.ts";
import { errorOf, medianOf } from "./groups.ts";
import type { Row } from "./schema.ts";
import { isPeer, peakOf, type SectionSummary, type Standing } from "./summary.ts";
import { enumerate, wrap } from "./text.ts";

/** Columns that the name of a mode takes. */
const LEAD = 10;

const names = (rows: readonly Row[]) => enumerate(rows.map((row) => row.variant), 4);

function range(interval: readonly [number, number] | null, digits: number): string {
  // The interval is of fastest over other; readers are told how many times as fast, which is its inverse.
  if (interval === null || interval[0] <= 0) return "";
  return ` (95 % interval ${(1 / interval[1]).toFixed(digits)} to ${(1 / interval[0]).toFixed(digits)})`;
}

/** Which is fastest, which cannot be told from it, and how far behind the next one is. */
export function speedSentence({ fastest, standings }: SectionSummary): string {
  if (fastest === null) return "no row was timed";
  const time = formatTime(medianOf(fastest));
  const tied = standings.filter((standing) => standing.tied);
  const behind = standings.filter(({ row, tied }) => row !== fastest && !tied);
  const next = behind.toSorted((a, b) => b.speed - a.speed).at(0);
  const parts = [`fastest: ${fastest.variant}, ${time}`, ...tied.map(tieClause)];
  if (next !== undefined) {
    const lead = formatRatio(1 / next.speed);
    parts.push(`${lead} as fast as ${next.row.variant}${range(next.interval, 2)}`);
  } else if (tied.length === 0) {
    parts.push("the only one timed");
  }
  return parts.join("; ");
}

function tieClause({ row, interval }: Standing): string {
  return interval === null
    ? `too few samples to tell it from ${row.variant}`
    : `no significant difference to ${row.variant}${range(interval, 3)}`;
}

/** Which needs least memory, and which is closest to the oracle. */
export function restSentence({ smallest, mostAccurate }: SectionSummary): string {
  const parts: string[] = [];
  if (smallest.length > 0) {
    parts.push(`smallest peak: ${names(smallest)}, ${formatBytes(peakOf(smallest[0]))}`);
  }
  if (mostAccurate.length > 0) {
    parts.push(`most accurate: ${names(mostAccurate)}, error ${formatError(errorOf(mostAccurate[0]))}`);
  }
  return parts.join("; ");
}

/** How `tuned` stands against each peer, null where either is missing. */
export function peerSentence({ mode, standings }: SectionSummary): string | null {
  const tuned = standings.find(({ row }) => row.variant === "tuned");
  const peers = standings.filter(({ row }) => isPeer(row));
  if (tuned === undefined || peers.length === 0) return null;
  const clauses = peers.map(({ row, speed }) => {
    const ratio = `${formatRatio(tuned.speed / speed)} the speed of ${row.variant.slice("peer:".length)}`;
    const [own, theirs] = [peakOf(tuned.row), peakOf(row)];
    return own === null || !theirs ? ratio : `${ratio} at ${(own / theirs).toFixed(2)} of its memory`;
  });
  return `${mode}: tuned runs at ${enumerate(clauses)}`;
}

/** All sentences on a problem, wrapped to `width` columns. */
export function summaryLines(summaries: readonly SectionSummary[], width: number): string[] {
  const lines = ["Summary"];
  for (const summary of summaries) {
    lines.push(...wrap(speedSentence(summary), { width, lead: summary.mode.padEnd(LEAD) }));
    const rest = restSentence(summary);
    if (rest !== "") lines.push(...wrap(rest, { width, lead: " ".repeat(LEAD) }));
  }
  const peers = summaries.map(peerSentence).filter((sentence) => sentence !== null);
  return [...lines, ...peers.flatMap((sentence) => wrap(sentence, { width }))];
}
