/**
 * A summary as one line, for the terminal and the page:
 * `full      tuned 65.41 ms | ties: pytorch-eager | 1.01x pytorch | least memory: tuned`.
 *
 * @module
 */

import { formatRatio, formatTime } from "./format.ts";
import { commonTimes, medianOf } from "./groups.ts";
import type { Row } from "./schema.ts";
import { choiceOf, isPeer, leads, type Place, type SectionSummary, type Standing } from "./summary.ts";
import { enumerate, wrap } from "./text.ts";

/** Tells readers what comes first in each line. */
export const SUMMARY_HEADING = "Summary: the fastest; of those that tie, the one with the least memory";

/** Columns that the name of a mode takes. */
const LEAD = 9;

/** The variant that the others are measured by: it fuses nothing. */
const BASELINE = "pytorch";

/** How much a line says. */
interface Detail {
  /** Most names in a list; 0 for their number alone. */
  names: number;
  /** Whether rows that are not ranked are told. The table has marks for them. */
  unranked: boolean;
  /** Whether the first is compared with {@link BASELINE}. */
  baseline: boolean;
}

/** Stands between the parts of a line. */
const BETWEEN = " | ";

/** The summary in one line. It says less until it fits, and only then is it wrapped. */
export function summaryLines(summary: SectionSummary, width: number): string[] {
  const lead = summary.mode.padEnd(LEAD);
  return wrap(summaryParts(summary, { width: width - lead.length, peers: "short" }).join(BETWEEN), {
    width,
    lead,
  });
}

/** How peers are named: without their prefix, which leaves room on a line, or as tables and charts name them. */
type PeerNames = "short" | "full";

/** The parts of the line without the mode: who is first, and what is told of it. They say less until they fit. */
export function summaryParts(
  summary: SectionSummary,
  { width, peers }: { width: number; peers: PeerNames },
): string[] {
  const parts = partsOf(summary, namesIn(summary, peers));
  const told = (detail: Detail) => parts(detail).filter((part) => part !== "");
  const details = detailsOf(summary.standings.length);
  const fits = details.find((detail) => told(detail).join(BETWEEN).length <= width);
  return told(fits ?? details[details.length - 1]);
}

/** All that may be said of so many rows, then less and less. */
function detailsOf(rows: number): Detail[] {
  const shorter = Array.from({ length: rows }, (_, i) => rows - i);
  return [
    ...shorter.map((names) => ({ names, unranked: true, baseline: true })),
    ...shorter.map((names) => ({ names, unranked: false, baseline: true })),
    { names: 0, unranked: false, baseline: true },
    { names: 0, unranked: false, baseline: false },
  ];
}

function partsOf(
  { fastest, standings, smallest }: SectionSummary,
  nameOf: NameOf,
): (detail: Detail) => string[] {
  const first = firstOf(standings, fastest);
  if (first === null) return () => ["no row was timed"];
  const others = standings.filter((standing) => standing !== first);
  const at = (place: Place) => others.filter((standing) => standing.place === place);
  const ties = leads(first) ? others.filter(leads) : [];
  const list = (label: string, some: readonly Standing[], names: number) =>
    some.length === 0 ? "" : `${label}: ${listOf(some, { others, nameOf, names })}`;
  return ({ names, unranked, baseline }) => [
    `${nameOf(first.row)} ${formatTime(medianOf(first.row))}`,
    list("ties", ties, names),
    baseline ? againstBaseline(first, others) : "",
    ownClause(first, standings),
    unranked ? list("too few samples", at("unsure"), names) : "",
    unranked ? apartClause(at("apart"), { nameOf, names }) : "",
    unranked ? list("other clock", at("other clock"), names) : "",
    leastClause(smallest, { first, nameOf, names }),
  ];
}

/** The variant to use if it is as fast as any, else the fastest. */
function firstOf(standings: readonly Standing[], fastest: Row | null): Standing | null {
  const choice = choiceOf(standings);
  if (choice !== null && leads(choice)) return choice;
  return standings.find(({ row }) => row === fastest) ?? null;
}

/** `1.01x pytorch`, where that variant has been measured and is slower. */
function againstBaseline({ row }: Standing, others: readonly Standing[]): string {
  const baseline = others.find(({ row, place }) => row.variant === BASELINE && place === "slower");
  const times = baseline === undefined ? null : commonTimes(baseline.row, row);
  return times === null ? "" : `${formatRatio(times.own.median / times.others.median)} ${BASELINE}`;
}

/** Where a peer is ahead of all: the best of the variants here, and how fast it is beside the peer. */
function ownClause({ row }: Standing, standings: readonly Standing[]): string {
  const own = isPeer(row) ? choiceOf(standings) : null;
  return own === null ? "" : `${own.row.variant} ${formatRatio(own.speed!)}`;
}

function apartClause(
  apart: readonly Standing[],
  { nameOf, names }: { nameOf: NameOf; names: number },
): string {
  const list = apart.map(({ row, speed }) => `${nameOf(row)} ${formatRatio(speed!)}`);
  return list.length === 0 ? "" : `less precise: ${names === 0 ? list.length : enumerate(list, names)}`;
}

/** Of several that need as little, the row that comes first in the line stands for all. */
function leastClause(
  smallest: readonly Row[],
  { first, nameOf, names }: { first: Standing; nameOf: NameOf; names: number },
): string {
  if (smallest.length === 0) return "";
  if (!smallest.includes(first.row)) {
    return `least memory: ${enumerate(smallest.map(nameOf), Math.max(names, 1))}`;
  }
  const others = smallest.length - 1;
  return `least memory: ${nameOf(first.row)}${others === 0 ? "" : ` and ${others} more`}`;
}

function listOf(
  some: readonly Standing[],
  { others, nameOf, names }: { others: readonly Standing[]; nameOf: NameOf; names: number },
): string {
  if (some.length > 1 && some.length === others.length) return "all others";
  if (names === 0) return `${some.length}`;
  return enumerate(some.map(({ row }) => nameOf(row)), names);
}

/** What a row is called. */
type NameOf = (row: Row) => string;

/** The names of rows. A short one of a peer has no prefix, unless a variant here is called the same. */
function namesIn({ standings }: SectionSummary, peers: PeerNames): NameOf {
  if (peers === "full") return ({ variant }) => variant;
  const known = new Set(standings.map(({ row }) => row.variant));
  return (row) => {
    const short = row.variant.slice(row.variant.indexOf(":") + 1);
    return isPeer(row) && !known.has(short) ? short : row.variant;
  };
}
