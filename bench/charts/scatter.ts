/**
 * A panel of points, told apart by colour, symbol and name.
 *
 * Every point stays where its figures are. Points may hide each other, so their names stand in a column beside the panel,
 * each with a line to its point.
 *
 * @module
 */

import { type AxisOptions, quantity } from "./axes.ts";
import { nameOf, type Spec, variantColor, variantShape } from "./chart.ts";
import { LEAST_HEIGHT } from "./layout.ts";
import { FAINT, FONT_SIZE, INK } from "./theme.ts";

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

/** Pixels of the height of a name. */
const NAME_HEIGHT = 15;

/** Pixels between a panel and the symbols before the names beside it. */
export const TO_NAMES = 20;

/** Pixels that the axis beside a panel takes. */
export const AXIS_WIDTH = 60;

/** The channels of position, colour and symbol that points share. `legend` is the number of its columns. */
export function pointEncoding(
  points: readonly Point[],
  { order, x, y, kinds, size = 110 }: ScatterPanel,
  legend: number | null = null,
) {
  return {
    x: quantity("x", points.map((point) => point.x), x),
    y: quantity("y", points.map((point) => point.y), y),
    color: variantColor(order, legend),
    shape: kinds === undefined ? variantShape(order, legend) : kindShape(kinds),
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

/** The panel, and the names beside it. */
export function scatterPanel(points: readonly Point[], look: ScatterPanel): Spec {
  const height = heightFor(points.length);
  const encoding = pointEncoding(points, look);
  const data = pointData(points);
  return {
    width: look.width,
    height,
    layer: [
      ...nameLayers(points, { width: look.width, height, ...encoding }),
      { data: { values: data }, mark: SYMBOL, encoding },
    ],
  };
}

/** The height of a panel beside which so many names stand. */
export function heightFor(names: number): number {
  return Math.max(LEAST_HEIGHT, names * NAME_HEIGHT);
}

/** Where names stand: the size of the panel, and the channels of its points. */
interface Beside {
  width: number;
  height: number;
  x: Spec;
  y: Spec;
  color: Spec;
  shape?: Spec;
}

/** The names of points in a column beside the panel, each with its symbol, and a line from that to the point. */
export function nameLayers(points: readonly Point[], { width, height, ...channels }: Beside): Spec[] {
  const { x, y, color, shape } = channels;
  const pixels = points.map((point) => pixelOf(point.y, y, height));
  const places = spread(points.map(({ x }, i) => ({ wanted: pixels[i], x })), height);
  const data = { values: pointData(points).map((point, i) => ({ ...point, dy: places[i] - pixels[i] })) };
  const column = { x: { value: width + TO_NAMES }, y };
  const yOffset = { expr: "datum.dy" };
  return [
    {
      data,
      mark: { type: "rule", color: FAINT, strokeWidth: 0.7, opacity: 0.6, aria: false, y2Offset: yOffset },
      encoding: { x, y, x2: { value: width + TO_NAMES }, y2: { field: "y" } },
    },
    {
      data,
      mark: { ...SYMBOL, size: 60, aria: false, yOffset },
      encoding: { ...column, color, ...shape === undefined ? {} : { shape } },
    },
    {
      data,
      mark: {
        type: "text",
        align: "left",
        baseline: "middle",
        dx: 8,
        fontSize: FONT_SIZE,
        color: INK,
        aria: false,
        yOffset,
      },
      encoding: { ...column, text: { field: "variant", type: "nominal" } },
    },
  ];
}

/** Places for names, each as near to where it is wanted as its neighbours allow, within the height of the panel. */
export function spread(names: readonly { wanted: number; x: number }[], height: number): number[] {
  const order = [...names.keys()].sort((a, b) =>
    names[a].wanted - names[b].wanted || names[b].x - names[a].x
  );
  const places: number[] = [];
  let from = NAME_HEIGHT / 2;
  for (const i of order) from = (places[i] = Math.max(names[i].wanted, from)) + NAME_HEIGHT;
  let to = height - NAME_HEIGHT / 2;
  for (const i of order.toReversed()) to = (places[i] = Math.min(places[i], to)) - NAME_HEIGHT;
  return places;
}

/** The pixel, from the top, at which an axis shows a value. */
function pixelOf(value: number, { scale }: Spec, length: number): number {
  const { type, domain } = scale as { type: string; domain: [number, number] };
  const [low, high, at] = [...domain, value].map((value) => type === "log" ? Math.log(value) : value);
  return length * (1 - (at - low) / (high - low));
}
