/** The library in headless Chromium: Dawn and Tint, where Deno has wgpu and naga, on SwiftShader. */
import { assert, assertEquals } from "@std/assert";
import { ChromiumPage, findChromium } from "../chromium.ts";
import { freshSeed } from "../gpu.ts";
import { serveModules } from "./server.ts";
import type { Outcome } from "./suite.ts";

const chromium = findChromium();

function assertRight({ name, errors, thrown }: Outcome, seed: number): void {
  assertEquals(thrown, null, `${name}, seed ${seed}`);
  for (const { output, error, limit } of errors) {
    const right = error !== null && error <= limit;
    assert(right, `${output} is off by ${error ?? "NaN"}, more than ${limit}: ${name}, seed ${seed}`);
  }
}

Deno.test({
  name: `Every variant is right in Chromium${
    chromium === null ? " (SKIPPED: Chromium is not installed)" : ""
  }`,
  ignore: chromium === null,
  fn: async (t) => {
    const seed = freshSeed();
    await using server = serveModules();
    await using page = await ChromiumPage.open(chromium!, { graphics: "webgpu" });
    await page.goto(server.address);
    for (const group of ["float32"]) {
      await t.step(group, async () => {
        const suite = 'import("/tests/browser/suite.ts")';
        const outcomes = await page.evaluate<Outcome[]>(
          `${suite}.then(({ run }) => run("${group}", ${seed}))`,
        );
        assert(outcomes.length > 1);
        for (const outcome of outcomes) assertRight(outcome, seed);
      });
    }
    assertEquals(page.complaints, [], "what the browser's console says");
  },
});
