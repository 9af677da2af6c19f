/**
 * The worker that draws: it is told a report, and gives the page that plot.ts makes of it. Charts take some seconds, in
 * which the visitor's page still answers.
 *
 * @module
 */

import { renderSvg } from "../charts/svg.ts";
import { renderPage } from "../page/mod.ts";
import { parseReport } from "../report/reader.ts";
import { serve } from "./worker_scope.ts";

/** The page as HTML, or why there is none. */
export type Drawing = { readonly html: string } | { readonly error: string };

/** The name of the report in messages, and of its file. */
const SOURCE = "swiglu.json";

serve<string, Drawing>(async (json, tell) => {
  try {
    const report = parseReport(json, SOURCE); // whatever reads the file later can read it
    const draw = (spec: Parameters<typeof renderSvg>[0]) => renderSvg(spec, { continued: true });
    tell({ html: await renderPage([{ source: SOURCE, report }], { draw }) });
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) });
  }
});
