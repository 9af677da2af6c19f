/**
 * Specifications drawn as SVG, without a browser.
 *
 * @module
 */

import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Spec } from "./charts/chart.ts";

/** Draws a chart; text from reports ends up as text, as the renderer escapes it. */
export async function renderSvg(spec: Spec): Promise<string> {
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
