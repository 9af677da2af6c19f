/**
 * Text laid out in columns and paragraphs.
 *
 * @module
 */

import { plain } from "./shape.ts";

/** A column: its heading, its least width in characters, and the side to which its cells keep. */
export interface Column {
  heading: string;
  width: number;
  align: "left" | "right";
  /** Where there is too little room, the columns that have this leave, the lowest first. */
  leaves?: number;
}

/** A column in its final width, with the place of its cells in each line. */
export interface FittedColumn extends Column {
  index: number;
}

/** One line of cells. Each is cut and padded to its column, a space before the next. No spaces end the line. */
export function line(cells: readonly string[], columns: readonly FittedColumn[]): string {
  const padded = columns.map(({ width, align, index }, i) => {
    const cell = plain(cells[index] ?? "", width - 1);
    if (align === "right") return cell.padStart(width);
    return (i === 0 ? cell : ` ${cell}`).padEnd(width);
  });
  return padded.join("").trimEnd();
}

/** Columns may leave for a first column of this width at most. It holds names, which may have any length. */
const MOST_NAME = 27;

/** Least width of the first column. */
const LEAST_NAME = 12;

const widthOf = (columns: readonly Column[]) => columns.reduce((sum, { width }) => sum + width, 0);

/**
 * The columns, made wide enough for all their cells. Where they do not fit in `width`, those leave that may. Then only the
 * first column is narrowed: figures are never cut.
 */
export function fitted(
  columns: readonly Column[],
  { lines, width }: { lines: readonly (readonly string[])[]; width: number },
): FittedColumn[] {
  const longest = (i: number) => Math.max(0, ...lines.map((cells) => plain(cells[i] ?? "", width).length));
  const [first, ...others] = columns.map((column, index) => ({
    ...column,
    index,
    width: Math.max(column.width, longest(index) + 1),
  }));
  const leaving = others.filter(({ leaves }) => leaves !== undefined)
    .toSorted((a, b) => a.leaves! - b.leaves!);
  let kept = others;
  const name = Math.min(first.width, MOST_NAME);
  for (const column of leaving) {
    if (name + widthOf(kept) <= width) break;
    kept = kept.filter((other) => other !== column);
  }
  const room = Math.max(width - widthOf(kept), LEAST_NAME);
  return [{ ...first, width: Math.min(first.width, room) }, ...kept];
}

/** The words of a text. Words longer than the width are broken, because a reason may hold a path or a line of a shader. */
function pieces(text: string, width: number): string[] {
  return plain(text, Infinity).split(" ").filter((word) => word !== "")
    .flatMap((word) => word.length <= width ? [word] : word.match(new RegExp(`.{1,${width}}`, "gu")) ?? []);
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
