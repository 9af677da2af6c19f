/**
 * Text laid out in columns and paragraphs.
 *
 * @module
 */

import { plain } from "./shape.ts";

/** A column: its heading, its width in characters, and the side to which its cells keep. */
export interface Column {
  heading: string;
  width: number;
  align: "left" | "right";
}

/** One line of cells. Each is cut and padded to its column, a space before the next. No spaces end the line. */
export function line(cells: readonly string[], columns: readonly Column[]): string {
  const padded = columns.map(({ width, align }, i) => {
    const cell = plain(cells[i] ?? "", width - 1);
    return align === "left" ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join("").trimEnd();
}

/**
 * The columns, made wide enough for all their figures. Only the first column is narrowed, so that all together fit in
 * `width`.
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

/** Least width of the first column, which holds names. */
const LEAST_NAME = 12;

/** The words of a text. Words longer than the width are broken, because a reason may hold a path or a line of a shader. */
function pieces(text: string, width: number): string[] {
  return plain(text, Infinity).split(" ").filter((word) => word !== "")
    .flatMap((word) => word.match(new RegExp(`.{1,${width}}`, "gu")) ?? []);
}

/** The text as lines of at most `width` characters. The first begins with `lead`, the others are indented as far. */
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
