/**
 * Two reports against each other, row by row.
 *
 * @module
 */

import { machineOf, rowName, timeOf } from "./groups.ts";
import type { Report, Row } from "./schema.ts";

/** The statistics that a comparison needs; its caller has them. */
export interface CompareStatistics {
  /** The 95 % interval of median(a) / median(b). */
  ratioInterval(a: readonly number[], b: readonly number[]): readonly [number, number];
  /** Two-sided chance of samples at least as different, if both came from one distribution. */
  pValue(a: readonly number[], b: readonly number[]): number;
}

/** What became of a row. */
export type Verdict = "faster" | "slower" | "same" | "broken" | "mended" | "not timed" | "not judged";

/** A row of both reports. */
export interface Pair {
  before: Row;
  after: Row;
  /** Median time after over before; null where either has none, the clocks differ, or the runs cannot be compared. */
  ratio: number | null;
  interval: readonly [number, number] | null;
  /** Corrected for the number of rows that are compared. */
  p: number | null;
  verdict: Verdict;
}

/** Two reports against each other. */
export interface Comparison {
  /** What differs between the runs so that their times cannot tell programs apart, each as a sentence. */
  obstacles: string[];
  /** What else differs beside the times, and may be why they do. */
  differences: string[];
  pairs: Pair[];
  /** Rows that only one of them has. */
  onlyBefore: Row[];
  onlyAfter: Row[];
}

/** Differences in time count as real below this chance of being none, over all rows together. */
const SIGNIFICANCE = 0.05;

/** Settings that change what a time means. */
const OBSTACLES = ["flush"];

/** Settings that say which rows there are, not how they are measured. */
const FREE_SETTINGS = ["sizes", "adapter"];

/** Compares two reports. Rows are the same where variant, mode and the whole problem are. */
export function compareReports(
  before: Report,
  after: Report,
  { statistics }: { statistics: CompareStatistics },
): Comparison {
  const earlier = new Map(before.rows.map((row) => [rowName(row), row]));
  const names = new Set(after.rows.map(rowName));
  const pairs = after.rows.flatMap((row) => {
    const match = earlier.get(rowName(row));
    return match === undefined ? [] : [pairOf(match, row, statistics)];
  });
  const { obstacles, differences } = differencesOf(before, after);
  return {
    obstacles,
    differences: [...differences, ...changedWays(pairs)],
    pairs: obstacles.length === 0 ? judged(pairs) : pairs.map(unjudged),
    onlyBefore: before.rows.filter((row) => !names.has(rowName(row))),
    onlyAfter: after.rows.filter((row) => !earlier.has(rowName(row))),
  };
}

/**
 * What keeps a comparison from seeing a regression: rows that are gone or have no time, and samples so few that no
 * difference would be certain.
 */
export function blindSpots({ pairs, onlyBefore }: Comparison): string[] {
  const untimed = pairs.filter(({ before, verdict }) => before.status === "ok" && verdict === "not timed");
  const timed = pairs.filter(({ p }) => p !== null);
  const few = timed.filter((pair) => leastP(pair) * timed.length > SIGNIFICANCE);
  const spots: [readonly unknown[], string][] = [
    [onlyBefore.filter(({ status }) => status === "ok"), "only in the earlier report"],
    [untimed, "without times that can be compared"],
    [few, `with too few samples to be sure of any difference among ${timed.length}: raise --samples`],
  ];
  return spots.filter(([rows]) => rows.length > 0).map(([rows, what]) =>
    `${rows.length} ${rows.length === 1 ? "row" : "rows"} ${what}`
  );
}

/** The least chance that the test can give: all samples of one report below all of the other. */
function leastP({ before, after }: Pair): number {
  const [n, m] = [before, after].map((row) => timeOf(row)!.statistics.n);
  let arrangements = 1;
  for (let i = 1; i <= n; i++) arrangements *= (m + i) / i;
  return 2 / arrangements;
}

