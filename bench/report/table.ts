/**
 * The table in the terminal: at most 100 columns, one block for each problem, and below it what to make of it.
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
import { type Block, blocksOf, boundName, errorOf, machineOf, medianOf, timeOf } from "./groups.ts";
import type { Report, ReportMode, Row } from "./schema.ts";
import { plain } from "./shape.ts";
import {
  isPeer,
  peakOf,
  type RatioInterval,
  type SectionSummary,
  type Standing,
  summarise,
} from "./summary.ts";
import { summaryLines } from "./summary_text.ts";
import { type Column, line, wrap } from "./text.ts";
import { warningSentences } from "./warnings.ts";

const WIDTH = 100;
/** What the columns of figures take; names have the rest. */
const FIGURES_WIDTH = 73;

/** What the table may be given. */
export interface TableOptions {
  /** Interval of the ratio of two medians; without it those of the medians decide, which claim less. */
  interval?: RatioInterval;
}

/** Reasons too long for their row, printed below it. */
type Notes = Map<string, number>;

/** What the cells of one section share. */
interface SectionLook {
  columns: Column[];
  time: Unit;
  rate: Unit;
  bytes: Unit;
}

/** The report as text, lines parted by newlines, the last one ended by one. */
export function renderTable(report: Report, options: TableOptions = {}): string {
  const blocks = blocksOf(report.rows);
  if (blocks.length === 0) return "The report has no rows.\n";
  const machine = plain(machineOf(report), 60) + (report.adapter.software ? " (software)" : "");
  const lines = blocks.flatMap((block) => [...blockLines(block, { ...options, machine }), ""]);
  return [...lines, ...warningLines(report, blocks.length > 1)].join("\n").trimEnd() + "\n";
}

function blockLines(block: Block, options: TableOptions & { machine: string }): string[] {
  const { problem, sections } = block;
  const title =
    `${options.machine} | ${formatShape(problem)} | ${problem.dtype} | precision ${problem.precision} | ` +
    problem.activation;
  const notes: Notes = new Map();
  const summaries = sections.map((section) => summarise(section, options));
  const names = sections.flatMap(({ rows }) => rows.map((row) => row.variant.length + 1));
  const width = Math.min(Math.max(greatest(names), 16), WIDTH - FIGURES_WIDTH);
  const tables = sections.flatMap((
    { rows },
    i,
  ) => ["", ...sectionLines(rows, summaries[i], { width, notes })]);
  return [
    ...wrap(title, { width: WIDTH }),
    ...tables,
    "",
    ...footnotes(notes, { rows: block.sections.flatMap(({ rows }) => rows), summaries }),
    ...summaryLines(summaries, WIDTH),
  ];
}

function sectionLines(
  rows: readonly Row[],
  summary: SectionSummary,
  { width, notes }: { width: number; notes: Notes },
): string[] {
  const look = lookOf(rows, { mode: summary.mode, width });
  const heading = line(look.columns.map((column) => column.heading), look.columns);
  const body = rows.map((row) => {
    const standing = summary.standings.find((standing) => standing.row === row);
    if (standing !== undefined) return line(cells(standing, look), look.columns);
    return `${plain(row.variant, width - 1).padEnd(width)}${
      shortReason(row, { room: WIDTH - width, notes })
    }`;
  });
  return [heading, ...body];
}

/** One unit for each column, so that its figures can be compared at a glance. */
function lookOf(rows: readonly Row[], { mode, width }: { mode: ReportMode; width: number }): SectionLook {
  const positive = (measure: (row: Row) => number | null) => {
    const value = least(rows.map((row) => measure(row) || null));
    return Number.isFinite(value) ? value : 0;
  };
  const time = timeUnit(positive(medianOf));
  const rate = rateUnit(greatest(rows.map((row) => row.tflops)));
  const bytes = byteUnit(positive(peakOf));
  const right = (heading: string, width: number): Column => ({ heading, width, align: "right" });
  const columns: Column[] = [
    { heading: mode, width, align: "left" },
    right(`time ${time.name}`, 10),
    right("speed", 7),
    right("95 % range", 11),
    right(rate.name, 8),
    right("ceiling", 12),
    right(`peak ${bytes.name}`, 9),
    right("saved", 7),
    right("error", 9),
  ];
  return { columns, time, rate, bytes };
}

function cells(
  { row, speed, interval, tied, apart }: Standing,
  { time, rate, bytes }: SectionLook,
): string[] {
  const { clock, statistics } = timeOf(row)!;
  const size = (value: number | null = null) => value === null ? "-" : significant(value / bytes.size, 4);
  return [
    row.variant,
    significant(statistics.median / time.size) + (clock === "wall" ? "*" : ""),
    formatRatio(speed),
    (interval === null ? "" : `${interval[0].toFixed(2)}-${interval[1].toFixed(2)}`) +
    (tied ? "=" : apart ? "~" : ""),
    row.tflops === null ? "-" : significant(row.tflops / rate.size),
    `${formatPercent(row.fractionOfCeiling)}${aboveCeiling(row) ? "!" : ""} ${boundName(row.bound)}`.trim(),
    size(row.memory?.peakBytes),
    size(row.memory?.savedBytes),
    formatError(errorOf(row)),
  ];
}

/** Nothing runs faster than the hardware: such a row was measured wrongly, or its ceiling was. */
function aboveCeiling(row: Row): boolean {
  return (row.fractionOfCeiling ?? 0) > 1;
}

/** The reason as far as it fits; the whole of a longer one becomes a note. */
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
    lines.push("* wall time, as there is no time from the GPU");
  }
  if (summaries.some(({ standings }) => standings.some(({ tied }) => tied))) {
    lines.push("= no significant difference to the fastest (ranges that hold together, all of a mode)");
  }
  if (summaries.some(({ standings }) => standings.some(({ apart }) => apart))) {
    lines.push("~ computes with less precision than was asked for: not ranked with the others");
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
