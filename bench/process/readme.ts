/**
 * The parts of README that are made from reports: between `<!-- plot:NAME FILE -->` and `<!-- /plot:NAME -->`.
 *
 * NAME says what is printed, FILE is the report, relative to README; without it the caller's report is used. A picture
 * is `<!-- plot:chart-KIND FILE -->`; it is drawn into the folder of its report.
 *
 * @module
 */

import type { Spec } from "../charts/chart.ts";
import { chartOf } from "../charts/mod.ts";
import { folderOf } from "./files.ts";
import { escapeMarkdown } from "../report/markdown.ts";
import { kernelsTable, memoryTable, peersTable, resultsTable, runFacts } from "../report/readme_tables.ts";
import type { Report } from "../report/schema.ts";
import { plain } from "../report/shape.ts";

/** A README whose markers cannot be used; its message is one line that names the marker. */
export class ReadmeError extends Error {
  override name = "ReadmeError";
}

const TABLES: Record<string, (report: Report) => string> = {
  results: resultsTable,
  memory: memoryTable,
  kernels: kernelsTable,
  peers: peersTable,
  machine: runFacts,
};

/** What rewriting needs from its caller. */
export interface ReadmeOptions {
  /** Name of the file, for messages and for paths of reports. */
  path: string;
  /** Path of the report of markers that name none. */
  report: string;
  read(path: string): Report;
  draw(spec: Spec): Promise<string>;
}

/** The new text, and the pictures that it shows, by path. */
export interface Rewritten {
  text: string;
  pictures: Map<string, string>;
}

const MARKER = /^<!-- plot:([a-z0-9-]+)(?: +(\S+))? +-->$/;
const END = /^<!-- \/plot:([a-z0-9-]+) -->$/;

/** The text before the extension, without the folder. */
function stemOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
}

/** A path relative to README as one relative to the current folder. */
function besideReadme(path: string, readme: string): string {
  const folder = folderOf(readme);
  return path.startsWith("/") || folder === "." ? path : `${folder}/${path}`;
}

async function partOf(
  { name, file }: { name: string; file: string | undefined },
  { path, report, read, draw }: ReadmeOptions,
): Promise<{ text: string; picture?: [string, string] }> {
  const source = file === undefined ? report : besideReadme(file, path);
  if (Object.hasOwn(TABLES, name)) return { text: TABLES[name](read(source)) };
  const chart = name.startsWith("chart-") ? chartOf(read(source), name.slice("chart-".length)) : null;
  if (chart === null) {
    const names = [...Object.keys(TABLES), "chart-KIND"].join(", ");
    throw new ReadmeError(`Cannot rewrite ${plain(path)} as plot:${plain(name, 40)} must be one of ${names}`);
  }
  if ("reason" in chart) {
    throw new ReadmeError(`Cannot draw ${plain(name, 40)} for ${plain(path)}: ${chart.reason}`);
  }
  const picture = `${stemOf(source)}-${chart.name}.svg`;
  const link = file === undefined ? `${folderOf(source)}/${picture}` : `${folderOf(file)}/${picture}`;
  const target = `${folderOf(source)}/${picture}`;
  const caption = escapeMarkdown(`${chart.title}, ${chart.context}`);
  return { text: `![${caption}](${encodeURI(link)})`, picture: [target, await draw(chart.spec)] };
}

/**
 * Rewrites every part of a README.
 *
 * @throws {ReadmeError} If a marker has no end, an end has no marker, or a name is unknown
 */
export async function rewriteReadme(text: string, options: ReadmeOptions): Promise<Rewritten> {
  const output: string[] = [];
  const pictures = new Map<string, string>();
  let open: string | null = null;
  for (const [i, line] of text.split("\n").entries()) {
    const at = `line ${i + 1} of ${plain(options.path)}`;
    const [start, end] = [MARKER.exec(line), END.exec(line)];
    if (start !== null) {
      if (open !== null) {
        throw new ReadmeError(`Cannot begin plot:${start[1]} in ${at} as plot:${open} has not ended`);
      }
      open = start[1];
      const { text, picture } = await partOf({ name: start[1], file: start[2] }, options);
      if (picture !== undefined) pictures.set(...picture);
      output.push(line, "", text, "");
    } else if (end !== null) {
      if (open !== end[1]) throw new ReadmeError(`Cannot end plot:${end[1]} in ${at} as it has not begun`);
      open = null;
      output.push(line);
    } else if (open === null) {
      output.push(line);
    }
  }
  if (open !== null) {
    throw new ReadmeError(`Cannot rewrite ${plain(options.path)} as plot:${open} does not end`);
  }
  return { text: output.join("\n"), pictures };
}
