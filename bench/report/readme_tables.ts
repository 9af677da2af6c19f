/**
 * The tables of README.md and bench/RESULTS.md. Each is made from a report.
 *
 * @module
 */

import {
  formatBytes,
  formatError,
  formatPercent,
  formatRate,
  formatRatio,
  formatShape,
  formatTime,
  significant,
} from "./format.ts";
import {
  blocksOf,
  boundName,
  commonTimes,
  errorOf,
  fastestOf,
  machineOf,
  medianOf,
  PARTS_NOTE,
  type ReportBlock,
  type Section,
  statisticsOf,
  timeOf,
} from "./groups.ts";
import { ceilingClauses } from "./context.ts";
import { escapeMarkdown, markdownTable } from "./markdown.ts";
import type { KernelReport, Report, Row } from "./schema.ts";
import { isPeer, leads, peakOf, type Standing, standingsOf } from "./summary.ts";
import { wrap } from "./text.ts";

/** The formatter wraps prose at this column. */
const WIDTH = 110;

const paragraph = (text: string) => wrap(text, { width: WIDTH }).join("\n");

/** The machine, problem and date of figures, which mean nothing without them. */
function source(report: Report, { problem }: ReportBlock): string {
  const { dtype, precision, activation } = problem;
  return paragraph(
    `${escapeMarkdown(machineOf(report))}${report.adapter.software ? " (software)" : ""}, ${
      formatShape(problem)
    }, ` +
      `${dtype}, precision ${precision}, ${escapeMarkdown(activation)}, ${
        escapeMarkdown(report.createdAt.slice(0, 10))
      }:`,
  );
}

/** A title and a table for each problem. */
function perBlock(report: Report, table: (block: ReportBlock) => string | null): string {
  const parts = blocksOf(report.rows).flatMap((block) => {
    const text = table(block);
    return text === null ? [] : [source(report, block), text];
  });
  return parts.length === 0 ? "The report has no such rows." : parts.join("\n\n");
}

/** A time with its speed. The fastest of the section is bold, and so is what cannot be told from it. */
function timeCell(row: Row | undefined, standings: Map<Row, Standing>): string {
  if (row === undefined) return "";
  const [time, standing] = [timeOf(row), standings.get(row)];
  if (time === null || standing === undefined) return row.status;
  const { clock, statistics: { median } } = time;
  const speed = standing.speed === null ? "" : ` (${formatRatio(standing.speed)})`;
  const mark = standing.place === "unsure" ? " too few samples" : "";
  const text = `${formatTime(median)}${clock === "wall" ? " wall" : ""}${speed}${mark}`;
  return leads(standing) ? `**${text}**` : text;
}

/** The time of the first use. Peers have none: one process runs all modes of a peer, so only the first is cold. */
function firstUse(row: Row | undefined): string {
  return !row?.coldMs || isPeer(row) ? "-" : formatTime(1e6 * row.coldMs);
}

const inMode = (block: ReportBlock, variant: string) =>
  block.sections.map(({ rows }) => rows.find((row) => row.variant === variant));

const variantsIn = (
  { sections }: ReportBlock,
) => [...new Set(sections.flatMap(({ rows }) => rows.map((row) => row.variant)))];

/** A row for each variant: its time in each mode, its speed beside the fastest, and other figures of the last mode. */
export function resultsTable(report: Report): string {
  return perBlock(report, (block) => {
    const last = block.sections[block.sections.length - 1].mode;
    const headings = [
      "variant",
      ...block.sections.map(({ mode }) => mode),
      `rate, ${last}`,
      `peak, ${last}`,
      "saved",
      "error",
      "first use",
    ];
    const standings = block.sections.map(standingsOf);
    const rows = variantsIn(block).map((variant) => {
      const modes = inMode(block, variant);
      const row = modes[modes.length - 1];
      return [
        escapeMarkdown(variant),
        ...modes.map((row, i) => timeCell(row, standings[i])),
        formatRate(row?.tflops ?? null),
        formatBytes(row?.memory?.peakBytes ?? null),
        formatBytes(row?.memory?.savedBytes ?? null),
        formatError(row === undefined ? null : errorOf(row)),
        firstUse(row),
      ];
    });
    return markdownTable(headings, rows);
  });
}

/** A row for each variant: for each mode its peak bytes, measured and predicted, and what the last mode saves. */
export function memoryTable(report: Report): string {
  return perBlock(report, (block) => {
    const headings = [
      "variant",
      ...block.sections.flatMap(({ mode }) => [`peak, ${mode}`, "predicted"]),
      "saved",
    ];
    const rows = variantsIn(block).map((variant) => {
      const modes = inMode(block, variant);
      return [
        escapeMarkdown(variant),
        ...modes.flatMap((row) => [
          formatBytes(row?.memory?.peakBytes ?? null),
          formatBytes(row?.memory?.predictedPeakBytes ?? null),
        ]),
        formatBytes(modes[modes.length - 1]?.memory?.savedBytes ?? null),
      ];
    });
    return markdownTable(headings, rows);
  });
}

function kernelRate({ gpuNs, flops, bytes, bound }: KernelReport): string {
  if (!gpuNs) return "-";
  if (bound !== "bytes" && flops) return formatRate(flops / gpuNs / 1e3);
  return bytes ? `${significant(bytes / gpuNs)} GB/s` : "-";
}

