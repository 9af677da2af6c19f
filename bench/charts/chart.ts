/**
 * The parts of every chart: the rows that it shows, what it says of them, and its axes of variants.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import { machineOf, problemOf } from "../report/groups.ts";
import { MODES, type Report, type ReportMode, type Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { enumerate } from "../report/text.ts";
import { inOrder, stylesOf } from "./theme.ts";

/** A part of a vega-lite specification: plain data, checked when it is compiled. */
export type Spec = { [key: string]: unknown };

/** A chart that can be drawn. */
export interface Chart {
  /** File name without its ending, and anchor in a page. */
  name: string;
  title: string;
  /** Machine and problem, then sentences that tell how to read it and what it leaves out. */
  notes: string[];
  spec: Spec;
}

/** A chart that cannot, and why. */
export interface Undrawn {
  name: string;
  reason: string;
}

/** What a chart is drawn from: some rows of one report. */
export interface ChartView {
  report: Report;
  rows: readonly Row[];
  /** Width in pixels of the whole picture. */
  width: number;
  /** Most panels in a row. Where it is 1, as on a page, each picture shows one mode, and its title stands outside. */
  across: number;
}

/** Panels and their title, before they become a chart. */
export interface Plate {
  title: string;
  /** Panels, row by row. */
  panels: Spec[][];
  /** Sentences below the title, after the one that names machine and problem. */
  notes?: string[];
}

/** A plate, or why there is none. */
export type Drawn = Plate | { reason: string };

/** Draws one kind of chart. */
export type Draw = (view: ChartView) => Drawn;

/** The modes that the rows have, in their order. */
export function modesOf(rows: readonly Row[]): ReportMode[] {
  return MODES.filter((mode) => rows.some((row) => row.mode === mode));
}

/**
 * A sentence that names the rows which a chart leaves out. Empty where it shows all.
 *
 * @param why What they lack, such as `a time`.
 */
export function leftOut(all: readonly Row[], shown: readonly Row[], why: string): string[] {
  const kept = new Set(shown);
  const missing = Map.groupBy(all.filter((row) => !kept.has(row)), ({ variant }) => variant);
  if (missing.size === 0) return [];
  const names = inOrder(missing.keys()).map((variant) => {
    const rows = missing.get(variant)!;
    const some = all.filter((row) => row.variant === variant).length > rows.length;
    return plain(variant, 40) + (some ? ` (${modesOf(rows).join(", ")})` : "");
  });
  return [`Left out, without ${why}: ${enumerate(names, 8)}.`];
}

/** The different values of the rows, each once: `float32`, or `float32, float16`. */
function shared(rows: readonly Row[], value: (row: Row) => string): string {
  return [...new Set(rows.map(value))].join(", ");
}

/** Machine, dtype, precision, activation and shape, without which figures mean nothing. Several shapes are only counted. */
export function contextOf({ report, rows }: Pick<ChartView, "report" | "rows">): string {
  const shapes = new Set(rows.map(formatShape));
  return [
    plain(machineOf(report), 60) + (report.adapter.software ? " (software)" : ""),
    shared(rows, (row) => row.dtype),
    `precision ${shared(rows, (row) => row.precision)}`,
    plain(shared(rows, (row) => row.activation), 40),
    shapes.size <= 1 ? [...shapes].join("") : `${shapes.size} shapes`,
  ].join(" | ");
}

/** The modes in words, for titles: `forward, backward, full`. */
export function modeWords(rows: readonly Row[]): string {
  return modesOf(rows).join(", ");
}

/** Variants of the view in order. */
export function orderOf({ rows }: Pick<ChartView, "rows">): string[] {
  return inOrder(rows.map((row) => row.variant));
}

/**
 * The name of a variant as charts print it. A name that all objects have as a property, such as `constructor`, gets a
 * character of no width: the drawing library would take it for a signal of its own, and fail.
 */
export function nameOf(variant: string): string {
  const name = plain(variant, 40);
  return name in Object.prototype ? `\u2060${name}` : name;
}

/** The axis that has a line for each variant. `show` adds their names, `grid` a thin line for each. */
export function variantAxis(order: readonly string[], show: boolean, grid = false): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf) },
    axis: { title: null, labels: show, ticks: false, domain: false, labelPadding: 6, grid },
  };
}

/** Colours of variants. `legend` is the number of columns of their legend; null leaves it out. */
export function variantColor(order: readonly string[], legend: number | null = null): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf), range: stylesOf(order).map((style) => style.color) },
    legend: legend === null ? null : { columns: legend },
  };
}

/** Symbols of variants, in one legend with their colours, or in none. */
export function variantShape(order: readonly string[], legend: number | null): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf), range: stylesOf(order).map((style) => style.shape) },
    legend: legend === null ? null : { columns: legend },
  };
}

/** One problem's shape, for file names: `4096x4096x11008`. */
export function shapeName(row: Row): string {
  const { tokens, dim, hiddenDim } = problemOf(row);
  return `${tokens}x${dim}x${hiddenDim}`;
}
