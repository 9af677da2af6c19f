/**
 * A panel of points, one for each variant, told apart by colour and symbol.
 *
 * @module
 */

import { type AxisOptions, quantity } from "./axes.ts";
import { nameOf, type Spec, variantColor, variantShape } from "./chart.ts";
import { INK } from "./theme.ts";

/** One point. */
export interface Point {
  variant: string;
  /** What its symbol tells, where symbols do not tell variants. */
  kind?: string;
  x: number;
  y: number;
  /** The whole story, for tooltips and screen readers. */
  tip: string;
}

/** How the panel looks. */
export interface ScatterPanel {
  order: readonly string[];
  x: AxisOptions;
  y: AxisOptions;
  width: number;
  /** The kinds of points that symbols tell apart; without them symbols tell variants. */
  kinds?: readonly string[];
  /** Columns of the legend. */
  legend: number;
  /** Pixels for each symbol; 110 without it. */
  size?: number;
}

/** A line around each symbol keeps light ones visible and overlapping ones apart. */
export const SYMBOL = { type: "point", filled: true, opacity: 0.9, stroke: INK, strokeWidth: 0.7 };

/** Symbols of kinds of points. */
const KIND_SHAPES = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "cross",
  "triangle-down",
  "triangle-right",
  "wedge",
  "arrow",
];

/** The channels of position, colour and symbol that points share. */
export function pointEncoding(points: readonly Point[], look: ScatterPanel): Spec {
  const size = look.size ?? 110;
  return {
    x: quantity("x", points.map((point) => point.x), look.x),
    y: quantity("y", points.map((point) => point.y), look.y),
    color: variantColor(look.order, look.legend),
    shape: look.kinds === undefined ? variantShape(look.order, look.legend) : kindShape(look.kinds),
    size: { condition: { test: "datum.variant === 'tuned'", value: 1.9 * size }, value: size },
    description: { field: "tip" },
  };
}

function kindShape(kinds: readonly string[]): Spec {
  return {
    field: "kind",
    type: "nominal",
    scale: { domain: kinds, range: KIND_SHAPES },
    legend: { orient: "top" },
  };
}

/** Points as data, names made printable. */
export function pointData(points: readonly Point[]): Spec[] {
  return points.map((point) => ({ ...point, variant: nameOf(point.variant) }));
}

/** The panel. */
export function scatterPanel(points: readonly Point[], look: ScatterPanel): Spec {
  return {
    width: look.width,
    height: Math.round(look.width * 0.95),
    data: { values: pointData(points) },
    mark: SYMBOL,
    encoding: pointEncoding(points, look),
  };
}
