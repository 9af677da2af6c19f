/**
 * What differs between the machines of two reports, which may be why times differ.
 *
 * @module
 */

import { formatRate, significant } from "./format.ts";
import type { Report } from "./schema.ts";
import { enumerate } from "./text.ts";

/** Ceilings differ by less than this part from one run of a machine to the next. */
const CEILING_NOISE = 0.05;

/** Most features or limits that are named. */
const MOST_NAMES = 4;

/** Each difference as a sentence. What only one of the reports tells is none. */
export function machineDifferences(before: Report, after: Report): string[] {
  return [
    ...factDifferences(before, after),
    ...ceilingDifferences(before, after),
    ...grantDifferences(before, after),
  ];
}

function factDifferences(before: Report, after: Report): string[] {
  const facts: [string, (report: Report) => string | number | null | undefined][] = [
    ["The system", ({ machine }) => machine?.system],
    ["The number of cores", ({ machine }) => machine?.cores],
    ["The adapter's description", ({ adapter }) => adapter.description],
    ["The adapter's architecture", ({ adapter }) => adapter.architecture],
    ["Whether the adapter has timestamps", ({ adapter }) => timestamps(adapter)],
  ];
  return facts.flatMap(([what, of]) => {
    const [a, b] = [of(before), of(after)];
    return a === b || isUnknown(a) || isUnknown(b) ? [] : [`${what} differs: ${a} before, ${b} after.`];
  });
}

const isUnknown = (value: unknown) => value === undefined || value === null || value === "";

function timestamps({ timestampPeriodNs }: Report["adapter"]): string | undefined {
  return timestampPeriodNs === undefined ? undefined : timestampPeriodNs === null ? "no" : "yes";
}

function ceilingDifferences({ ceilings: a }: Report, { ceilings: b }: Report): string[] {
  const gigabytes = (rate: number) => `${significant(rate)} GB/s`;
  const rates: [string, number | null | undefined, number | null | undefined, (rate: number) => string][] = [
    ["float32 multiply-adds", a.fmaTflops.float32, b.fmaTflops.float32, formatRate],
    ["float16 multiply-adds", a.fmaTflops.float16, b.fmaTflops.float16, formatRate],
    ["subgroup matrices", a.matrixTflops, b.matrixTflops, formatRate],
    ["copy", a.copyGBps, b.copyGBps, gigabytes],
  ];
  return rates.flatMap(([what, old, now, format]) => {
    if (!old || !now || Math.abs(Math.log(now / old)) <= Math.log1p(CEILING_NOISE)) return [];
    return [`The ceiling of ${what} differs: ${format(old)} before, ${format(now)} after.`];
  });
}

/** Features and limits that the adapters granted. */
function grantDifferences({ adapter: a }: Report, { adapter: b }: Report): string[] {
  const sentences: string[] = [];
  if (a.features && b.features) {
    const only = (own: readonly string[], others: readonly string[]) =>
      own.filter((feature) => !others.includes(feature));
    const parts = [
      ["before", only(a.features, b.features)] as const,
      ["after", only(b.features, a.features)] as const,
    ].filter(([, names]) => names.length > 0).map(([when, names]) =>
      `only ${when} ${enumerate(names, MOST_NAMES)}`
    );
    if (parts.length > 0) sentences.push(`The adapter's features differ: ${parts.join("; ")}.`);
  }
  const [old, now] = [new Map(Object.entries(a.limits ?? {})), new Map(Object.entries(b.limits ?? {}))];
  const names = [...old.keys()].filter((name) => now.has(name) && now.get(name) !== old.get(name));
  if (names.length > 0) {
    const limits = names.map((name) => `${name} (${old.get(name)} before, ${now.get(name)} after)`);
    sentences.push(`The adapter's limits differ: ${enumerate(limits, MOST_NAMES)}.`);
  }
  return sentences;
}
