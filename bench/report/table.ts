/**
 * The table in the terminal. It is at most 100 characters wide. Each problem has a block, with a summary below it.
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
  type Block,
  blocksOf,
  boundName,
  CLOCK_RULE,
  errorOf,
  machineOf,
  medianOf,
  timeOf,
} from "./groups.ts";
import type { Report, Row } from "./schema.ts";
import { plain } from "./shape.ts";
import {
  isPeer,
  MARKS,
  peakOf,
  type SectionSummary,
  type Standing,
  summarise,
  UNSURE_NOTE,
} from "./summary.ts";
import { summaryLines } from "./summary_text.ts";
import { type Column, fitted, line, wrap } from "./text.ts";
import { warningSentences } from "./warnings.ts";

const WIDTH = 100;

/** The columns: names keep to the left, figures to the right. Each section has headings of its own. */
const COLUMNS: readonly Column[] = [16, 10, 7, 11, 8, 12, 9, 7, 9].map((width, i) => ({
  heading: "",
  width,
  align: i === 0 ? "left" : "right",
}));

/** Reasons that are too long for their row, with the numbers of their notes below the table. */
type Notes = Map<string, number>;

/** The units of one section. */
interface Units {
  time: Unit;
  rate: Unit;
  bytes: Unit;
}

/** One section as cells: its headings, and the cells of each row. A row without a time has only its name. */
interface SectionCells {
  headings: string[];
  rows: Map<Row, string[]>;
}

/** The report as text. Its last line ends in a newline. */
export function renderTable(report: Report): string {
  const blocks = blocksOf(report.rows);
  if (blocks.length === 0) return "The report has no rows.\n";
  const machine = plain(machineOf(report), 60) + (report.adapter.software ? " (software)" : "");
  const lines = blocks.flatMap((block) => [...blockLines(block, machine), ""]);
  return [...lines, ...warningLines(report, blocks.length > 1)].join("\n").trimEnd() + "\n";
}

function blockLines({ problem, sections }: Block, machine: string): string[] {
  const title =
    `${machine} | ${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ` +
    problem.activation;
  const notes: Notes = new Map();
  const summaries = sections.map(summarise);
  const tables = sections.map(({ rows }, i) => cellsOf(rows, summaries[i]));
  const columns = fitted(COLUMNS, {
    lines: tables.flatMap(({ headings, rows }) => [headings, ...rows.values()]),
    width: WIDTH,
  });
  return [
    ...wrap(title, { width: WIDTH }),
    ...tables.flatMap((table) => ["", ...sectionLines(table, { columns, notes })]),
    "",
    ...footnotes(notes, { rows: sections.flatMap(({ rows }) => rows), summaries }),
    ...summaryLines(summaries, WIDTH),
  ];
}

function sectionLines(
  { headings, rows }: SectionCells,
  { columns, notes }: { columns: readonly Column[]; notes: Notes },
): string[] {
  const [{ width }] = columns;
  const body = [...rows].map(([row, cells]) =>
    cells.length > 1
      ? line(cells, columns)
      : line(cells, columns.slice(0, 1)).padEnd(width) + shortReason(row, { room: WIDTH - width, notes })
  );
  return [line(headings, columns), ...body];
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
  };
}

/** One unit for each column, so that figures compare at a glance. */
function unitsOf(rows: readonly Row[]): Units {
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

function cells({ row, speed, interval, place }: Standing, { time, rate, bytes }: Units): string[] {
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
  tied: "no significant difference to the fastest (ranges that hold together, all of a mode)",
  unsure: UNSURE_NOTE,
  apart: "computes with less precision than was asked for: not ranked with the others",
};

function footnotes(
  notes: Notes,
  { rows, summaries }: { rows: readonly Row[]; summaries: readonly SectionSummary[] },
): string[] {
  const timed = rows.filter((row) => timeOf(row) !== null);
  const lines = [...notes].flatMap(([reason, n]) => wrap(reason, { width: WIDTH, lead: `[${n}] ` }));
  for (const { variant, mode, implementation } of timed.filter((row) => !isPeer(row))) {
    if (implementation !== null && implementation !== variant) {
      lines.push(`${mode}: ${plain(implementation, WIDTH - 10)}`);
    }
  }
  if (timed.some((row) => timeOf(row)?.clock === "wall")) {
    lines.push(
      ...wrap(`wall time, as there is none from the GPU. ${CLOCK_RULE}`, { width: WIDTH, lead: "* " }),
    );
  }
  const places = new Set(summaries.flatMap(({ standings }) => standings.map(({ place }) => place)));
  for (const [place, note] of Object.entries(PLACE_NOTES) as [keyof typeof PLACE_NOTES, string][]) {
    if (places.has(place)) lines.push(`${MARKS[place]} ${note}`);
  }
  if (timed.some(aboveCeiling)) lines.push("! above what the hardware can do: a fault of the measurement");
  return lines.length === 0 ? [] : [...lines, ""];
}

function warningLines(report: Report, withShape: boolean): string[] {
  const lines = warningSentences(report, withShape).flatMap((text) =>
    wrap(text, { width: WIDTH, lead: "! " })
  );
  return lines.length === 0 ? [] : ["Warnings", ...lines];
}
