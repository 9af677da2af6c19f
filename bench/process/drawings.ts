/**
 * Charts and pages as files. Each ends with a mark, so that a file of somebody else is not replaced.
 *
 * @module
 */

import { plain } from "../report/shape.ts";
import { FileError, textIn, writeWhole } from "./files.ts";

/** The last line of what plot.ts draws; a comment in SVG and in HTML. */
const MARK = "<!-- drawn by plot.ts -->";

/**
 * Writes drawings, by path, over those of an earlier run.
 *
 * @throws {FileError} If a path has a file that plot.ts did not draw, and then before anything is written; or if a file
 * cannot be written.
 */
export function writeDrawings(drawings: ReadonlyMap<string, string>): void {
  for (const path of drawings.keys()) refuseForeign(path);
  for (const [path, text] of drawings) writeWhole(path, `${text}\n${MARK}\n`);
}

function refuseForeign(path: string): void {
  const text = textIn(path);
  if (text === null || text.trimEnd().endsWith(MARK)) return;
  throw new FileError(
    `Cannot write ${
      plain(path, 200)
    } as what is there must be drawn by plot.ts: move it away, or choose another --output-dir`,
  );
}
