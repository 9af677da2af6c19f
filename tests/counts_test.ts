import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { countsSentence } from "./counts.ts";

const README = new URL("../bench/README.md", import.meta.url);

Deno.test("README's counts of what is tried are those of the tests", () => {
  const text = Deno.readTextFileSync(README).replaceAll(/\s+/g, " ");
  assertStringIncludes(text, countsSentence(), "put what `deno run tests/counts.ts` prints into README");
});

Deno.test("the counts are what the issue asks for at least", () => {
  const [, shapes, configs] = /compute ([\d,]+) shapes with ([\d,]+) generated/.exec(countsSentence())!;
  assertEquals([Number(shapes.replaceAll(",", "")) >= 500, Number(configs) > 100], [true, true]);
  for (const what of ["command lines", "size lists", "damaged reports", "damaged tuning tables"]) {
    assertMatch(countsSentence(), new RegExp(`100,000 ${what}`));
  }
});
