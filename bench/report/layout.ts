/**
 * How text is laid out for its reader: how wide it may be, and whether it may have colours.
 *
 * @module
 */

/** What text is written to. */
export interface Layout {
  /** Columns of the terminal. `Infinity` where text goes to a file or a pipe: there nothing is cut or left out. */
  readonly columns: number;
  readonly coloured: boolean;
}

/** A file or a pipe. */
export const UNBOUNDED: Layout = { columns: Infinity, coloured: false };

/** Longer lines of prose are hard to read, however wide the terminal is. */
const WIDEST_PROSE = 100;

/** Columns that sentences may take. */
export function proseWidth({ columns }: Layout): number {
  return Math.min(columns, WIDEST_PROSE);
}

/** Sequences that change how a terminal shows text. They move nothing. */
const CODES = {
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  good: "\x1b[32m",
  bad: "\x1b[31m",
  doubt: "\x1b[33m",
} as const;
const RESET = "\x1b[0m";

/** What a line is, which its colour repeats: no colour says what the words do not. */
export type LineStyle = keyof typeof CODES;

/** The line in a colour, where the layout has colours. */
export function paint(style: LineStyle, line: string, { coloured }: Layout): string {
  return coloured && line !== "" ? CODES[style] + line + RESET : line;
}

const ANY_CODE = new RegExp(
  `(${[...Object.values(CODES), RESET].map((code) => code.replace("[", "\\[")).join("|")})`,
);

/** Applies a function to all of a text but the sequences of {@linkcode paint}. */
export function betweenPaint(text: string, use: (part: string) => string): string {
  return text.split(ANY_CODE).map((part, i) => i % 2 === 0 ? use(part) : part).join("");
}
