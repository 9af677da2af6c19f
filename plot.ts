/**
 * Draws charts and a page from reports that bench.ts wrote, and keeps README's figures. It never touches a GPU.
 * `deno run -A plot.ts --help` lists the arguments.
 *
 * @module
 */

import { UsageError } from "./bench/process/argument_values.ts";
import type { Chart, Undrawn } from "./bench/charts/chart.ts";
import { chartsOf, comparisonsOf } from "./bench/charts/mod.ts";
import { writeDrawings } from "./bench/process/drawings.ts";
import { FileError, folderOf, readWhole, textIn, writeWhole } from "./bench/process/files.ts";
import { type NamedReport, renderPage } from "./bench/page/mod.ts";
import { print, printError } from "./bench/process/output.ts";
import { renderHelp } from "./bench/process/help.ts";
import { layoutOf } from "./bench/process/machine.ts";
import { parsePlotArguments, PLOT_PAGE, type PlotCommand } from "./bench/process/plot_arguments.ts";
import { parseReport, ReportError } from "./bench/report/reader.ts";
import { ReadmeError, rewriteReadme } from "./bench/process/readme.ts";
import { sourceNames } from "./bench/process/sources.ts";
import { renderSvg } from "./bench/charts/svg.ts";

/** Exit status, as `--help` lists it. */
const OK = 0, DIFFERENT = 1, BAD_ARGUMENTS = 2;

/** What a user can cause, each told in one line. */
const EXPECTED = [UsageError, FileError, ReportError, ReadmeError, Deno.errors.NotCapable];

async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(parsePlotArguments(args));
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    printError((error as Error).message);
    return BAD_ARGUMENTS;
  }
}

async function run(command: PlotCommand): Promise<number> {
  switch (command.kind) {
    case "help":
      print(renderHelp(PLOT_PAGE, layoutOf("stdout")));
      return OK;
    case "draw":
      return await draw(command);
    case "readme":
      return await readme(command);
  }
}

const readReport = (path: string) => parseReport(readWhole(path), path);

async function draw({ reports: paths, outputDir }: PlotCommand & { kind: "draw" }): Promise<number> {
  const names = sourceNames(paths);
  const reports = paths.map((path, i): NamedReport => ({ source: names[i], report: readReport(path) }));
  const folder = outputDir ?? folderOf(paths[0]);
  const [charts, page] = [`${folder}/charts`, `${folder}/report.html`];
  const drawings = new Map<string, string>();
  const undrawn: Undrawn[] = [];
  for (const chart of allCharts(reports)) {
    if ("reason" in chart) undrawn.push(chart);
    else drawings.set(`${charts}/${chart.name}.svg`, await renderSvg(chart.spec));
  }
  const count = drawings.size;
  drawings.set(page, await renderPage(reports, { draw: (spec) => renderSvg(spec, { continued: true }) }));
  writeDrawings(drawings);
  for (const [reason, charts] of Map.groupBy(undrawn, ({ reason }) => reason)) {
    printError(`Not drawn: ${charts.map(({ name }) => name).join(", ")}: ${reason}`);
  }
  print(`${count} charts in ${charts}, and ${page}`);
  return OK;
}

/** Every chart of every report, then each later report against the first; of several, names begin with the report's. */
function allCharts(reports: readonly NamedReport[]): (Chart | Undrawn)[] {
  const [first, ...later] = reports;
  const prefixed = ({ source }: NamedReport, charts: (Chart | Undrawn)[]) =>
    reports.length === 1 ? charts : charts.map((chart) => ({ ...chart, name: `${source}-${chart.name}` }));
  return [
    ...reports.flatMap((named) => prefixed(named, chartsOf(named.report))),
    ...later.flatMap((named) => prefixed(named, comparisonsOf(named.report, first.report))),
  ];
}

async function readme({ readme: path, report, check }: PlotCommand & { kind: "readme" }): Promise<number> {
  const before = readWhole(path);
  const { text, pictures } = await rewriteReadme(before, {
    path,
    report: report ?? "results/swiglu.json",
    read: readReport,
    draw: renderSvg,
  });
  const files = new Map([
    [path, text],
    ...[...pictures].map(([path, svg]): [string, string] => [path, `${svg}\n`]),
  ]);
  const stale = [...files].filter(([path, text]) => textIn(path) !== text);
  for (const [file, text] of stale) {
    if (check) printError(`${file} differs from its reports: run deno task plot --readme ${path}`);
    else writeWhole(file, text);
  }
  if (!check) {
    print(stale.length === 0 ? "Nothing changed" : `Wrote ${stale.map(([path]) => path).join(", ")}`);
  }
  return check && stale.length > 0 ? DIFFERENT : OK;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
