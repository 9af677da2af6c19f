/**
 * The table in the terminal. It is as wide as its layout. Each problem has a block, with a summary below it.
 *
 * @module
 */

import {
  byteUnit,
  formatError,
  formatPercent,
  formatRatio,
  formatShape,
  greatest,
  least,
  rateUnit,
  significant,
  timeUnit,
  type Unit,
} from "./format.ts";
import {
  blocksOf,
  boundName,
  CLOCK_RULE,
  errorOf,
  machineOf,
  medianOf,
  type ReportBlock,
  timeOf,
} from "./groups.ts";
import { type Layout, paint, proseWidth, UNBOUNDED } from "./layout.ts";
import type { Report, Row } from "./schema.ts";
import { plain } from "./shape.ts";
import {
  isPeer,
  leads,
  MARKS,
  peakOf,
  type SectionSummary,
  type Standing,
  summarise,
  UNSURE_NOTE,
} from "./summary.ts";
import { SUMMARY_HEADING, summaryLines } from "./summary_line.ts";
import { type Column, enumerate, fitted, type FittedColumn, line, wrap } from "./text.ts";
import { warningSection } from "./warnings.ts";

/** The columns: names keep to the left, figures to the right. Each section has headings of its own. */
const COLUMNS: readonly Column[] = [
  { heading: "variant", width: 16, align: "left" },
  { heading: "time", width: 9, align: "right" },
  { heading: "speed", width: 7, align: "right" },
  { heading: "95 % range", width: 11, align: "right" },
  { heading: "rate", width: 8, align: "right" },
  { heading: "ceiling", width: 12, align: "right", leaves: 1 },
  { heading: "peak", width: 9, align: "right" },
  { heading: "saved", width: 7, align: "right", leaves: 2 },
  { heading: "error", width: 8, align: "right", leaves: 3 },
];

/** Reasons that are too long for their row, with the numbers of their notes below the table. */
type Notes = Map<string, number>;

/** The units of one section. */
interface SectionUnits {
  time: Unit;
  rate: Unit;
  bytes: Unit;
}

/** One section as cells: its headings, and the cells of each row. A row without a time has only its name. */
interface SectionCells {
  headings: string[];
  rows: Map<Row, string[]>;
  /** The rows that nothing is known to be faster than. */
  leading: ReadonlySet<Row>;
}

/** The report as text: every block, and the warnings. Its last line ends in a newline. */
export function renderTable(report: Report, layout: Layout = UNBOUNDED): string {
  const blocks = blocksOf(report.rows);
  if (blocks.length === 0) return "The report has no rows.\n";
  const texts = [
    ...blocks.map((block) => renderBlock(report, block, layout)),
    renderWarnings(report, layout),
  ];
  return `${texts.filter((text) => text !== "").join("\n\n")}\n`;
}

/** One problem: its title, a table for each mode, footnotes and a summary. */
export function renderBlock(report: Report, { problem, sections }: ReportBlock, layout: Layout): string {
  const machine = plain(machineOf(report), 60) + (report.adapter.software ? " (software)" : "");
  const title =
    `${machine} | ${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ` +
    problem.activation;
  const notes: Notes = new Map();
  const summaries = sections.map(summarise);
  const tables = sections.map(({ rows }, i) => cellsOf(rows, summaries[i]));
  const columns = fitted(COLUMNS, {
    lines: tables.flatMap(({ headings, rows }) => [headings, ...rows.values()]),
    width: layout.columns,
  });
  const lines = [
    ...wrap(title, { width: proseWidth(layout) }).map((line) => paint("bold", line, layout)),
    ...tables.flatMap((table) => ["", ...sectionLines(table, { columns, notes, layout })]),
    "",
    ...footnotes(notes, { rows: sections.flatMap(({ rows }) => rows), summaries, columns, layout }),
    paint("bold", SUMMARY_HEADING, layout),
    ...summaries.flatMap((summary) => summaryLines(summary, layout.columns)),
  ];
  return lines.join("\n");
}

/** The warnings of a report. Empty where there are none. */
export function renderWarnings(report: Report, layout: Layout): string {
  return warningSection(report, layout).join("\n");
}

function sectionLines(
  { headings, rows, leading }: SectionCells,
  { columns, notes, layout }: { columns: readonly FittedColumn[]; notes: Notes; layout: Layout },
): string[] {
  const [name] = columns;
  const body = [...rows].map(([row, cells]) => {
    if (cells.length > 1) {
      const text = line(cells, columns);
      return leading.has(row) ? paint("good", text, layout) : text;
    }
    const reason = shortReason(row, { room: layout.columns - name.width, notes });
    const style = row.status === "failed" ? "bad" : "dim";
    return paint(style, line(cells, [name]).padEnd(name.width) + reason, layout);
  });
  return [paint("dim", line(headings, columns), layout), ...body];
}

