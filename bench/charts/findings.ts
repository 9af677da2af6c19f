/**
 * What a chart shows, in a few words for its title.
 *
 * @module
 */

import { choiceOf, leads, peakOf, type SectionSummary, summarise } from "../report/summary.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { modesOf } from "./chart.ts";

/** The best rows of a mode, and all that they are compared with. */
interface Best {
  rows: readonly Row[];
  of: readonly Row[];
  /** What is said where all are equal. */
  equal: string;
}

/** Most names that a title gives of a mode. */
const MOST_NAMES = 2;

/** Who is best in a mode. The variant to use comes first, as in the answer. */
function names({ rows, of, equal }: Best, { standings }: SectionSummary): string {
  if (rows.length > MOST_NAMES && rows.length === of.length) return equal;
  const choice = choiceOf(standings)?.row;
  const all = rows.toSorted((a, b) => Number(b === choice) - Number(a === choice))
    .map((row) => plain(row.variant, 40));
  return all.length <= MOST_NAMES ? all.join(" or ") : `${all[0]} or ${all.length - 1} others`;
}

/** `tuned`, or `tuned (forward), liger or unsloth (full)`: who is best in each mode. Empty where nobody is. */
function best(rows: readonly Row[], pick: (summary: SectionSummary, rows: readonly Row[]) => Best): string {
  const modes = modesOf(rows).flatMap((mode) => {
    const section = { mode, rows: rows.filter((row) => row.mode === mode) };
    const summary = summarise(section);
    const picked = pick(summary, section.rows);
    return picked.rows.length === 0 ? [] : [{ mode, names: names(picked, summary) }];
  });
  const different = Map.groupBy(modes, ({ names }) => names);
  if (different.size === 1 && modes.length === modesOf(rows).length) return modes[0].names;
  return [...different].map(([names, of]) => `${names} (${of.map(({ mode }) => mode).join(", ")})`).join(
    ", ",
  );
}

/** The subject of a title, with its mode where there is only one, and what was found. */
function titled(subject: string, rows: readonly Row[], finding: string): string {
  const modes = modesOf(rows);
  const of = modes.length === 1 ? `${subject}, ${modes[0]}` : subject;
  return finding === "" ? of : `${of}: ${finding}`;
}

/** Who is fastest, and who cannot be told from it. */
export function fastestFinding(rows: readonly Row[]): string {
  const finding = best(rows, ({ standings }) => ({
    rows: standings.filter(leads).map(({ row }) => row),
    of: standings.map(({ row }) => row),
    equal: "no clear difference",
  }));
  return titled("Fastest", rows, finding);
}

/** Who has the least peak memory. */
export function smallestFinding(rows: readonly Row[]): string {
  const finding = best(rows, ({ smallest }, rows) => ({
    rows: smallest,
    of: rows.filter((row) => peakOf(row) !== null),
    equal: "all need the same",
  }));
  return titled("Least peak memory", rows, finding);
}
