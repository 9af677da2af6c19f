/**
 * Specifications drawn as SVG, without a browser.
 *
 * @module
 */

import * as vega from "npm:vega@6";
import { compile, type TopLevelSpec } from "npm:vega-lite@6";
import type { Spec } from "./chart.ts";

/** How to draw. */
export interface SvgOptions {
  /** Ids inside go on from those of the last drawing, so that both fit into one page; else they begin anew. */
  continued?: boolean;
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
    return rounded(svg);
  } finally {
    view.finalize();
  }
}
