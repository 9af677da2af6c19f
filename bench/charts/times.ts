/**
 * How long each variant takes.
 *
 * @module
 */

import { formatTime, least, significant, timeUnit, type Unit } from "../report/format.ts";
import { medianOf, timeOf, wallNotes } from "../report/groups.ts";
import type { Row } from "../report/schema.ts";
import { plain } from "../report/shape.ts";
import { type Bar, barPanel, dotsNote, needsDots } from "./bars.ts";
import { type ChartView, type Drawn, modesOf, orderOf } from "./chart.ts";
import { fastestFinding } from "./findings.ts";
import { modePanels } from "./layout.ts";

/** Why a row has no bar, in a word or two. */
export function absence(row: Row): string {
  return row.status === "ok" ? "not measured" : row.status;
}

/** The tooltip of a row without figures: its name, and the reason. */
export function absenceTip(row: Row): string {
  return `${plain(row.variant, 60)}, ${row.mode}: ${absence(row)}: ${plain(row.reason ?? "", 200)}`;
}

function bar(row: Row, unit: Unit): Bar {
  const time = timeOf(row);
  if (time === null) return { variant: row.variant, value: null, text: absence(row), tip: absenceTip(row) };
  const { clock, statistics: { median, ci, n } } = time;
  const marks = (clock === "wall" ? "*" : "") + (row.narrow ? "~" : "");
  const range = ci ? `, 95 % interval ${formatTime(ci[0])} to ${formatTime(ci[1])}` : "";
  return {
    variant: row.variant,
    value: median / unit.size,
    text: significant(median / unit.size) + marks,
    tip: `${plain(row.variant, 60)}, ${row.mode}: ${formatTime(median)} ${clock} time${range}, ${n} samples`,
    ...(ci ? { low: ci[0] / unit.size, high: ci[1] / unit.size } : {}),
  };
}

/** Draws median times with their intervals, in a panel for each mode. */
export function drawTimes(view: ChartView): Drawn {
  const shortest = least(view.rows.map(medianOf));
  if (shortest === Infinity) return { reason: "no row was timed" };
  const unit = timeUnit(shortest);
  const order = orderOf(view);
  const barsOf = (rows: readonly Row[]) => rows.map((row) => bar(row, unit));
  const dots = needsDots(
    modesOf(view.rows).map((mode) => barsOf(view.rows.filter((row) => row.mode === mode))),
  );
  const panels = modePanels(view, order, (rows, { first, width }) =>
    barPanel(barsOf(rows), {
      order,
      axis: `median time, ${unit.name}`,
      width,
      showNames: first,
      dots,
    }));
  const timed = view.rows.filter((row) => timeOf(row) !== null);
  return {
    title: fastestFinding(view.rows),
    panels: [panels],
    notes: [
      [
        `${dots ? "Further left" : "Shorter"} is faster. Black line: 95 % interval of the median.`,
        ...dotsNote(dots),
      ].join(" "),
      ...wallNotes(timed).map((note) => `* ${note}`),
      ...(timed.some(({ narrow }) => narrow) ? ["~ computed with less precision than was asked for."] : []),
    ],
  };
}
