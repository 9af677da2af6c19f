/**
 * Summaries as sentences, for the page.
 *
 * @module
 */

import { formatBytes, formatError, formatRatio, formatTime } from "./format.ts";
import { commonTimes, errorOf, medianOf } from "./groups.ts";
import type { Row } from "./schema.ts";
import {
  choiceOf,
  isPeer,
  leads,
  peakOf,
  type Place,
  type SectionSummary,
  type Standing,
} from "./summary.ts";
import { enumerate } from "./text.ts";

const names = (rows: readonly Row[]) => enumerate(rows.map((row) => row.variant), 4);

function range(interval: readonly [number, number] | null, digits: number): string {
  // The interval is of the fastest's time over the other's. Readers are told how many times as fast it is: the inverse.
  if (interval === null || interval[0] <= 0) return "";
  return ` (95 % interval ${(1 / interval[1]).toFixed(digits)} to ${(1 / interval[0]).toFixed(digits)})`;
}

/** A sentence on speed: the fastest, what cannot be told from it, how far behind the next one is, and which to use. */
export function speedSentence(summary: SectionSummary): string {
  const { fastest, standings } = summary;
  if (fastest === null) return "no row was timed";
  const time = formatTime(medianOf(fastest));
  const at = (place: Place) => standings.filter((standing) => standing.place === place);
  const next = at("slower").toSorted((a, b) => b.speed! - a.speed!).at(0);
  const parts = [`fastest: ${fastest.variant}, ${time}`, tieClause(at("tied")), unsureClause(at("unsure"))];
  if (next !== undefined) {
    const lead = formatRatio(1 / next.speed!);
    parts.push(`${lead} as fast as ${next.row.variant}${range(next.interval, 2)}`);
  } else if (standings.length - at("apart").length - at("other clock").length === 1) {
    parts.push("the only one timed");
  }
  parts.push(apartClause(at("apart")), otherClockClause(at("other clock")), choiceClause(summary));
  return parts.filter((part) => part !== "").join("; ");
}

const listOf = (standings: readonly Standing[]) => enumerate(standings.map(({ row }) => row.variant));

/** Names the rows that compute with less precision than was asked for. */
function apartClause(apart: readonly Standing[]): string {
  const list = apart.map(({ row, speed }) => `${row.variant} (${formatRatio(speed!)} as fast)`);
  return list.length === 0 ? "" : `with less precision, and so not ranked: ${enumerate(list)}`;
}

/** Names the rows that have no clock in common with the fastest. */
function otherClockClause(others: readonly Standing[]): string {
  return others.length === 0 ? "" : `timed by another clock, and so not ranked: ${listOf(others)}`;
}

/** Names the rows that cannot be told from the fastest, with the extremes of all their intervals. */
function tieClause(tied: readonly Standing[]): string {
  if (tied.length === 0) return "";
  const ends = tied.map(({ interval }) => interval!);
  const widest = [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))] as const;
  const intervals = range(widest, 2).replace("interval", tied.length > 1 ? "intervals within" : "interval");
  return `no significant difference to ${listOf(tied)}${intervals}`;
}

/** Names the rows that have too few samples to be ranked. */
function unsureClause(unsure: readonly Standing[]): string {
  return unsure.length === 0 ? "" : `too few samples to rank ${listOf(unsure)}`;
}

/** Says which variant to use. It is empty where there are too few samples. */
function choiceClause({ fastest, standings }: SectionSummary): string {
  const use = choiceOf(standings);
  if (use === null) return "";
  const { row: { variant }, speed } = use;
  if (standings.filter(leads).filter(({ row }) => !isPeer(row)).length > 1) {
    return `use ${variant}: nothing is known to be faster, and none of these takes less memory`;
  }
  if (use.row === fastest || use.place === "tied") return `use ${variant}`;
  return `of the variants here use ${variant}, ${formatRatio(speed!)} as fast`;
}

/** A sentence on the rest: which rows need the least memory, and which are closest to the oracle. */
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

/** A sentence that compares `tuned` with each peer, by a clock that timed both. Null where there is nothing to compare. */
export function peerSentence({ mode, standings }: SectionSummary): string | null {
  const rows = standings.map(({ row }) => row);
  const tuned = rows.find(({ variant }) => variant === "tuned");
  if (tuned === undefined) return null;
  const clauses = rows.filter(isPeer).flatMap((peer) => {
    const times = commonTimes(peer, tuned);
    if (times === null) return [];
    const { clock, own, others } = times;
    const ratio = `${formatRatio(own.median / others.median)} the speed of ${peer.variant}`;
    const [peak, ownPeak] = [peakOf(peer), peakOf(tuned)];
    const memory = ownPeak === null || !peak ? "" : ` at ${(ownPeak / peak).toFixed(2)} of its memory`;
    return [`${ratio}${clock === "wall" ? " by the wall clock" : ""}${memory}`];
  });
  return clauses.length === 0 ? null : `${mode}: tuned runs at ${enumerate(clauses)}`;
}
