/**
 * A panel of values, one for each variant, each written beside its mark.
 *
 * Values of one size are bars, whose lengths readers compare, so they begin at 0 and are never cut. Where one value is many
 * times another, bars would be too short or too long to compare: dots on a logarithmic axis take their place.
 *
 * @module
 */

import { greatest, least } from "../report/format.ts";
import { logTicks, tickLabels } from "./axes.ts";
import { nameOf, type Spec, variantAxis, variantColor } from "./chart.ts";
import { FAINT, FONT_SIZE, INK } from "./theme.ts";

/** One value. Where it is null, its text stands in its place. */
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
  /** Dots on a logarithmic axis in place of bars; {@link needsDots} tells where they are needed. */
  dots: boolean;
}

/** Pixels for each bar and its gap. */
export const STEP = 22;

/** The part of the panel that the largest value leaves for the text beside it. */
const ROOM_FOR_TEXT = 0.36;

/** From so many times the smallest value on, bars give way to dots. A bar has some 100 pixels on a phone. */
const FAR_APART = 10;

/** Tells readers why there are dots. Empty where there are bars. */
export const dotsNote = (dots: boolean) =>
  dots ? ["The axis is logarithmic: compare places, not lengths."] : [];

/** Whether the values of a chart are too far apart for bars. All its panels are drawn alike. */
export function needsDots(panels: readonly (readonly Bar[])[]): boolean {
  return panels.some((bars) => {
    const values = bars.flatMap(({ value }) => value !== null && value > 0 ? [value] : []);
    return greatest(values) > FAR_APART * least(values);
  });
}

/** The axis of the values, from 0 for bars. Both kinds leave room for the text beside the largest value. */
function axisOf(bars: readonly Bar[], { axis, dots }: BarPanel): { scale: Spec; axis: Spec } {
  const ends = bars.map(({ value, high, mark }) => Math.max(high ?? 0, value ?? 0, mark ?? 0));
  const most = greatest(ends) || 1;
  if (!dots) {
    const domain = [0, most / (1 - ROOM_FOR_TEXT)];
    return { scale: { domain, nice: false }, axis: { title: axis, tickCount: 4, grid: true } };
  }
  const low = Math.min(least(bars.map(({ value }) => value || null)), most) / 1.3;
  const high = low * (most / low) ** (1 / (1 - ROOM_FOR_TEXT));
  return {
    scale: { type: "log", domain: [low, high], nice: false },
    axis: { title: `${axis} (log)`, values: logTicks(low, high), ...tickLabels(low, high), grid: true },
  };
}

/** What is drawn of a value. A value of 0 has no place on a logarithmic axis, so that its text stands at the edge. */
function drawn(bar: Bar, { dots, edge }: { dots: boolean; edge: number }): Spec {
  const { value, high, mark } = bar;
  const hidden = value === null || (dots && value <= 0);
  const end = hidden ? edge : Math.max(high ?? 0, value, mark ?? 0);
  const shown = hidden ? { value: null, low: null, high: null, mark: null } : {};
  return { ...bar, ...shown, variant: nameOf(bar.variant), end, known: value !== null };
}

/** The panel. */
export function barPanel(bars: readonly Bar[], look: BarPanel): Spec {
  const { order, width, showNames, dots } = look;
  const axis = axisOf(bars, look);
  const [edge] = axis.scale.domain as [number, number];
  const x = { field: "value", type: "quantitative", ...axis };
  const mark = dots
    ? { type: "point", filled: true, shape: "circle", size: 90, opacity: 1, stroke: INK, strokeWidth: 0.7 }
    : { type: "bar", height: { band: 0.72 } };
  const text = { type: "text", align: "left", dx: dots ? 9 : 5, fontSize: FONT_SIZE };
  return {
    width,
    height: { step: STEP },
    data: { values: bars.map((bar) => drawn(bar, { dots, edge })) },
    encoding: { y: variantAxis(order, showNames, dots), description: { field: "tip" } },
    layer: [
      {
        transform: [{ filter: "datum.value !== null" }],
        mark,
        encoding: { x, color: variantColor(order) },
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
        transform: [{ filter: "datum.known" }],
        mark: { ...text, color: INK },
        encoding: { x: { ...x, field: "end" }, text: { field: "text" } },
      },
      {
        transform: [{ filter: "!datum.known" }],
        mark: { ...text, color: FAINT, fontStyle: "italic" },
        encoding: { x: { ...x, field: "end" }, text: { field: "text" } },
      },
    ],
  };
}
