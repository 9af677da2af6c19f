/**
 * A panel of horizontal bars, one for each variant, with its value written at its end.
 *
 * @module
 */

import { greatest } from "../report/format.ts";
import { nameOf, type Spec, variantAxis, variantColor } from "./chart.ts";
import { FAINT, INK } from "./theme.ts";

/** One bar. Where its value is null, its text stands in its place. */
export interface Bar {
  variant: string;
  value: number | null;
  /** The text at its end. */
  text: string;
  /** All that is known of it, for tooltips and screen readers. */
  tip: string;
  /** Ends of an error bar. */
  low?: number;
  high?: number;
  /** A second value, drawn as a tick across the bar. */
  mark?: number | null;
}

/** How the panel looks. */
export interface BarPanel {
  order: readonly string[];
  /** Title of the axis, with its unit. */
  axis: string;
  width: number;
  showNames: boolean;
}

/** Pixels for each bar and its gap. */
export const STEP = 22;

/** The part of the panel that the longest bar leaves for the text at its end. */
const ROOM_FOR_TEXT = 0.32;

/** Bars longer than this times the median are cut: they would make the others too short to compare. */
const CUT = 3;

/** The value at which long bars are cut, a little beyond the longest of the others. Infinity where no bar is too long. */
export function cutOf(bars: readonly Bar[]): number {
  const values = bars.map((bar) => bar.value ?? 0).filter((value) => value > 0).sort((a, b) => a - b);
  const limit = CUT * (values[Math.floor((values.length - 1) / 2)] ?? 0);
  const longest = greatest(values.filter((value) => value <= limit));
  return values.some((value) => value > limit) ? 1.15 * longest : Infinity;
}

/** Explains the arrows of cut bars. Empty where no panel has one. */
export function cutNotes(panels: readonly (readonly Bar[])[]): string[] {
  return panels.some((bars) => cutOf(bars) < Infinity) ? ["Arrow: the bar goes on beyond the panel."] : [];
}

/** What is drawn of a bar. A cut bar gets an arrow, which tells that it goes on beyond the panel. */
function drawn(bar: Bar, cut: number): Record<string, unknown> & { end: number } {
  const { value, low, high, mark } = bar;
  const variant = nameOf(bar.variant);
  if (value === null || value <= cut) {
    return { ...bar, variant, low, high, end: Math.max(high ?? 0, value ?? 0, mark ?? 0) };
  }
  return {
    variant,
    tip: bar.tip,
    value: cut,
    end: cut,
    text: `${bar.text} \u2192`,
    low: null,
    high: null,
    mark: null,
  };
}

/** The panel. Its x axis begins at 0, because readers compare the lengths of bars. */
export function barPanel(bars: readonly Bar[], { order, axis, width, showNames }: BarPanel): Spec {
  const cut = cutOf(bars);
  const data = bars.map((bar) => drawn(bar, cut));
  const most = greatest(data.map((bar) => bar.end)) || 1;
  const x = {
    field: "value",
    type: "quantitative",
    scale: { domain: [0, most / (1 - ROOM_FOR_TEXT)], nice: false },
    axis: { title: axis, tickCount: 4, grid: true },
  };
  const text = (color: string) => ({ type: "text", align: "left", dx: 5, fontSize: 11, color });
  return {
    width,
    height: { step: STEP },
    data: { values: data },
    encoding: { y: variantAxis(order, showNames), description: { field: "tip" } },
    layer: [
      {
        transform: [{ filter: "datum.value !== null" }],
        mark: { type: "bar", height: { band: 0.72 } },
        encoding: { x, color: variantColor(order, null) },
      },
      {
        transform: [{ filter: "isValid(datum.low)" }],
        mark: { type: "rule", color: INK, strokeWidth: 1.5 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" } },
      },
      {
        transform: [{ filter: "isValid(datum.mark)" }],
        mark: { type: "tick", color: INK, thickness: 2, height: 15 },
        encoding: { x: { ...x, field: "mark" } },
      },
      {
        transform: [{ filter: "datum.value !== null" }],
        mark: text(INK),
        encoding: { x: { ...x, field: "end" }, text: { field: "text" } },
      },
      {
        transform: [{ filter: "datum.value === null" }],
        mark: { ...text(FAINT), fontStyle: "italic" },
        encoding: { x: { ...x, field: "end" }, text: { field: "text" } },
      },
    ],
  };
}
