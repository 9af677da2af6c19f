/** The library in headless Chromium: Dawn and Tint, where Deno has wgpu and naga, on SwiftShader. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { ChromiumPage, findChromium } from "../chromium.ts";
import { freshSeed } from "../gpu.ts";
import { CAPABILITIES } from "../variants/measure/capabilities.ts";
import { groups } from "./cases.ts";
import { names } from "./face.ts";
import { serveModules } from "./server.ts";
import type { Outcome } from "./suite.ts";
import { kernelTexts } from "./texts.ts";

const chromium = findChromium();

/** The expression that calls what a module of the suite exports. */
function call(module: string, name: string, ...values: unknown[]): string {
  return `import("/tests/browser/${module}.ts").then((module) => module.${name}(...${
    JSON.stringify(values)
  }))`;
}

function assertRight({ name, errors, thrown }: Outcome, seed: number): void {
  assertEquals(thrown, null, `${name}, seed ${seed}`);
  for (const { output, error, limit } of errors) {
    const right = error !== null && error <= limit;
    assert(right, `${output} is off by ${error ?? "NaN"}, more than ${limit}: ${name}, seed ${seed}`);
  }
}

Deno.test({
  name: `the library is right in a browser${
    chromium === null ? " (SKIPPED: Chromium is not installed)" : ""
  }`,
  ignore: chromium === null,
  fn: async (t) => {
    const seed = freshSeed();
    await using server = serveModules();
    await using page = await ChromiumPage.open(chromium!, { graphics: "webgpu" });
    await page.goto(server.address);
    for (const [group, cases] of Object.entries(groups)) {
      await t.step(`${cases.length} cases agree with the oracle: ${group}`, async () => {
        const outcomes = await page.evaluate<Outcome[]>(call("suite", "run", group, seed));
        assertGreater(outcomes.length, cases.length);
        for (const outcome of outcomes) assertRight(outcome, seed);
      });
    }
    await t.step("the compiler has nothing to say of what a large GPU would be given", async () => {
      const texts = kernelTexts({ ...CAPABILITIES, shaderF16: false }); // SwiftShader has no f16
      assertGreater(texts.size, 200);
      const said = await page.evaluate<string[]>(call("diagnose", "diagnose", [...texts.values()]));
      assertEquals([...texts.keys()].map((name, i) => name + said[i]).filter((_, i) => said[i] !== ""), []);
    });
    assertEquals(
      page.complaints,
      [],
      "what the console says, which faults made on purpose fill from here on",
    );
    for (const name of names) await t.step(name, () => page.evaluate(call("face", "run", name, seed)));
  },
});
