import { assertEquals } from "@std/assert";
import { familiesOf } from "../../../bench/charts/families.ts";

const shape = ([tokens, dim, hiddenDim]: [number, number, number]) => ({ tokens, dim, hiddenDim });
const families = (...shapes: [number, number, number][]) => familiesOf(shapes.map(shape));

Deno.test("familiesOf() joins one block at several numbers of tokens", () => {
  assertEquals(families([1, 4096, 11008], [16, 4096, 11008], [512, 1024, 2816], [262144, 128, 512]), [
    ["T 1, D 4096, H 11008", "T 16, D 4096, H 11008"],
  ]);
});

Deno.test("familiesOf() joins sizes in proportion, Llama's rounded widths too", () => {
  assertEquals(families([4096, 4096, 11008], [2048, 2048, 5632], [1024, 1024, 2816]), [
    ["T 4096, D 4096, H 11008", "T 2048, D 2048, H 5632", "T 1024, D 1024, H 2816"],
  ]);
});

Deno.test("familiesOf() leaves alone what has no relative, and shapes that are almost the same", () => {
  assertEquals(families([8, 16, 48], [32, 16, 64]), []);
  assertEquals(families([4095, 4097, 11009], [4096, 4096, 11008]), []);
  assertEquals(families([8, 16, 48]), []);
  assertEquals(familiesOf([]), []);
});
