/**
 * All variants at all shapes on one page: speed relative to the fastest.
 *
 * @module
 */

import { formatRatio, formatShape, formatTime, significant } from "../report/format.ts";
import { CLOCK_RULE, medianOf, timeOf } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { leads, MARKS, type Standing, standingsOf, UNSURE_NOTE } from "../report/summary.ts";
import {
  type ChartView,
  type Drawn,
  modesOf,
  modeWords,
  nameOf,
  orderOf,
  type Spec,
  variantAxis,
} from "./chart.ts";
import { absence, absenceTip } from "./times.ts";
import { fastestFinding } from "./findings.ts";
import { modePanels } from "./layout.ts";
import { FAINT, FONT_SIZE, INK_ON_COLOR } from "./theme.ts";

const CELL_WIDTH = 84;

/** A shape, with marks at which the axis breaks it into three lines. */
function shapeLabel(row: Row): string {
  return formatShape(row).replaceAll(", ", "|");
}

function cell(row: Row, standing: Standing | undefined): Spec {
  const base = { variant: nameOf(row.variant), shape: shapeLabel(row) };
  const time = timeOf(row);
  if (standing === undefined || time === null) {
    return { ...base, leads: false, speed: null, text: absence(row), tip: absenceTip(row) };
  }
  const { speed, place } = standing;
  const story = `${plain(row.variant, 60)}, ${row.mode}, ${formatShape(row)}: ${
    formatTime(time.statistics.median)
  } ${time.clock} time`;
  if (speed === null) return { ...base, leads: false, speed, text: place, tip: `${story}, ${place}` };
  const mark = place === "unsure" ? MARKS.unsure : "";
  return {
    ...base,
    leads: leads(standing),
    speed,
    text: (speed < 0.095 ? `${significant(speed, 2)}x` : formatRatio(speed)) + mark,
    tip: `${story}, ${formatRatio(speed)}${mark === "" ? "" : ", too few samples to rank it"}`,
    place,
    clock: time.clock,
  };
}

/** The rows of one mode, each against the fastest of its own shape. */
function cells(rows: readonly Row[]): Spec[] {
  const shapes = Map.groupBy(rows, shapeLabel);
  return [...shapes.values()].flatMap((group) => {
    const standings = standingsOf({ mode: group[0].mode, rows: group });
    return group.map((row) => cell(row, standings.get(row)));
  });
}

/** The text of the cells for which the expression holds. */
function textLayer(filter: string, fontWeight: "normal" | "bold"): Spec {
  const color = [
    { test: "datum.speed === null || datum.speed > 1", value: FAINT },
    { test: "datum.speed > 0.8", value: "white" },
  ];
  return {
    transform: [{ filter }],
    mark: { type: "text", fontSize: FONT_SIZE, fontWeight },
    encoding: { text: { field: "text" }, color: { condition: color, value: INK_ON_COLOR } },
  };
}

/** Draws a table for each mode: variants down, shapes across. Darker cells are faster. */
export function drawSpeeds(view: ChartView): Drawn {
  if (view.rows.every((row) => medianOf(row) === null)) return { reason: "no row was timed" };
  const order = orderOf(view);
  const shapes = [...new Set(view.rows.map(shapeLabel))];
  if (view.across === 1 && shapes.length === 1) {
    return { reason: "of a single shape the chart of times tells the same" };
  }
  const all = modesOf(view.rows).flatMap((mode) => cells(view.rows.filter((row) => row.mode === mode)));
  const across = shapes.length > 3 ? 1 : 3;
  const panels = modePanels(view, order, (rows, { first }) => ({
    width: { step: CELL_WIDTH },
    height: { step: 24 },
    data: { values: cells(rows) },
    encoding: {
      y: variantAxis(order, first || across === 1),
      x: {
        field: "shape",
        type: "nominal",
        scale: { domain: shapes },
        axis: {
          title: null,
          orient: "top",
          labelAngle: 0,
          labelExpr: "split(datum.label, '|')",
          labelLineHeight: FONT_SIZE + 1,
          // The library leaves room for one line of a label. The padding makes room for the other two.
          labelPadding: 30,
          ticks: false,
          domain: false,
        },
      },
      description: { field: "tip" },
    },
    layer: [
      {
        mark: { type: "rect", stroke: "white", strokeWidth: 2 },
        encoding: {
          color: {
            condition: { test: "datum.speed === null || datum.speed > 1", value: "#f3f4f6" },
            field: "speed",
            type: "quantitative",
            scale: {
              domain: [0.3, 1],
              clamp: true,
              range: ["#f7fbff", "#deebf7", "#9ecae1", "#4292c6", "#08519c"],
            },
            legend: null,
          },
        },
      },
      textLayer("!datum.leads", "normal"),
      textLayer("datum.leads", "bold"),
    ],
  }));
  return {
    title: shapes.length > 1
      ? `Speed relative to the fastest of each shape: ${modeWords(view.rows)}`
      : `Relative speed. ${fastestFinding(view.rows)}`,
    panels: across === 1 ? panels.map((panel) => [panel]) : [panels],
    notes: [
      "1.00x is the fastest of its column; 0.50x takes twice as long. Bold: the fastest and what cannot be told from it.",
      ...all.length < order.length * shapes.length * modesOf(view.rows).length
        ? ["Empty: the report has no such row."]
        : [],
      ...all.some(({ place }) => place === "unsure") ? [`? ${UNSURE_NOTE}.`] : [],
      ...all.some(({ clock }) => clock === "wall") ? [CLOCK_RULE] : [],
      ...view.rows.some(({ narrow }) => narrow)
        ? ["Above 1.00x: computed with less precision than was asked for, so not ranked with the others."]
        : [],
    ],
  };
}
