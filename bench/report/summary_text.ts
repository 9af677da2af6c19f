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

/** Which is fastest, which cannot be told from it, how far behind the next one is, and which to use. */
export function speedSentence(summary: SectionSummary): string {
  const { fastest, standings } = summary;
  if (fastest === null) return "no row was timed";
  const time = formatTime(medianOf(fastest));
  const tied = standings.filter((standing) => standing.tied);
  const behind = standings.filter(({ row, tied, apart }) => row !== fastest && !tied && !apart);
  const next = behind.toSorted((a, b) => b.speed - a.speed).at(0);
  const parts = [`fastest: ${fastest.variant}, ${time}`, ...tieClauses(tied)];
  if (next !== undefined) {
    const lead = formatRatio(1 / next.speed);
    parts.push(`${lead} as fast as ${next.row.variant}${range(next.interval, 2)}`);
  } else if (tied.length === 0) {
    parts.push("the only one timed");
  }
  parts.push(...apartClause(standings), choiceClause(summary));
  return parts.filter((part) => part !== "").join("; ");
}

/** What computes with less precision than was asked for. */
function apartClause(standings: readonly Standing[]): string[] {
  const apart = standings.filter(({ apart }) => apart);
  if (apart.length === 0) return [];
  const list = enumerate(apart.map(({ row, speed }) => `${row.variant} (${formatRatio(speed)} as fast)`));
  return [`with less precision, and so not ranked: ${list}`];
}

/** What cannot be told from the fastest, with the ends of all their intervals. */
function tieClauses(tied: readonly Standing[]): string[] {
  const [unsure, equal] = [tied.filter(({ interval }) => !interval), tied.filter(({ interval }) => interval)];
  const list = (standings: readonly Standing[]) => enumerate(standings.map(({ row }) => row.variant));
  const ends = equal.map(({ interval }) => interval!);
  const widest = [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))] as const;
  return [
    equal.length === 0
      ? ""
      : `no significant difference to ${list(equal)}${
        range(widest, 2).replace("interval", equal.length > 1 ? "intervals within" : "interval")
      }`,
    unsure.length === 0 ? "" : `too few samples to tell it from ${list(unsure)}`,
  ].filter((clause) => clause !== "");
}

/**
 * Which variant to use. Of several that are as fast: of the smallest, the last, as later ideas take up earlier ones.
 * Where a peer is ahead of all: the fastest. Nothing where there are too few samples to say.
 */
function choiceClause({ fastest, standings }: SectionSummary): string {
  const own = standings.filter(({ row }) => !isPeer(row));
  if (standings.length === 1 || own.some(({ tied, interval }) => tied && !interval)) return "";
  const leaders = own.filter(({ row, tied }) => row === fastest || tied);
  if (leaders.length > 1) {
    const peak = ({ row }: Standing) => peakOf(row) ?? Infinity;
    const least = Math.min(...leaders.map(peak));
    const use = leaders.findLast((standing) => peak(standing) === least)!;
    return `use ${use.row.variant}: nothing is known to be faster, and none of these takes less memory`;
  }
  const [use] = leaders.length > 0 ? leaders : own.toSorted((a, b) => b.speed - a.speed);
  if (use === undefined) return "";
  if (use.row === fastest || use.tied) return `use ${use.row.variant}`;
  return `of the variants here use ${use.row.variant}, ${formatRatio(use.speed)} as fast`;
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
