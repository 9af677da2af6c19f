/**
 * What a chart shows, in a few words for its title.
 *
 * @module
 */

import { isPeer, leads, type SectionSummary, summarise } from "../report/summary.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { modesOf } from "./chart.ts";

/** Most names that a title gives of a mode. */
const MOST_NAMES = 2;

function names(rows: readonly Row[]): string {
  // A reader of this project's report looks for its own variants first.
  const all = [...rows].sort((a, b) => Number(isPeer(a)) - Number(isPeer(b))).map((row) =>
    plain(row.variant, 40)
  );
  if (all.length <= MOST_NAMES) return all.join(" or ");
  return `${all[0]} or ${all.length - 1} others`;
}

/** `tuned`, or `tuned (forward), liger or unsloth (full)`: who is best in each mode. Empty where nobody is. */
function best(rows: readonly Row[], pick: (summary: SectionSummary) => readonly Row[]): string {
  const modes = modesOf(rows).flatMap((mode) => {
    const picked = pick(summarise({ mode, rows: rows.filter((row) => row.mode === mode) }));
    return picked.length === 0 ? [] : [{ mode, names: names(picked) }];
  });
  const different = Map.groupBy(modes, ({ names }) => names);
  if (different.size === 1 && modes.length === modesOf(rows).length) return modes[0].names;
  return [...different].map(([names, of]) => `${names} (${of.map(({ mode }) => mode).join(", ")})`).join(
    ", ",
  );
}

/** The subject of a title, of its mode where there is only one, and what was found. */
function titled(subject: string, rows: readonly Row[], finding: string): string {
  const modes = modesOf(rows);
  const of = modes.length === 1 ? `${subject}, ${modes[0]}` : subject;
  return finding === "" ? of : `${of}: ${finding}`;
}

/** Who is fastest, and who cannot be told from it. */
export function fastestFinding(rows: readonly Row[]): string {
  return titled(
    "Fastest",
    rows,
    best(rows, ({ standings }) => standings.filter(leads).map(({ row }) => row)),
  );
}

/** Who has the least peak memory. */
export function smallestFinding(rows: readonly Row[]): string {
  return titled("Least peak memory", rows, best(rows, ({ smallest }) => smallest));
}
