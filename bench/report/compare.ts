/**
 * Two reports against each other, row by row.
 *
 * @module
 */

import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import {
  commonTimes,
  type Compared,
  machineOf,
  problemKey,
  problemOf,
  type RowClock,
  rowName,
} from "./groups.ts";
import { FALSE_ALARMS, judge, type Judged, type Judgement, NOISE } from "./judge.ts";
import type { Report, Row } from "./schema.ts";
import { machineDifferences } from "./machine_differences.ts";
import type { Doubted } from "./warnings.ts";

/** What became of a row: what its times say, or why they say nothing. */
export type Verdict = Judgement | "too few" | "broken" | "mended" | "not timed" | "not judged";

/** A row of both reports. */
export interface Pair {
  before: Row;
  after: Row;
  /** The clock that timed both. Null where no clock did. */
  clock: RowClock | null;
  /** Median time after over median time before. Null where no clock timed both, or where the runs cannot be compared. */
  ratio: number | null;
  /** The ratios that drift within the runs can explain. */
  interval: readonly [number, number] | null;
  /** The chance of such a difference if nothing changed, corrected for the number of rows. Null where it was not tested. */
  p: number | null;
  verdict: Verdict;
}

/** Two reports against each other. */
export interface Comparison {
  /** Differences between the runs that make their times incomparable, each a sentence. */
  obstacles: string[];
  /** Other differences between the runs, which may be why times differ. Each is a sentence. */
  differences: string[];
  /** The runs and the rows that both have, for their warnings. */
  doubted: { before: Doubted; after: Doubted };
  /** The part by which times may differ without meaning anything. */
  noise: number;
  pairs: Pair[];
  /** Rows that only the earlier report has, and below those that only the later one has. */
  onlyBefore: Row[];
  onlyAfter: Row[];
}

/** Settings that change what a time means. */
const OBSTACLES = ["flush"];

/** Settings that may differ, because they only say which rows there are. */
const FREE_SETTINGS = ["sizes", "adapter"];

/**
 * Compares two reports. Two rows are a pair if their variant, mode and problem are equal.
 *
 * @param options.noise The part by which times may differ without meaning anything. Default: {@link NOISE}.
 */
export function compareReports(
  before: Report,
  after: Report,
  { noise = NOISE }: { noise?: number } = {},
): Comparison {
  const earlier = new Map(before.rows.map((row) => [rowName(row), row]));
  const names = new Set(after.rows.map(rowName));
  const pairs = after.rows.flatMap((row) => {
    const match = earlier.get(rowName(row));
    return match === undefined ? [] : [pairOf(match, row)];
  });
  const { obstacles, differences } = differencesOf(before, after);
  return {
    obstacles,
    differences: [...differences, ...changedWays(pairs)],
    pairs: obstacles.length === 0
      ? judged(pairs, { ceilings: ceilingRatios(before, after), noise })
      : pairs.map(unjudged),
    doubted: {
      before: { warnings: before.warnings, rows: pairs.map(({ before }) => before) },
      after: { warnings: after.warnings, rows: pairs.map(({ after }) => after) },
    },
    noise,
    onlyBefore: before.rows.filter((row) => !names.has(rowName(row))),
    onlyAfter: after.rows.filter((row) => !earlier.has(rowName(row))),
  };
}

/**
 * Why a comparison could have missed a slower row, each as a clause. Rows may be gone or have no time. Samples may be too
 * few to be sure of any difference. Rows may be slower by more than `percent` without standing out.
 */
export function blindSpots({ pairs, onlyBefore }: Comparison, percent: number): string[] {
  const untimed = pairs.filter(({ before, verdict }) => before.status === "ok" && verdict === "not timed");
  const timed = pairs.filter(({ p }) => p !== null);
  const few = pairs.filter((pair) =>
    pair.verdict === "too few" || pair.p !== null && leastP(pair) * timed.length > FALSE_ALARMS
  );
  const slower = timed.filter((pair) => !few.includes(pair) && isSlower(pair, percent));
  const spots: [readonly unknown[], string][] = [
    [onlyBefore.filter(({ status }) => status === "ok"), "only in the earlier report"],
    [untimed, "without times that can be compared"],
    [few, `with too few samples to be sure of any difference among ${timed.length}: raise --samples`],
    [
      slower.filter(({ verdict }) => verdict === "same"),
      `slower by more than ${percent} %, but no more than their samples drift: close other programs, and measure both again`,
    ],
    [
      slower.filter(({ verdict }) => verdict === "in doubt"),
      `slower by more than ${percent} % without standing out from the others, so that load or clocks may be why: measure both again, in turns`,
    ],
  ];
  return spots.filter(([rows]) => rows.length > 0).map(([rows, what]) =>
    `${rows.length} ${rows.length === 1 ? "row" : "rows"} ${what}`
  );
}

