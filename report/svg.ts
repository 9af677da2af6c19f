/**
 * Specifications drawn as SVG, without a browser.
 *
 * @module
 */

import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Spec } from "./charts/chart.ts";

/** How to draw. */
export interface SvgOptions {
  /** Ids inside go on from those of the last drawing, so that both fit into one page; else they begin anew. */
  continued?: boolean;
}

/** Draws a chart; text from reports ends up as text, as the renderer escapes it. */
export async function renderSvg(spec: Spec, { continued = false }: SvgOptions = {}): Promise<string> {
  if (!continued) vega.resetSVGDefIds();
  // Specifications are plain data in this project; vega-lite checks them as it compiles them.
  const compiled = compile(spec as unknown as TopLevelSpec, { logger: vega.logger(vega.Error) });
  const view = new vega.View(vega.parse(compiled.spec), {
    renderer: "none",
    logger: vega.logger(vega.Error),
  });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
