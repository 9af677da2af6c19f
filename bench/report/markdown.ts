/**
 * Text and tables as Markdown, laid out so that the formatter changes nothing.
 *
 * @module
 */

import { plain } from "./shape.ts";

/** Text in which nothing has a meaning to Markdown or HTML. */
export function escapeMarkdown(text: string): string {
  return plain(text, Infinity).replace(
    /[\\`*_{}[\]<>|&#~$@]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** A table. Its first column is text, the others are figures. Each column is as wide as its widest cell. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) =>
    Math.max(3, heading.length, ...rows.map((row) => row[i].length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(" | ")} |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(headings), line(rule), ...rows.map(line)].join("\n");
}