/** The least p that the test can give. It does so if all samples of one report lie below all of the other. */
function leastP(pair: Pair): number {
  const { own: { n }, others: { n: m } } = timesOf(pair)!;
  let arrangements = 1;
  for (let i = 1; i <= n; i++) arrangements *= (m + i) / i;
  return 2 / arrangements;
}

/** Pairs that got worse: they are broken, or surely slower and by more than `percent`. */
export function regressions({ pairs }: Comparison, percent: number): Pair[] {
  return pairs.filter((pair) =>
    pair.verdict === "broken" || pair.verdict === "slower" && isSlower(pair, percent)
  );
}

function isSlower({ ratio }: Pair, percent: number): boolean {
  return ratio !== null && ratio > 1 + percent / 100;
}

/** Times after (`own`) and before, by the clock that timed both. */
function timesOf({ before, after }: Pick<Pair, "before" | "after">): Compared | null {
  return commonTimes(after, before);
}

function pairOf(before: Row, after: Row): Pair {
  const times = timesOf({ before, after });
  const untimed = { before, after, clock: null, ratio: null, interval: null, p: null };
  if (before.status === "ok" && after.status !== "ok") return { ...untimed, verdict: "broken" };
  if (before.status !== "ok" && after.status === "ok") return { ...untimed, verdict: "mended" };
  if (times === null) return { ...untimed, verdict: "not timed" };
  const { clock, own, others } = times;
  const few = Math.min(own.n, others.n) < FEWEST_TO_COMPARE;
  return { ...untimed, clock, ratio: own.median / others.median, verdict: few ? "too few" : "same" };
}

/** The pairs with verdicts on their times. Each is judged among the rows of its problem. */
function judged(
  pairs: readonly Pair[],
  { ceilings, noise }: { ceilings: readonly number[]; noise: number },
): Pair[] {
  const timed = pairs.filter(({ clock, verdict }) => clock !== null && verdict === "same");
  const groups = [...Map.groupBy(timed, ({ after }) => problemKey(problemOf(after))).values()];
  const samples = groups.map((group) =>
    group.map((pair) => {
      const { own, others } = timesOf(pair)!;
      return { before: others.samples, after: own.samples };
    })
  );
  const judgements = judge(samples, ceilings, noise).flat();
  const known = new Map(groups.flat().map((pair, i): [Pair, Judged] => [pair, judgements[i]]));
  return pairs.map((pair) => {
    const found = known.get(pair);
    return found === undefined
      ? pair
      : { ...pair, interval: found.interval, p: found.p, verdict: found.judgement };
  });
}

/** Time after over time before of each ceiling that both reports have. */
function ceilingRatios(before: Report, after: Report): number[] {
  const rates = ({ ceilings: { fmaTflops, copyGBps } }: Report) => [
    fmaTflops.float32,
    fmaTflops.float16 ?? null,
    copyGBps,
  ];
  const earlier = rates(before);
  return rates(after).flatMap((rate, i) => {
    const old = earlier[i];
    return rate === null || old === null ? [] : [old / rate];
  });
}

function unjudged(pair: Pair): Pair {
  return pair.ratio === null ? pair : { ...pair, ratio: null, verdict: "not judged" };
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
    ["The driver", before.driver?.version, after.driver?.version],
  ];
  for (const name of union(before.versions, after.versions)) {
    others.push([`The version of ${name}`, ownValue(before.versions, name), ownValue(after.versions, name)]);
  }
  for (const name of union(a, b).filter((name) => !FREE_SETTINGS.includes(name))) {
    (OBSTACLES.includes(name) ? obstacles : others).push([
      `The setting ${name}`,
      ownValue(a, name),
      ownValue(b, name),
    ]);
  }
  return {
    obstacles: obstacles.flatMap(compare),
    differences: [...machineDifferences(before, after), ...others.flatMap(compare)],
  };
}

/** A property of a run, with its value before and after. */
type Fact = [what: string, before: unknown, after: unknown];

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])];
}

/** A value by a name that may be any text. It skips what all objects inherit, such as `constructor`. */
function ownValue(values: object, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name as keyof typeof values] : undefined;
}
