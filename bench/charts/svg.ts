/**
 * Specifications drawn as SVG, without a browser.
 *
 * @module
 */

import * as vega from "npm:vega@6";
import { compile, type TopLevelSpec } from "npm:vega-lite@6";
import { escapeHtml } from "../report/html.ts";
import type { Spec } from "./chart.ts";
import { BOLD, CHARACTER_WIDTH } from "./theme.ts";

/** How to draw. */
export interface SvgOptions {
  /**
   * The drawing is a part of a page. Its ids go on from those of the last drawing, and its marks can be reached one by one.
   * Otherwise ids begin anew, and it is one picture.
   */
  continued?: boolean;
}

/** A text whose width the layout needs. */
interface Text {
  fontSize: number;
  fontWeight?: string | number;
}

/** The library's measure of text, which may be replaced. Its types do not name it. */
const { textMetrics } = vega as unknown as { textMetrics: { width(item: Text, text: unknown): number } };

// Without a canvas the library takes 0.8 of the size for a character, which leaves half of the room beside names empty.
textMetrics.width = ({ fontSize, fontWeight }: Text, text: unknown) => {
  const bold = fontWeight === "bold" || Number(fontWeight) >= 600;
  const lines = Array.isArray(text) ? text : [text];
  return Math.max(...lines.map((line) => String(line ?? "").length)) * fontSize * CHARACTER_WIDTH *
    (bold ? BOLD : 1);
};

/** The role of a group of marks. Groups have no names, and a role without a name only disturbs programs that read aloud. */
const GROUP = / role="graphics-(?:symbol|object)" aria-roledescription="\w+ mark container"/g;

/** The drawing with its role, its name, and what it says of itself. Programs that read aloud need them. */
function named(svg: string, { usermeta, description = "" }: Spec, role: string): string {
  const { name = "" } = (usermeta ?? {}) as { name?: string };
  return svg.replace(
    /^<svg([^>]*)>/,
    (_, attributes) =>
      `<svg role="${role}"${attributes}><title>${escapeHtml(name)}</title><desc>${
        escapeHtml(String(description))
      }</desc>`,
  );
}

/** Coordinates in hundredths of a pixel: nobody sees more, and the files are a third smaller. */
function rounded(svg: string): string {
  const round = (digits: string) => String(Number(Number(digits).toFixed(2)));
  return svg.replace(
    / (d|transform)="[^"]*"/g,
    (attribute) => attribute.replace(/-?\d+\.\d{3,}(?!e)/g, round),
  );
}

/** A logger that keeps what the libraries would only print: a drawing with an error in it is none. */
function keeping(errors: unknown[]): ReturnType<typeof vega.logger> {
  const logger = vega.logger(vega.Error);
  logger.error = (...parts: unknown[]) => {
    errors.push(...parts);
    return logger;
  };
  return logger;
}

/**
 * Draws a chart; text from reports ends up as text, as the renderer escapes it.
 *
 * @throws {Error} If the libraries cannot draw the specification, which is a fault of this program
 */
export async function renderSvg(spec: Spec, { continued = false }: SvgOptions = {}): Promise<string> {
  if (!continued) vega.resetSVGDefIds();
  const errors: unknown[] = [];
  // Specifications are plain data in this project; vega-lite checks them as it compiles them.
  const compiled = compile(spec as unknown as TopLevelSpec, { logger: keeping(errors) });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger: keeping(errors) });
  try {
    const svg = await view.toSVG();
    if (errors.length > 0) throw new Error(`Cannot draw a chart: ${errors.join(" ")}`);
    return named(rounded(svg).replaceAll(GROUP, ""), spec, continued ? "graphics-document" : "img");
  } finally {
    view.finalize();
  }
}