/** The row whose kernels are shown: `tuned` if it ran, else the fastest, in the last mode that has one. */
function rowWithKernels({ sections }: ReportBlock): Row | null {
  for (const { rows } of sections.toReversed()) {
    const timed = rows.filter((row) => row.kernels.some(({ gpuNs }) => gpuNs !== null));
    const row = timed.find(({ variant }) => variant === "tuned") ?? fastestOf(timed);
    if (row !== null) return row;
  }
  return null;
}

/** Compares the sum of the kernels with the row, and says why they differ. Empty where either is not known. */
function sumOfParts(row: Row): string[] {
  const whole = statisticsOf(row, "gpu")?.median;
  if (!whole || row.kernels.some(({ gpuNs }) => gpuNs === null)) return [];
  const sum = row.kernels.reduce((sum, { gpuNs }) => sum + gpuNs!, 0);
  const beyond = 100 * (sum / whole - 1);
  const apart = `${Math.abs(beyond).toFixed(1)} % ${beyond < 0 ? "less" : "more"}`;
  return [
    paragraph(
      `The kernels add up to ${formatTime(sum)}, ${apart} than the row's ${formatTime(whole)}. ${PARTS_NOTE}`,
    ),
  ];
}

/** The kernels of one variant, each with its time, rate, and fraction of the ceiling that binds it. */
export function kernelsTable(report: Report): string {
  return perBlock(report, (block) => {
    const row = rowWithKernels(block);
    if (row === null) return null;
    const rows = row.kernels.map((kernel) => [
      escapeMarkdown(kernel.label),
      escapeMarkdown(kernel.tile ?? "-"),
      formatTime(kernel.gpuNs),
      kernelRate(kernel),
      `${formatPercent(kernel.fractionOfCeiling ?? null)} ${boundName(kernel)}`.trim(),
    ]);
    const table = markdownTable([
      `${escapeMarkdown(row.variant)}, ${row.mode}`,
      "tile",
      "time",
      "rate",
      "of ceiling",
    ], rows);
    return [table, ...sumOfParts(row)].join("\n\n");
  });
}

const peerName = ({ variant }: Row) => escapeMarkdown(variant.replace(/^peer:/, ""));

function peerRows({ mode, rows }: Section): string[][] {
  const tuned = rows.find((row) => row.variant === "tuned");
  const timed = [...tuned === undefined ? [] : [tuned], ...rows.filter(isPeer)]
    .filter((row) => medianOf(row) !== null);
  return timed.map((row) => {
    const [peak, ownPeak] = [peakOf(row), tuned === undefined ? null : peakOf(tuned)];
    const time = timeOf(row)!;
    const times = tuned === undefined ? null : commonTimes(row, tuned);
    return [
      peerName(row),
      mode,
      time.clock === "gpu" ? formatTime(time.statistics.median) : "-",
      formatTime(row.timing?.wallNs?.median ?? null),
      formatRate(row.tflops),
      times === null ? "-" : formatRatio(times.own.median / times.others.median),
      ownPeak !== null && peak ? formatRatio(ownPeak / peak) : "-",
      formatError(errorOf(row)),
    ];
  });
}

/** The peers without a time, with their reasons. Null where all have a time. */
function absentPeers(sections: readonly Section[]): string | null {
  const rows = sections.flatMap(({ rows }) => rows.filter((row) => isPeer(row) && medianOf(row) === null));
  if (rows.length === 0) return null;
  const groups = Map.groupBy(rows, (row) => JSON.stringify([row.variant, row.status, row.reason]));
  const parts = [...groups.values()].map((group) => {
    const [row] = group;
    const reason = `${row.status}: ${escapeMarkdown(row.reason ?? "no reason is known")}`;
    return `${peerName(row)} ${group.map(({ mode }) => mode).join(" and ")} (${reason})`;
  });
  return paragraph(`Not measured: ${parts.join("; ")}.`);
}

/** `tuned` beside other projects. Speeds are compared by GPU time where both have it, else by wall time. */
export function peersTable(report: Report): string {
  return perBlock(report, (block) => {
    const sections = block.sections.filter(({ rows }) => rows.some(isPeer));
    if (sections.length === 0) return null;
    const headings = [
      "",
      "mode",
      "GPU time",
      "wall",
      "rate",
      "tuned's speed is",
      "tuned's memory is",
      "error",
    ];
    const absent = absentPeers(sections);
    const table = markdownTable(headings, sections.flatMap(peerRows));
    return absent === null ? table : `${table}\n\n${absent}`;
  });
}

/** Machine, date, versions and ceilings. */
export function runFacts(report: Report): string {
  const { ceilings, versions, adapter } = report;
  const measured = ceilingClauses(ceilings);
  const versionList = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const sentences = [
    `Measured on ${machineOf(report)}${adapter.software ? " (software)" : ""}, ${
      report.createdAt.slice(0, 10)
    }`,
    versionList,
    measured.length === 0 ? "" : `ceilings in the same run: ${measured.join(", ")}`,
  ].filter((part) => part !== "");
  return paragraph(`${sentences.map(escapeMarkdown).join("; ")}.`);
}
