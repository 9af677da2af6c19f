/**
 * All charts of a report.
 *
 * @module
 */

import { compareReports } from "../report/compare.ts";
import { problemKey, problemOf } from "../report/groups.ts";
import type { Report, Row } from "../report/schema.ts";
import { type Chart, type ChartView, contextOf, type Draw, shapeName, type Undrawn } from "./chart.ts";
import { drawComparison } from "./comparison.ts";
import { compose } from "./layout.ts";
import { drawKernels } from "./kernels.ts";
import { drawLatency } from "./latency.ts";
import { drawMemory } from "./memory.ts";
import { drawRoofline } from "./roofline.ts";
import { drawScaling } from "./scaling.ts";
import { drawSpeeds } from "./speeds.ts";
import { drawTimes } from "./times.ts";
import { drawAccuracy, drawTimeMemory } from "./trade_offs.ts";

/** A kind of chart: its name, how it is drawn, and which rows one picture shows. */
export interface ChartKind {
  name: string;
  draw: Draw;
  /** What all rows of one picture have in common. */
  scope: "problem" | "setup" | "shape";
  /** It needs the whole width of a page. */
  wide?: boolean;
}

/** The kinds in the order in which a page shows them. */
export const KINDS: readonly ChartKind[] = [
  { name: "times", draw: drawTimes, scope: "problem" },
  { name: "memory", draw: drawMemory, scope: "problem" },
  { name: "time-memory", draw: drawTimeMemory, scope: "problem" },
  { name: "kernels", draw: drawKernels, scope: "problem", wide: true },
  { name: "roofline", draw: drawRoofline, scope: "problem", wide: true },
  { name: "samples", draw: drawLatency, scope: "problem" },
  { name: "accuracy", draw: drawAccuracy, scope: "shape" },
  { name: "speeds", draw: drawSpeeds, scope: "setup", wide: true },
  { name: "scaling", draw: drawScaling, scope: "setup", wide: true },
];

/** Pictures of files: as wide as README shows them without shrinking, with the panels of three modes in a row. */
export const PAPER = { width: 880, across: 3 } as const;

/** Everything of a problem but its shape. */
function setupKey({ dtype, precision, activation }: Row): string {
  return JSON.stringify([dtype, precision, activation]);
}

/** The key of a row's group, for each scope. */
export const SCOPES: Record<ChartKind["scope"], (row: Row) => string> = {
  problem: (row) => problemKey(problemOf(row)),
  setup: setupKey,
  shape: (row) => JSON.stringify([shapeName(row), row.activation]),
};

/** A part of a file name. All but plain characters become underscores, because an activation's name may be any text. */
function word(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 24);
}

/** The parts of a name that tell this group of rows from the others of the report. */
function suffix(
  group: readonly Row[],
  { scope, rows }: { scope: ChartKind["scope"]; rows: readonly Row[] },
): string {
  const [row] = group;
  const several = (value: (row: Row) => string) => new Set(rows.map(value)).size > 1;
  return [
    scope === "setup" ? "" : shapeName(row),
    scope === "shape" ? "" : row.dtype,
    scope !== "shape" && several((row) => row.precision) ? row.precision : "",
    several((row) => row.activation) ? word(row.activation) : "",
  ].filter((part) => part !== "").join("-");
}

/** Makes names of files unique: the second of the same name gets `-2`, and so on. */
function unique<T extends { name: string }>(items: readonly T[]): T[] {
  const used = new Map<string, number>();
  return items.map((item) => {
    const times = (used.get(item.name) ?? 0) + 1;
    used.set(item.name, times);
    return times === 1 ? item : { ...item, name: `${item.name}-${times}` };
  });
}

/** Draws the view as a chart of that name, or says why it cannot. */
export function drawAs(name: string, { draw, view }: { draw: Draw; view: ChartView }): Chart | Undrawn {
  const drawn = draw(view);
  if ("reason" in drawn) return { name, reason: drawn.reason };
  return { name, title: drawn.title, ...compose(drawn, view) };
}

/** Every chart of a report. In place of a chart that lacks data stands the reason. */
export function chartsOf(
  report: Report,
  size: Omit<ChartView, "report" | "rows"> = PAPER,
): (Chart | Undrawn)[] {
  const { rows } = report;
  return unique(
    KINDS.flatMap(({ name, draw, scope }) =>
      [...Map.groupBy(rows, SCOPES[scope]).values()].map((group) =>
        drawAs(`${name}-${suffix(group, { scope, rows })}`, {
          draw,
          view: { report, rows: group, ...size },
        })
      )
    ),
  );
}

/** The chart of a kind, for the problem with the most work. Null where there is no such kind. */
export function chartOf(report: Report, name: string): (Chart & { context: string }) | Undrawn | null {
  const kind = KINDS.find((kind) => kind.name === name);
  if (kind === undefined) return null;
  const work = ({ tokens, dim, hiddenDim }: Row) => tokens * dim * hiddenDim;
  const largest = report.rows.reduce<Row | null>((a, b) => a === null || work(b) > work(a) ? b : a, null);
  const group = SCOPES[kind.scope];
  const rows = largest === null ? [] : report.rows.filter((row) => group(row) === group(largest));
  const chart = drawAs(name, { draw: kind.draw, view: { report, rows, ...PAPER } });
  return "reason" in chart ? chart : { ...chart, context: contextOf({ report, rows }) };
}

/** The charts of a later report against an earlier one, a chart for each problem. */
export function comparisonsOf(after: Report, before: Report): (Chart | Undrawn)[] {
  const { rows } = after;
  const groups = [...Map.groupBy(rows, SCOPES.problem).values()];
  const comparison = compareReports(before, after);
  return unique(groups.map((group) =>
    drawAs(`comparison-${suffix(group, { scope: "problem", rows })}`, {
      draw: (view) => drawComparison(view, { before, comparison }),
      view: { report: after, rows: group, ...PAPER },
    })
  ));
}