/** Pairs that got worse: broken, or surely slower and by more than so many percent. */
export function regressions({ pairs }: Comparison, percent: number): Pair[] {
  return pairs.filter(({ verdict, ratio }) =>
    verdict === "broken" || verdict === "slower" && ratio! > 1 + percent / 100
  );
}

function pairOf(before: Row, after: Row, { ratioInterval, pValue }: CompareStatistics): Pair {
  const [old, now] = [timeOf(before), timeOf(after)];
  const untimed = { before, after, ratio: null, interval: null, p: null };
  if (before.status === "ok" && after.status !== "ok") return { ...untimed, verdict: "broken" };
  if (before.status !== "ok" && after.status === "ok") return { ...untimed, verdict: "mended" };
  if (old === null || now === null || old.clock !== now.clock) return { ...untimed, verdict: "not timed" };
  const [a, b] = [now.statistics.samples, old.statistics.samples];
  const ratio = now.statistics.median / old.statistics.median;
  return { before, after, ratio, interval: ratioInterval(a, b), p: pValue(a, b), verdict: "same" };
}

/**
 * Verdicts on times: real where both the interval and the test say so. The test's chances are corrected for the number
 * of rows. Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
 */
function judged(pairs: readonly Pair[]): Pair[] {
  const timed = pairs.filter(({ p }) => p !== null).toSorted((a, b) => a.p! - b.p!);
  const corrected = new Map<Pair, number>();
  let least = 0;
  for (const [i, pair] of timed.entries()) {
    least = Math.max(least, Math.min(1, pair.p! * (timed.length - i)));
    corrected.set(pair, least);
  }
  return pairs.map((pair) => {
    const p = corrected.get(pair);
    return p === undefined ? pair : { ...pair, p, verdict: verdictOf(pair, p) };
  });
}

function verdictOf({ interval }: Pair, p: number): Verdict {
  if (interval === null || p > SIGNIFICANCE) return "same";
  if (interval[0] > 1) return "slower";
  return interval[1] < 1 ? "faster" : "same";
}

function unjudged(pair: Pair): Pair {
  return pair.ratio === null
    ? pair
    : { ...pair, ratio: null, interval: null, p: null, verdict: "not judged" };
}

function changedWays(pairs: readonly Pair[]): string[] {
  const timed = pairs.filter(({ before, after }) => before.status === "ok" && after.status === "ok");
  const facts = [["implementation", ({ implementation }: Row) => implementation], [
    "tile",
    ({ tile }: Row) => tile,
  ]] as const;
  return facts.flatMap(([name, of]) => {
    const changed = timed.filter(({ before, after }) => of(before) !== of(after)).length;
    return changed === 0 ? [] : [`The ${name} of ${changed} of ${timed.length} rows differs.`];
  });
}

function differencesOf(before: Report, after: Report): Pick<Comparison, "obstacles" | "differences"> {
  const compare = ([what, a, b]: Fact): string[] =>
    a === b ? [] : [`${what} differs: ${a ?? "none"} before, ${b ?? "none"} after.`];
  const [a, b] = [before.settings ?? {}, after.settings ?? {}];
  const obstacles: Fact[] = [["The adapter", machineOf(before), machineOf(after)]];
  const others: Fact[] = [
    ["The adapter's description", before.adapter.description, after.adapter.description],
    ["The driver", before.driver?.version, after.driver?.version],
  ];
  for (const name of union(before.versions, after.versions)) {
    others.push([`The version of ${name}`, before.versions[name], after.versions[name]]);
  }
  for (const name of union(a, b).filter((name) => !FREE_SETTINGS.includes(name))) {
    (OBSTACLES.includes(name) ? obstacles : others).push([`The setting ${name}`, a[name], b[name]]);
  }
  return { obstacles: obstacles.flatMap(compare), differences: others.flatMap(compare) };
}

/** What it is, before and after. */
type Fact = [what: string, before: unknown, after: unknown];

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}
