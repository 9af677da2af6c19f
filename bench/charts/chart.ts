/**
 * The parts of every chart: the rows that it shows, its panels, and its axes of variants.
 *
 * @module
 */

import { formatShape } from "../report/format.ts";
import { machineOf, problemOf } from "../report/groups.ts";
import { MODES, type Report, type ReportMode, type Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { wrap } from "../report/text.ts";
import { CONFIG, inOrder, stylesOf } from "./theme.ts";

/** A part of a vega-lite specification: plain data, checked when it is compiled. */
export type Spec = { [key: string]: unknown };

/** A chart that can be drawn. */
export interface Chart {
  /** File name without its ending, and anchor in a page. */
  name: string;
  title: string;
  spec: Spec;
}

/** A chart that cannot, and why. */
export interface Undrawn {
  name: string;
  reason: string;
}

/** What a chart is drawn from: some rows of one report. */
export interface View {
  report: Report;
  rows: readonly Row[];
  /** Width of one panel in pixels, without its labels. */
  panelWidth: number;
  /** Width in pixels of a panel that is alone in its row. */
  fullWidth: number;
  /** Most panels in a row. */
  across: number;
}

/** Panels and their title, before they become a chart. */
export interface Plate {
  title: string;
  panels: Spec[];
  /** Columns of panels. Default: all panels stand in one row. */
  columns?: number;
  /** Sentences below the title, after the one that names machine and problem. */
  notes?: string[];
}

/** A plate, or why there is none. */
export type Drawn = Plate | { reason: string };

/** Draws one kind of chart. */
export type Draw = (view: View) => Drawn;

/** The modes that the rows have, in their order. */
export function modesOf(rows: readonly Row[]): ReportMode[] {
  return MODES.filter((mode) => rows.some((row) => row.mode === mode));
}

/**
 * One panel for each mode, but none where `draw` returns null. `first` is true for the first panel: only that one needs the
 * names of the variants.
 */
export function modePanels(
  view: View,
  draw: (rows: readonly Row[], at: { mode: ReportMode; first: boolean }) => Spec | null,
): Spec[] {
  const panels: Spec[] = [];
  for (const mode of modesOf(view.rows)) {
    const panel = draw(view.rows.filter((row) => row.mode === mode), { mode, first: panels.length === 0 });
    if (panel !== null) {
      panels.push({
        ...panel,
        title: { text: mode, fontSize: 12, offset: 6, anchor: "middle", frame: "group" },
      });
    }
  }
  return panels;
}

/** The different values of the rows, each once: `float32`, or `float32, float16`. */
function shared(rows: readonly Row[], value: (row: Row) => string): string {
  return [...new Set(rows.map(value))].join(", ");
}

/** Machine, dtype, precision, activation and shape, without which figures mean nothing. Several shapes are only counted. */
export function contextOf({ report, rows }: Pick<View, "report" | "rows">): string {
  const shapes = new Set(rows.map(formatShape));
  return [
    plain(machineOf(report), 60) + (report.adapter.software ? " (software)" : ""),
    shared(rows, (row) => row.dtype),
    `precision ${shared(rows, (row) => row.precision)}`,
    plain(shared(rows, (row) => row.activation), 40),
    shapes.size <= 1 ? [...shapes].join("") : `${shapes.size} shapes`,
  ].join(" | ");
}

/** Most pixels that a character of the text below the title takes. */
const CHARACTER = 7;

/** A whole specification from panels. */
export function compose({ title, panels, columns, notes = [] }: Plate, view: View): Spec {
  // The text below the title is wrapped to the width of the panels: a longer line would widen the picture.
  const across = columns === 1 ? view.fullWidth : view.panelWidth * (columns ?? panels.length);
  const width = Math.floor((across + 140) / CHARACTER);
  const subtitle = [contextOf(view), ...notes].flatMap((text) => wrap(text, { width }));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: { text: title, subtitle },
    config: CONFIG,
    spacing: 22,
    concat: panels,
    columns: columns ?? panels.length,
    resolve: { scale: { color: "shared", shape: "shared" } },
  };
}

/** The modes in words, for titles: `forward, backward, full`. */
export function modeWords(rows: readonly Row[]): string {
  return modesOf(rows).join(", ");
}

/** Variants of the view in order. */
export function orderOf({ rows }: Pick<View, "rows">): string[] {
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

/** The axis that has a line for each variant. `show` adds their names. */
export function variantAxis(order: readonly string[], show: boolean): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf) },
    axis: { title: null, labels: show, ticks: false, domain: false, labelPadding: 6, grid: false },
  };
}

/** Colours of variants. `legend` is the number of columns of their legend; null leaves it out. */
export function variantColor(order: readonly string[], legend: number | null): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf), range: stylesOf(order).map((style) => style.color) },
    legend: legend === null ? null : { columns: legend },
  };
}

/** Symbols of variants, in one legend with their colours. */
export function variantShape(order: readonly string[], legend: number): Spec {
  return {
    field: "variant",
    type: "nominal",
    scale: { domain: order.map(nameOf), range: stylesOf(order).map((style) => style.shape) },
    legend: { columns: legend },
  };
}

/** How many columns of a legend fit below so many panels. */
export function legendColumns({ panelWidth }: View, panels: number): number {
  return Math.max(1, Math.floor((panelWidth * panels + 110) / 170));
}

/** One problem's shape, for file names: `4096x4096x11008`. */
export function shapeName(row: Row): string {
  const { tokens, dim, hiddenDim } = problemOf(row);
  return `${tokens}x${dim}x${hiddenDim}`;
}
