/**
 * The page: a choice, a button, and what follows. It shows how far the run is and each finished row, and at the end the
 * page that plot.ts makes of a report.
 *
 * @module
 */

import suite from "../../deno.json" with { type: "json" };
import type { MeasureEvent } from "../measure/job.ts";
import { emptyReport, ReportDraft } from "../report/draft.ts";
import { Estimate } from "../report/estimate.ts";
import { rowLine } from "../report/row_line.ts";
import { jobOfQuery, OFFERS, settingsOf } from "./choice.ts";
import {
  browser,
  byId,
  type Control,
  create,
  type Details,
  type Element,
  type Frame,
  type Link,
  type ProgressBar,
} from "./dom.ts";
import type { Drawing } from "./drawing_worker.ts";
import { machineOf } from "./machine.ts";
import { BrowserRun, type Measurer } from "./run.ts";

/** What the page is doing, by which its parts show. */
type State = "idle" | "measuring" | "drawing" | "done";

/** Fills the form from the page's address, and measures when it is asked to. */
export function start(): void {
  const query = new URLSearchParams(browser.location.search);
  byId("choices").replaceChildren(...OFFERS.map(({ name, label, values }) => {
    const chosen = query.get(name);
    const box = create("label", `${label} `);
    box.append(
      choiceOf(name, chosen === null || values.includes(chosen) ? values : [chosen, ...values], chosen),
    );
    return box;
  }));
  let run: BrowserRun | null = null;
  byId("choice").addEventListener("submit", (event) => {
    event.preventDefault();
    if (run !== null) return run.stop();
    for (const { name, values } of OFFERS) {
      const { value } = byId<Control>(name);
      if (value === values[0]) query.delete(name);
      else query.set(name, value);
    }
    browser.history.replaceState(null, "", `${browser.location.pathname}${addressOf(query)}`);
    measureAndShow(query, (started) => run = started).catch(fail).finally(() => run = null);
  });
  show("idle");
}

function choiceOf(name: string, values: readonly string[], chosen: string | null): Element {
  const select = create<Control & { id: string }>("select");
  select.id = name;
  select.append(...values.map((value) => create("option", value)));
  select.value = chosen ?? values[0];
  return select;
}

/** The query as part of an address, commas and all as a person would write it. */
function addressOf(query: URLSearchParams): string {
  const parts = [...query].map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

async function measureAndShow(query: URLSearchParams, started: (run: BrowserRun) => void): Promise<void> {
  const job = jobOfQuery(query);
  const machine = machineOf(navigator as Parameters<typeof machineOf>[0], suite.version);
  const command = `index.html${addressOf(query)}`;
  const draft = new ReportDraft(emptyReport({ command, settings: settingsOf(job), machine }), machine);
  draft.report.checkSeed = job.checkSeed;
  const estimate = new Estimate(() => performance.now());
  byId("rows").replaceChildren();
  byId("warnings").replaceChildren();
  say("");
  const run = new BrowserRun(job, {
    draft,
    start: () => workerOf("measuring") as unknown as Measurer,
    changed: (event) => tell(event, { draft, estimate }),
  });
  show("measuring");
  started(run);
  await run.toEnd();
  if (draft.report.rows.length === 0) return show("idle");
  show("drawing");
  const json = `${JSON.stringify(draft.report)}\n`;
  const drawing = await drawn(json);
  show("done");
  await showReport(json, drawing);
  byId("result").scrollIntoView({ behavior: "smooth" });
}

/** Tells what has changed. */
function tell(event: MeasureEvent, { draft, estimate }: { draft: ReportDraft; estimate: Estimate }): void {
  const { doing, fraction, report: { warnings = [] } } = draft;
  estimate.advance(fraction);
  byId<ProgressBar>("bar").value = fraction;
  byId("doing").textContent = doing === ""
    ? "Finding out what this GPU can do"
    : `${estimate.text}: ${doing}`;
  byId("warnings").replaceChildren(...warnings.map((warning) => create("li", warning)));
  if (event.type !== "row") return;
  const line = create("li", rowLine(event.row));
  line.className = event.row.status;
  byId("rows").append(line);
}

/** Puts the report into the page, and offers both as files. */
async function showReport(json: string, drawing: Drawing): Promise<void> {
  offer("json", { text: json, type: "application/json" });
  if ("error" in drawing) return say(`The report cannot be drawn: ${drawing.error}`);
  offer("html", { text: drawing.html, type: "text/html" });
  const frame = byId<Frame>("report");
  const loaded = new Promise<void>((done) => frame.addEventListener("load", () => done()));
  frame.srcdoc = drawing.html;
  await loaded;
  // It is as high as what it shows, which its filters change: one page scrolls, not two.
  const { body } = frame.contentDocument;
  const fit = () => frame.style.height = `${Math.ceil(body.getBoundingClientRect().height)}px`;
  new frame.contentWindow.ResizeObserver(fit).observe(body);
}

function drawn(json: string): Promise<Drawing> {
  const { promise, resolve } = Promise.withResolvers<Drawing>();
  const worker = workerOf("drawing");
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => resolve({ error: message || "the worker cannot be started" });
  worker.postMessage(json);
  return promise.finally(() => worker.terminate());
}

/** A worker of the folder that the page is in. */
function workerOf(name: "measuring" | "drawing"): Worker {
  return new Worker(`./${name}_worker.js`, { type: "module" });
}

function offer(id: string, { text, type }: { text: string; type: string }): void {
  const link = byId<Link>(id);
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type }));
}

function fail(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
  show("idle");
}

/** Says something that a screen reader reads at once. */
function say(text: string): void {
  byId("said").textContent = text;
}

function show(state: State): void {
  const running = state === "measuring";
  byId("run").hidden = state === "idle" && byId("rows").textContent === "";
  byId("progress").hidden = state === "idle" || state === "done";
  byId("result").hidden = state !== "done";
  byId<Details>("ended").open = state !== "done";
  byId("measure").textContent = running ? "Stop" : "Measure";
  byId<Control>("measure").disabled = state === "drawing";
  for (const { name } of OFFERS) byId<Control>(name).disabled = state !== "idle" && state !== "done";
  if (state === "drawing") byId("doing").textContent = "Drawing the report";
}
