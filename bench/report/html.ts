/**
 * Text from reports as HTML.
 *
 * @module
 */

import { plain } from "./shape.ts";

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text escaped for elements and for quoted attributes, on one line. */
export function escapeHtml(text: string): string {
  return plain(text, Infinity).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** JSON for a script element. It contains no `<`, so that nothing in it can end the element. */
export function embedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** Attributes by name, their values escaped. */
export function attributes(values: Record<string, string | number>): string {
  return Object.entries(values).map(([name, value]) => ` ${name}="${escapeHtml(String(value))}"`).join("");
}
