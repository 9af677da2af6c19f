import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { listing } from "../../../bench/commands/list.ts";
import { peers } from "../../../bench/peers/mod.ts";
import { UNBOUNDED } from "../../../bench/report/layout.ts";

Deno.test("--list names the project of each peer, once", () => {
  const text = listing({ variants: [], activations: [], peers, layout: UNBOUNDED });
  assertMatch(text, /^ {2}jax-js +@jax-js\/jax /m);
  assertEquals(text.match(/jax-js: /), null);
  assertStringIncludes(text, "TensorFlow.js: ");
});
