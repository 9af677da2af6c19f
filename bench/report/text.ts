/**
 * Text laid out in columns and paragraphs.
 *
 * @module
 */

import { plain } from "./shape.ts";

/** A column: its heading, its width in characters, and which side its cells keep to. */
export interface Column {
  heading: string;
  width: number;
  align: "left" | "right";
}

/** One line of cells, each cut and padded to its column so that a space parts it from the next, without spaces at the end. */
export function line(cells: readonly string[], columns: readonly Column[]): string {
  const padded = columns.map(({ width, align }, i) => {
    const cell = plain(cells[i] ?? "", width - 1);
    return align === "left" ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join("").trimEnd();
}

/**
 * The columns, wide enough for all of their figures: only the text of the first column is cut, so that together they
 * keep to `width`.
 */
export function fitted(
  columns: readonly Column[],
  { lines, width }: { lines: readonly (readonly string[])[]; width: number },
): Column[] {
  const [first, ...figures] = columns.map((column, i) => {
    const longest = Math.max(...lines.map((cells) => plain(cells[i] ?? "", width).length));
    return { ...column, width: Math.max(column.width, longest + 1) };
  });
  const room = width - figures.reduce((sum, column) => sum + column.width, 0);
  return [{ ...first, width: Math.max(Math.min(first.width, room), LEAST_NAME) }, ...figures];
}

/** Names that are cut keep so many characters. */
const LEAST_NAME = 12;

/** Breaks words longer than the width, as a reason may carry a path or a shader's line. */
function pieces(text: string, width: number): string[] {
  return plain(text, Infinity).split(" ").filter((word) => word !== "")
    .flatMap((word) => word.match(new RegExp(`.{1,${width}}`, "gu")) ?? []);
}

/** The text as lines of at most `width` characters, the first after `lead`, the rest indented as far. */
export function wrap(text: string, { width, lead = "" }: { width: number; lead?: string }): string[] {
  const room = Math.max(width - lead.length, 10);
  const lines = [""];
  for (const piece of pieces(text, room)) {
    const last = lines[lines.length - 1];
    if (last === "") lines[lines.length - 1] = piece;
    else if (last.length + 1 + piece.length <= room) lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(piece);
  }
  return lines.map((text, i) => ((i === 0 ? lead : " ".repeat(lead.length)) + text).trimEnd());
}

/** `a`, `a and b`, `a, b and c`, or `a, b, c and 4 more`. */
export function enumerate(names: readonly string[], most = Infinity): string {
  const shown = names.slice(0, most);
  if (shown.length < names.length) return `${shown.join(", ")} and ${names.length - shown.length} more`;
  if (shown.length < 2) return shown.join("");
  return `${shown.slice(0, -1).join(", ")} and ${shown[shown.length - 1]}`;
}
