import { assert, assertEquals, assertThrows } from "@std/assert";
import { PRESETS } from "../../../bench/measure/presets.ts";
import {
  ArgumentError,
  AWKWARD_SIZES,
  DEFAULT_TOKENS,
  flopsOf,
  formatSizes,
  llamaHiddenDim,
  MAX_SIZE,
  minimalBytes,
  parseDimension,
  parseSizes,
} from "../../../bench/measure/shapes.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import { HOSTILE_INPUTS } from "../../hostile.ts";

Deno.test("a bare D has Llama's hidden width", () => {
  assertEquals(parseSizes("4096"), [{ tokens: DEFAULT_TOKENS, dim: 4096, hiddenDim: 11008 }]);
  // Llama 1 and 2 as published: 5120 -> 13824, 6656 -> 17920, 8192 -> 22016.
  assertEquals([5120, 6656, 8192, 1].map(llamaHiddenDim), [13824, 17920, 22016, 256]);
});

Deno.test("--tokens that no size can use are refused", () => {
  const error = assertThrows(() => parseSizes("3x5x7, 8x8x8", { tokens: 9 }), ArgumentError);
  assertEquals(error.argument, "--tokens");
});

Deno.test("DxH, TxDxH, presets and spaces are read; --tokens applies where T is not given", () => {
  const sizes = parseSizes("64x100, 3x5x7,llama-3-8b,AF3-Pair", { tokens: 9 });
  assertEquals(sizes, [
    { tokens: 9, dim: 64, hiddenDim: 100 },
    { tokens: 3, dim: 5, hiddenDim: 7 },
    { tokens: 9, dim: 4096, hiddenDim: 14336 },
    { tokens: 9, dim: 128, hiddenDim: 512 },
  ]);
});

Deno.test("a preset that fixes T keeps it unless told otherwise", () => {
  assertEquals(parseSizes("af3-pair"), [{ tokens: 262144, dim: 128, hiddenDim: 512 }]);
});

Deno.test("equal sizes are one", () => {
  assertEquals(parseSizes("4096x4096x14336,llama-3-8b,mistral-7b").length, 1);
});

const BAD: [string, string][] = [
  ["", "must be D, DxH, TxDxH or a preset"],
  ["4096,", "must be D, DxH, TxDxH or a preset"],
  ["llama-9", "must be D, DxH, TxDxH or a preset"],
  ["1x2x3x4", "must be D, DxH, TxDxH or a preset"],
  ["12X34", "must be D, DxH, TxDxH or a preset"],
  ["4096x", "must be D, DxH, TxDxH or a preset"],
  ["1e3", "must be D, DxH, TxDxH or a preset"],
  ["0x10", "must be a whole number from 1"],
  ["NaN", "must be D, DxH, TxDxH or a preset"],
  ["0", "must be a whole number from 1"],
  ["-4096", "must be a whole number from 1"],
  ["4096x0", "must be a whole number from 1"],
  ["1.5", "must be a whole number from 1"],
  ["16777217", "must be a whole number from 1"],
  ["99999999999999999999", "must be a whole number from 1"],
  [String(MAX_SIZE), "hidden width that follows"],
];

for (const [text, rule] of BAD) {
  Deno.test(`the size ${JSON.stringify(text)} is refused, naming --sizes`, () => {
    const error = assertThrows(() => parseSizes(text), ArgumentError, rule);
    assertEquals(error.argument, "--sizes");
    assert(error.message.startsWith("Cannot use --sizes as "), error.message);
  });
}

Deno.test("a misspelt preset is answered by the one that is near, if any is", () => {
  const told = (text: string) => assertThrows(() => parseSizes(text), ArgumentError).message;
  assert(told("4096,lama-3-8b").endsWith('current value is "lama-3-8b", did you mean llama-3-8b?'));
  assert(told("mistral").endsWith('current value is "mistral", did you mean mistral-7b?'));
  for (const text of ["4096x", "1x2x3x4", "1e3", "something else"]) {
    assert(told(text).endsWith(`current value is "${text}"`), told(text));
  }
});

Deno.test("parseDimension() names the argument that it was given", () => {
  assertEquals(parseDimension("--tokens", "17"), 17);
  assertEquals(parseDimension("--tokens", "0017"), 17);
  const error = assertThrows(() => parseDimension("--tokens", "-3"), ArgumentError);
  assertEquals(error.argument, "--tokens");
});

Deno.test("a hundred thousand generated texts end in sizes within bounds or in an ArgumentError of one line", () => {
  const random = seededRandom(20);
  const pieces = [
    "x",
    "X",
    ",",
    "4",
    "0",
    "096",
    "-",
    "+",
    ".",
    "e",
    " ",
    "llama-3-8b",
    "af3-pair",
    "\n",
    "\0",
    "∞",
    "１",
  ];
  let accepted = 0;
  for (let i = 0; i < HOSTILE_INPUTS["size lists"]; i++) {
    const length = Math.floor(random() * 8);
    const text = Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join("");
    try {
      for (const size of parseSizes(text)) {
        for (const value of Object.values(size)) {
          assert(
            Number.isInteger(value) && value >= 1 && value <= MAX_SIZE,
            `${value} from ${JSON.stringify(text)}`,
          );
        }
        assertEquals(parseSizes(formatSizes(size)), [size]);
      }
      accepted++;
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      assert(!error.message.includes("\n"), error.message);
    }
  }
  assert(accepted > 1000, `only ${accepted} texts were sizes: the generator is too wild`);
});

Deno.test("work and traffic follow the formulas", () => {
  const sizes = { tokens: 2, dim: 3, hiddenDim: 5 };
  assertEquals([flopsOf(sizes, "forward"), flopsOf(sizes, "backward"), flopsOf(sizes, "full")], [
    180,
    360,
    540,
  ]);
  // x and y are 6 elements each, each weight 15.
  const bytes = (dtype: "float32" | "bfloat16") =>
    (["forward", "backward", "full"] as const).map((mode) => minimalBytes({ ...sizes, dtype }, mode));
  assertEquals(bytes("float32"), [4 * 57, 4 * 108, 4 * 114]);
  assertEquals(bytes("bfloat16"), [2 * 57, 2 * 108, 2 * 114]);
});

Deno.test("every preset has its own name, sizes within bounds and a source, and parses by name", () => {
  assertEquals(new Set(PRESETS.map(({ name }) => name)).size, PRESETS.length);
  for (const { name, tokens, dim, hiddenDim, source } of PRESETS) {
    assertEquals(parseSizes(name), [{ tokens: tokens ?? DEFAULT_TOKENS, dim, hiddenDim }]);
    assert(source.length > 10 && hiddenDim > dim, name);
  }
});

Deno.test("the awkward sizes hold the shapes that must always pass", () => {
  const names = AWKWARD_SIZES.map(formatSizes);
  for (const must of ["1x1x1", "7x3x41", "5x123x431", "33x129x65"]) assert(names.includes(must), must);
  assertEquals(new Set(names).size, names.length);
});
