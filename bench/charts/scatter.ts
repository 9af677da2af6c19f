/**
 * A panel of points, one for each variant, told apart by colour and symbol.
 *
 * @module
 */

import { type AxisOptions, quantity } from "./axes.ts";
import { greatest, least } from "../report/format.ts";
import { nameOf, type Spec, variantColor, variantShape } from "./chart.ts";
import { FAINT, INK } from "./theme.ts";

/** One point. */
export interface Point {
  variant: string;
  /** The kind that its symbol shows, where symbols do not show variants. */
  kind?: string;
  x: number;
  y: number;
  /** All that is known of it, for tooltips and screen readers. */
  tip: string;
}

/** How the panel looks. */
export interface ScatterPanel {
  order: readonly string[];
  x: AxisOptions;
  y: AxisOptions;
  width: number;
  /** The kinds of points that symbols show. Default: symbols show variants. */
  kinds?: readonly string[];
  /** Columns of the legend. */
  legend: number;
  /** Area of a symbol, in square pixels. Default: 110. */
  size?: number;
}

/** The look of symbols. Their outline keeps light ones visible and overlapping ones apart. */
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

/** Tells readers what {@link scatterPanel} does to points that share a place. */
export const SPREAD_NOTE =
  "Symbols that would hide each other stand apart, each with a line to the dot where it belongs.";

/** The panel. Symbols that would hide each other are moved to a ring around the place that they share. */
export function scatterPanel(points: readonly Point[], look: ScatterPanel): Spec {
  const height = Math.round(look.width * 0.95);
  const encoding = pointEncoding(points, look);
  const { x, y } = encoding;
  const shifts = spread(points.map((point) => ({
    x: pixelOf(point.x, x as Spec, { field: points.map(({ x }) => x), length: look.width }),
    y: pixelOf(point.y, y as Spec, { field: points.map(({ y }) => y), length: height }),
  })));
  const shifted = pointData(points).map((point, i) => ({ ...point, dx: shifts[i].dx, dy: shifts[i].dy }));
  const ring = { values: shifted.filter(({ dx, dy }) => dx !== 0 || dy !== 0) };
  return {
    width: look.width,
    height,
    layer: [
      {
        data: ring,
        mark: {
          type: "rule",
          color: FAINT,
          strokeWidth: 0.7,
          aria: false,
          x2Offset: { expr: "datum.dx" },
          y2Offset: { expr: "datum.dy" },
        },
        encoding: { x, y, x2: { field: "x" }, y2: { field: "y" } },
      },
      {
        data: ring,
        mark: { type: "point", filled: true, size: 8, color: INK, aria: false },
        encoding: { x, y },
      },
      {
        data: { values: shifted },
        mark: { ...SYMBOL, xOffset: { expr: "datum.dx" }, yOffset: { expr: "datum.dy" } },
        encoding,
      },
    ],
  };
}

/** Symbols closer than this hide each other, and neighbours in a ring are so far apart. In pixels. */
const APART = 10;
const IN_RING = 15;

/** How far to move each point, in pixels. */
function spread(pixels: readonly { x: number; y: number }[]): { dx: number; dy: number }[] {
  const shifts = pixels.map(() => ({ dx: 0, dy: 0 }));
  const left = new Set(pixels.keys());
  for (const first of pixels.keys()) {
    const together = [...left].filter((i) =>
      Math.hypot(pixels[i].x - pixels[first].x, pixels[i].y - pixels[first].y) < APART
    );
    if (!left.has(first) || together.length === 1) continue;
    const radius = Math.max(9, together.length * IN_RING / (2 * Math.PI));
    for (const [place, i] of together.entries()) {
      const angle = 2 * Math.PI * place / together.length;
      shifts[i] = { dx: Math.round(radius * Math.sin(angle)), dy: -Math.round(radius * Math.cos(angle)) };
      left.delete(i);
    }
  }
  return shifts;
}

/** The pixel at which an axis shows a value. It is approximate: the axis may end a little beyond the values. */
function pixelOf(
  value: number,
  { scale }: Spec,
  { field, length }: { field: readonly number[]; length: number },
): number {
  const { type, domain } = scale as { type?: string; domain?: [number, number] };
  const ends = domain ?? [least(field), greatest(field)];
  const [low, high, at] = [...ends, value].map((value) => type === "log" ? Math.log(value) : value);
  return high === low ? 0 : length * (at - low) / (high - low);
}
