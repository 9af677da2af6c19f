/** Runs the library in headless Chromium on SwiftShader. It has Dawn and Tint, where Deno has wgpu and naga. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { ChromiumPage, findChromium } from "../chromium.ts";
import { freshSeed } from "../gpu.ts";
import { CAPABILITIES } from "../bench/measure/capabilities.ts";
import { type Group, groups } from "./cases.ts";
import { names } from "./face.ts";
import { serveModules } from "./server.ts";
import type { Outcome } from "./suite.ts";
import { kernelTexts } from "./texts.ts";

const chromium = findChromium();
const seed = freshSeed();

/** What a page is asked to do and how its answer is judged, by the name of a test step. */
type Job = readonly [name: string, work: (page: ChromiumPage) => Promise<void>];

/** The expression that calls what a module of the suite exports. */
function call(module: string, name: string, ...values: unknown[]): string {
  const list = JSON.stringify(values);
  return `import("/tests/browser/${module}.ts").then((module) => module.${name}(...${list}))`;
}

async function checkGroup(page: ChromiumPage, group: Group): Promise<void> {
  const outcomes = await page.evaluate<Outcome[]>(call("suite", "run", group, seed));
  assertGreater(outcomes.length, groups[group].length);
  for (const { name, errors, thrown } of outcomes) {
    assertEquals(thrown, null, `${name}, seed ${seed}`);
    for (const { output, error, limit } of errors) {
      const right = error !== null && error <= limit;
      assert(right, `${output} is off by ${error ?? "NaN"}, more than ${limit}: ${name}, seed ${seed}`);
    }
  }
  assertEquals(page.complaints, []);
}

async function checkTexts(page: ChromiumPage): Promise<void> {
  const texts = kernelTexts({ ...CAPABILITIES, shaderF16: false }); // SwiftShader has no f16
  assertGreater(texts.size, 200);
  const said = await page.evaluate<string[]>(call("diagnose", "diagnose", [...texts.values()]));
  const faults = [...texts.keys()].map((name, i) => `${name}: ${said[i]}`).filter((_, i) => said[i] !== "");
  assertEquals(faults, []);
}

const JOBS: readonly Job[] = [
  ...(Object.keys(groups) as Group[]).map((group): Job => [
    `${groups[group].length} cases agree with the oracle: ${group}`,
    (page) => checkGroup(page, group),
  ]),
  ["the compiler has nothing to say of a large GPU's kernels", checkTexts],
  ...names.map((name): Job => [name, (page) => page.evaluate(call("face", "run", name, seed))]),
];

/**
 * Does all jobs in two browsers, as what takes long, compiling, is one core's work in each. A job's promise is of what it
 * threw, undefined if nothing.
 */
function start(pages: readonly ChromiumPage[]): Promise<unknown>[] {
  const results = JOBS.map(() => Promise.withResolvers<unknown>());
  const queue = JOBS.entries();
  for (const page of pages) {
    (async () => {
      for (const [i, [_, work]] of queue) results[i].resolve(await work(page).catch((error) => error));
    })();
  }
  return results.map(({ promise }) => promise);
}

Deno.test({
  name: `the library is right in Chromium${chromium === null ? " (SKIPPED: it is not installed)" : ""}`,
  ignore: chromium === null,
  fn: async (t) => {
    await using server = serveModules();
    await using first = await ChromiumPage.open(chromium!, { graphics: "webgpu" });
    await using second = await ChromiumPage.open(chromium!, { graphics: "webgpu" });
    for (const page of [first, second]) await page.goto(server.address);
    const results = start([first, second]);
    for (const [i, [name]] of JOBS.entries()) {
      await t.step(name, async () => {
        const thrown = await results[i];
        if (thrown !== undefined) throw thrown;
      });
    }
  },
});
