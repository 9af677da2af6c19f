/**
 * Builds the bench as a page, and measures with it in headless Chromium on SwiftShader, from the click to the report. The
 * server that it comes from is as static as any.
 */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { build } from "../../bench/browser/build.ts";
import { compareReports } from "../../bench/report/compare.ts";
import { parseReport } from "../../bench/report/reader.ts";
import type { Report } from "../../bench/report/schema.ts";
import { ChromiumPage, findChromium } from "../chromium.ts";

const chromium = findChromium();

/** One variant, forward and full: most of the time goes into compiling it. */
const QUERY = "?sizes=16x16x48&variants=";

/**
 * Chromium on SwiftShader starts only with flags that give it a fine clock. Here it is as coarse as that of a browser
 * without them, which clears these bits (Dawn's timestamp_quantization), or there is none.
 */
const CLOCKS = {
  coarse: `const map = GPUBuffer.prototype.getMappedRange;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const bytes = map.apply(this, range);
  if (this.label === "timestamps") {
    const ticks = new BigUint64Array(bytes);
    ticks.forEach((tick, i) => ticks[i] = tick & ~0xffffn);
  }
  return bytes;
};`,
  none: `const has = GPUSupportedFeatures.prototype.has;
GPUSupportedFeatures.prototype.has = function (name) {
  return name !== "timestamp-query" && has.call(this, name);
};`,
};

const TYPES: Record<string, string> = { html: "text/html", css: "text/css", js: "text/javascript" };

interface Setting {
  readonly clock: keyof typeof CLOCKS;
  readonly variant?: string;
  readonly graphics?: "webgpu" | "none";
}

