/**
 * How the panels of a chart fill its picture.
 *
 * @module
 */

import type { ReportMode, Row } from "../report/schema.ts";
import { wrap } from "../report/text.ts";
import { type Chart, type ChartView, contextOf, modesOf, nameOf, type Plate, type Spec } from "./chart.ts";
import { BOLD, CHARACTER_WIDTH, CONFIG, FONT_SIZE, widthOf } from "./theme.ts";

/** Pixels between panels. */
const GAP = 22;

/** Pixels of a picture's edge, both sides together. */
const EDGES = 2 * CONFIG.padding;

/** Fewest pixels of a panel. A picture becomes wider where it would have less. */
const NARROWEST = 84;

/** Pixels of the names of variants beside a panel. */
export function namesWidth(order: readonly string[]): number {
  return Math.max(0, ...order.map((id) => widthOf(nameOf(id)))) + 8;
}

/** Pixels of each of `count` panels in a row, beside what all of them need once, such as names, and what each needs. */
export function panelWidth(
  { width }: Pick<ChartView, "width">,
  { count = 1, once = 0, each = 0 }: { count?: number; once?: number; each?: number },
): number {
  return Math.max(NARROWEST, Math.floor((width - EDGES - once - (count - 1) * GAP) / count - each));
}

/** Pixels of a panel's height: in proportion to its width, but neither flat on a phone nor higher than a window. */
export function heightOf(width: number, { ratio, most }: { ratio: number; most: number }): number {
  return Math.min(Math.max(Math.round(ratio * width), LEAST_HEIGHT), most);
}

/** Pixels of the height of the lowest panel with two axes. */
export const LEAST_HEIGHT = 190;

/** The place of a panel in its row. */
export interface PanelPlace {
  first: boolean;
  width: number;
}

/** The title of a panel. A picture of a single panel needs none, because its own title tells the same. */
export function panelTitle(text: string, { across }: Pick<ChartView, "across">): Spec {
  if (across === 1) return {};
  return { title: { text, fontSize: FONT_SIZE + 1, offset: 6, anchor: "middle", frame: "group" } };
}

/**
 * A row with one panel for each mode. Only the first one has the names of the variants.
 *
 * @param order The variants whose names stand beside the first panel.
 */
export function modePanels(
  view: ChartView,
  order: readonly string[],
  draw: (rows: readonly Row[], place: PanelPlace & { mode: ReportMode }) => Spec,
): Spec[] {
  const modes = modesOf(view.rows);
  const width = panelWidth(view, { count: modes.length, once: namesWidth(order) });
  return modes.map((mode, i) => ({
    ...draw(view.rows.filter((row) => row.mode === mode), { mode, first: i === 0, width }),
    ...panelTitle(mode, view),
  }));
}

/** Panels below each other, one for each mode, each as wide as the picture. */
export function stackedPanels(
  view: ChartView,
  { order, axis = 0 }: { order: readonly string[]; axis?: number },
  draw: (rows: readonly Row[], width: number) => Spec,
): Spec[][] {
  const width = panelWidth(view, { once: namesWidth(order) + axis });
  return modesOf(view.rows).map((mode) => [{
    ...draw(view.rows.filter((row) => row.mode === mode), width),
    ...panelTitle(mode, view),
  }]);
}

/** How many columns a legend of these names has in the width of the picture. */
export function legendColumns({ width }: Pick<ChartView, "width">, names: readonly string[]): number {
  const longest = Math.max(1, ...names.map((name) => widthOf(nameOf(name))));
  return Math.max(1, Math.floor((width - EDGES) / (longest + 36)));
}

/** A whole specification from panels. */
export function compose(
  { title, panels, notes: own = [] }: Plate,
  view: ChartView,
): Pick<Chart, "notes" | "spec"> {
  const notes = [contextOf(view), ...own];
  const lines = (text: string, size: number) =>
    wrap(text, { width: Math.floor((view.width - EDGES) / (size * CHARACTER_WIDTH)) });
  const spec: Spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    // The name of the picture, and what it says of itself, for readers who do not see it.
    usermeta: { name: title },
    description: notes.join(" "),
    title: {
      text: lines(title, CONFIG.title.fontSize * BOLD),
      subtitle: notes.flatMap((text) => lines(text, FONT_SIZE)),
    },
    config: CONFIG,
    spacing: GAP,
    vconcat: panels.map((row) => ({ hconcat: row, spacing: GAP })),
    resolve: { scale: { color: "shared", shape: "shared" } },
  };
  return { notes, spec };
}