function cellsOf(rows: readonly Row[], { mode, standings }: SectionSummary): SectionCells {
  const units = unitsOf(rows);
  const { time, rate, bytes } = units;
  const byRow = new Map(standings.map((standing) => [standing.row, standing]));
  return {
    headings: [
      mode,
      `time ${time.name}`,
      "speed",
      "95 % range",
      rate.name,
      "ceiling",
      `peak ${bytes.name}`,
      "saved",
      "error",
    ],
    rows: new Map(rows.map((row) => {
      const standing = byRow.get(row);
      return [row, standing === undefined ? [row.variant] : cells(standing, units)];
    })),
    leading: new Set(standings.filter(leads).map(({ row }) => row)),
  };
}

/** One unit for each column, so that figures compare at a glance. */
function unitsOf(rows: readonly Row[]): SectionUnits {
  const positive = (measure: (row: Row) => number | null) => {
    const value = least(rows.map((row) => measure(row) || null));
    return Number.isFinite(value) ? value : 0;
  };
  return {
    time: timeUnit(positive(medianOf)),
    rate: rateUnit(greatest(rows.map((row) => row.tflops))),
    bytes: byteUnit(positive(peakOf)),
  };
}

function cells({ row, speed, interval, place }: Standing, { time, rate, bytes }: SectionUnits): string[] {
  const { clock, statistics } = timeOf(row)!;
  const size = (value: number | null = null) => value === null ? "-" : significant(value / bytes.size, 4);
  const range = interval === null ? "" : `${interval[0].toFixed(2)}-${interval[1].toFixed(2)}`;
  return [
    row.variant,
    significant(statistics.median / time.size) + (clock === "wall" ? "*" : ""),
    speed === null ? "-" : formatRatio(speed),
    range + MARKS[place],
    row.tflops === null ? "-" : significant(row.tflops / rate.size),
    `${formatPercent(row.fractionOfCeiling)}${aboveCeiling(row) ? "!" : ""} ${boundName(row)}`.trim(),
    size(row.memory?.peakBytes),
    size(row.memory?.savedBytes),
    formatError(errorOf(row)),
  ];
}

/** True if a row is faster than the hardware allows. Then the row was measured wrongly, or its ceiling was. */
function aboveCeiling(row: Row): boolean {
  return (row.fractionOfCeiling ?? 0) > 1;
}

/** The reason as far as it fits in the row. A longer reason becomes a note, which holds all of it. */
function shortReason(row: Row, { room, notes }: { room: number; notes: Notes }): string {
  const reason = plain(row.reason ?? "no time was taken", Infinity);
  const label = row.status === "failed" ? "FAILED" : row.status === "skipped" ? "skipped" : "not timed";
  const whole = ` ${label}: ${reason}`;
  if (whole.length <= room) return whole;
  const number = notes.get(reason) ?? notes.size + 1;
  notes.set(reason, number);
  const mark = ` [${number}]`;
  return plain(whole, room - mark.length) + mark;
}

/** Tells readers what the marks of places mean. */
const PLACE_NOTES = {
  tied: "no significant difference to the fastest (all ranges of a mode hold together)",
  unsure: UNSURE_NOTE,
  apart: "computes with less precision than was asked for: not ranked with the others",
};

function footnotes(
  notes: Notes,
  { rows, summaries, columns, layout }: {
    rows: readonly Row[];
    summaries: readonly SectionSummary[];
    columns: readonly FittedColumn[];
    layout: Layout;
  },
): string[] {
  const width = proseWidth(layout);
  const timed = rows.filter((row) => timeOf(row) !== null);
  const lines = [...notes].flatMap(([reason, n]) => wrap(reason, { width, lead: `[${n}] ` }));
  for (const { variant, mode, implementation } of timed.filter((row) => !isPeer(row))) {
    if (implementation !== null && implementation !== variant) {
      lines.push(...wrap(implementation, { width, lead: `${mode}: ` }));
    }
  }
  if (timed.some((row) => timeOf(row)?.clock === "wall")) {
    lines.push(...wrap(`wall time, as there is none from the GPU. ${CLOCK_RULE}`, { width, lead: "* " }));
  }
  const places = new Set(summaries.flatMap(({ standings }) => standings.map(({ place }) => place)));
  for (const [place, note] of Object.entries(PLACE_NOTES) as [keyof typeof PLACE_NOTES, string][]) {
    if (places.has(place)) lines.push(...wrap(note, { width, lead: `${MARKS[place]} ` }));
  }
  if (timed.some(aboveCeiling)) lines.push("! above what the hardware can do: a fault of the measurement");
  lines.push(...missingColumns(columns, layout));
  return lines.length === 0 ? [] : [...lines.map((line) => paint("dim", line, layout)), ""];
}

/** Names the columns that the terminal has no room for. */
function missingColumns(columns: readonly FittedColumn[], layout: Layout): string[] {
  const missing = COLUMNS.filter((_, i) => columns.every(({ index }) => index !== i));
  if (missing.length === 0) return [];
  const names = enumerate(missing.map(({ heading }) => heading));
  return wrap(`In a wider terminal, and in the report: ${names}.`, { width: proseWidth(layout) });
}