/** Serves a folder; the measuring worker has another clock. */
function serveFolder(folder: string, clock: keyof typeof CLOCKS) {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    const file = pathname === "/" ? "/index.html" : pathname;
    const text = await Deno.readTextFile(`${folder}${file}`).catch(() => null);
    if (text === null) return new Response(null, { status: 404 });
    const body = file === "/measuring_worker.js" ? `${CLOCKS[clock]}\n${text}` : text;
    return new Response(body, { headers: { "content-type": TYPES[file.split(".").at(-1)!] } });
  });
  return {
    address: `http://localhost:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const PATIENCE_MS = 240_000;

/** Evaluates an expression until its value is true. @throws {Error} If that takes too long, with what the page says. */
async function until(page: ChromiumPage, expression: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!await page.evaluate<boolean>(expression)) {
    if (performance.now() > end) throw new Error(await page.evaluate(`document.body.innerText`));
    await new Promise((done) => setTimeout(done, 50));
  }
}

const text = (id: string) => `document.getElementById("${id}").textContent`;
const click = `document.getElementById("measure").click()`;
const isDone = `!document.getElementById("result").hidden || ${text("said")} !== ""`;
const inFrame = (selector: string) =>
  `document.getElementById("report").contentDocument.querySelectorAll("${selector}").length`;

/** Puts a script into the page and into the report in it, whose policies allow none but their own. */
const strange = `var frame = document.getElementById("report");
for (const { head, createElement } of [document, frame.contentDocument]) {
  const script = createElement.call(head.ownerDocument, "script");
  script.textContent = "var strange = 1";
  head.append(script);
}`;

/** The file behind a link. */
const saved = (page: ChromiumPage, id: string) =>
  page.evaluate<string>(`fetch(document.getElementById("${id}").href).then((file) => file.text())`);

/** The page's report, once it is also drawn: its frame loads after it is shown. */
async function reportOf(page: ChromiumPage): Promise<Report> {
  await until(page, isDone);
  assertEquals(await page.evaluate(text("said")), "");
  await until(page, `${inFrame("tbody tr")} > 0`);
  await until(page, `document.getElementById("report").contentDocument.readyState === "complete"`);
  return parseReport(await saved(page, "json"), "the page's report");
}

/** How far the page and the report in it scroll sideways. */
const SIDEWAYS = `[document, document.getElementById("report").contentDocument]
  .map(({ documentElement: page }) => page.scrollWidth - page.clientWidth)`;

async function measuresWithCoarseClock(page: ChromiumPage): Promise<void> {
  await page.evaluate(click);
  const report = await reportOf(page);
  assertEquals(report.rows.map(({ status, reason }) => reason ?? status), ["ok", "ok"]);
  assertEquals(new Set(report.rows.map(({ webgpu, units }) => `${webgpu}, ${units}`)).size, 1);
  assertEquals([report.rows[0].webgpu, report.rows[0].units], ["browser", "multiply-adds"]);
  // The clock's period is calibrated, so its step is about that.
  const { adapter: { timestampStepNs }, warnings } = report;
  assert(Math.abs(timestampStepNs! / 65536 - 1) < 0.05, `a step of ${timestampStepNs} ns`);
  assert(warnings!.some((warning) => /The device's clock steps by 6\d us: .* until they last/.test(warning)));
  for (const { timing, kernels } of report.rows) {
    assertGreater(timing!.gpuNs!.median, 0);
    assertGreater(timing!.wallNs!.median, 0);
    assert(kernels.every(({ gpuNs }) => gpuNs === null || gpuNs >= 20 * timestampStepNs! * 0.99));
  }
  assertEquals(compareReports(report, report).pairs.length, 2);
  assertEquals(await page.evaluate(inFrame("tbody tr")), 2);
  assertGreater(await page.evaluate<number>(inFrame("figure svg")), 5);
  assertMatch(await saved(page, "html"), /^<!doctype html>[^]*<\/html>\n?$/);
  for (const dark of [false, true]) {
    for (const width of [390, 1280]) {
      await page.show({ width, height: 800, mobile: width < 500, dark });
      await until(page, `innerWidth === ${width}`);
      assertEquals(await page.evaluate(SIDEWAYS), [0, 0], `${width} px`);
    }
  }
  assertEquals(page.complaints, []);
  assertEquals(await page.evaluate(`${strange}; [typeof strange, typeof frame.contentWindow.strange]`), [
    "undefined",
    "undefined",
  ]);
}

/** The device is lost while a row is checked: that row fails, and the others are measured by another worker. */
async function survivesALostDevice(page: ChromiumPage): Promise<void> {
  await page.evaluate(click);
  await until(page, `${text("doing")}.includes("check, liger full")`); // which takes seconds, to compile
  await page.crashGpu();
  const report = await reportOf(page);
  const [forward, full] = report.rows;
  assertMatch(`${full.mode}: ${full.reason}`, /^full: the device is lost: /);
  assertEquals(forward.reason ?? forward.status, "ok");
  // Without timestamps, wall times of work that lasts long beside a wait.
  assertEquals(forward.timing!.gpuNs, null);
  assertGreater(forward.timing!.wallNs!.median, 0);
  assert(report.warnings!.some((warning) => warning.includes("no timestamps")));
  assertEquals(await page.evaluate(inFrame("tbody tr.failed")), 1);
}

async function saysWhatIsMissing(page: ChromiumPage): Promise<void> {
  await page.evaluate(click);
  await until(page, isDone);
  assertMatch(await page.evaluate(text("said")), /^Cannot find a WebGPU adapter.*recent browser with WebGPU/);
  assertEquals(await page.evaluate(text("measure")), "Measure");
  assertEquals(page.complaints.filter((complaint) => complaint.includes("exception")), []);
}

/** Runs at once in two browsers, as compiling takes long and is one core's work in each. */
Deno.test({
  name: `the page measures in Chromium, from the click to the report${
    chromium === null ? " (SKIPPED: it is not installed)" : ""
  }`,
  ignore: chromium === null,
  fn: async (t) => {
    const folder = await Deno.makeTempDir();
    try {
      await build(folder);
      const start = async (
        { clock, variant = "tuned", graphics = "webgpu" }: Setting,
        work: (page: ChromiumPage) => Promise<void>,
      ) => {
        await using server = serveFolder(folder, clock);
        await using page = await ChromiumPage.open(chromium!, { graphics });
        await page.show({ width: 1280, height: 800 });
        await page.goto(`${server.address}${QUERY}${variant}`);
        await work(page);
      };
      const works = {
        "with a coarse clock, at the width of a phone too": start(
          { clock: "coarse" },
          measuresWithCoarseClock,
        ),
        "without a clock, on a device that is lost": start(
          { clock: "none", variant: "liger" },
          survivesALostDevice,
        ),
        "and says what is missing without WebGPU": start(
          { clock: "none", graphics: "none" },
          saysWhatIsMissing,
        ),
      };
      const results = await Promise.allSettled(Object.values(works));
      const names = Object.keys(works);
      for (const [i, result] of results.entries()) {
        await t.step(names[i], () => {
          if (result.status === "rejected") throw result.reason;
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
