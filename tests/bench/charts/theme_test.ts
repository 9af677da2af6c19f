import { assert, assertEquals } from "@std/assert";
import { ALL_STAGES } from "../../../bench/charts/stages.ts";
import {
  inkOn,
  inOrder,
  KNOWN_PEERS,
  KNOWN_VARIANTS,
  luminance,
  ON_DARK,
  stylesOf,
} from "../../../bench/charts/theme.ts";

type Vector = [number, number, number];
type Matrix = [Vector, Vector, Vector];

/** How readers without one kind of cone see linear RGB. Source: Machado, Oliveira, Fernandes (2009), severity 1. */
const SIGHTS: Record<string, Matrix> = {
  "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [
    -0.003882,
    -0.048116,
    1.051998,
  ]],
  "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [
    -0.01182,
    0.04294,
    0.968881,
  ]],
  "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [
    0.004733,
    0.691367,
    0.3039,
  ]],
};

const times = (matrix: Matrix, [x, y, z]: Vector): Vector =>
  matrix.map(([a, b, c]) => a * x + b * y + c * z) as Vector;

function linear(color: string): Vector {
  return [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as Vector;
}

/** CIE L*a*b* under D65. */
function lab(rgb: Vector): Vector {
  const xyz = times([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], rgb);
  const [x, y, z] = xyz.map((value, i) => {
    const ratio = Math.max(0, value) / [0.9505, 1, 1.089][i];
    return ratio > 216 / 24389 ? Math.cbrt(ratio) : (24389 / 27 * ratio + 16) / 116;
  });
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIE 1976 colour difference as seen by one kind of reader. */
function difference(a: string, b: string, sight: Matrix): number {
  const [p, q] = [a, b].map((color) => lab(times(sight, linear(color))));
  return Math.hypot(...p.map((value, i) => value - q[i]));
}

/** Fails where two colours differ by less than 12, which is plain even of small areas apart from each other. */
function assertApart(colors: [name: string, color: string][]): void {
  for (const [sight, matrix] of Object.entries(SIGHTS)) {
    for (const [i, [first, a]] of colors.entries()) {
      for (const [second, b] of colors.slice(i + 1)) {
        const seen = difference(a, b, matrix);
        assert(seen > 12, `${first} and ${second}, ${sight}: ${seen.toFixed(1)}`);
      }
    }
  }
}

Deno.test("the eight variants can be told apart whatever cones a reader has, and by symbols alone", () => {
  const styles = stylesOf(KNOWN_VARIANTS);
  assertEquals(styles.length, 8);
  assertApart(styles.map(({ color }, i) => [KNOWN_VARIANTS[i], color]));
  assertEquals(new Set(styles.map((style) => style.shape)).size, 8);
});

Deno.test("the stages of kernels can be told apart whatever cones a reader has", () => {
  assertApart(ALL_STAGES.map(({ name, color }) => [name, color]));
});

Deno.test("variants are shown in the order of the registry, unknown ones after them in their own", () => {
  assertEquals(inOrder(["peer:b", "tuned", "new", "pytorch", "peer:a", "tuned"]), [
    "pytorch",
    "tuned",
    "peer:b",
    "new",
    "peer:a",
  ]);
});

Deno.test("the known peers can be told from each other and from all variants", () => {
  const ids = [...KNOWN_VARIANTS, ...KNOWN_PEERS];
  assertEquals(KNOWN_PEERS.length, 9);
  assertApart(stylesOf(ids).map(({ color }, i) => [ids[i], color]));
  assertEquals(new Set(stylesOf(KNOWN_PEERS).map(({ shape }) => shape)).size, 9);
});

Deno.test("on a dark page too, variants, peers and stages can be told apart, and seen", () => {
  const ids = [...KNOWN_VARIANTS, ...KNOWN_PEERS];
  const dark = (color: string) => ON_DARK[color] ?? color;
  const variants = stylesOf(ids).map(({ color }, i): [string, string] => [ids[i], dark(color)]);
  const stages = ALL_STAGES.map(({ name, color }): [string, string] => [name, dark(color)]);
  assertApart(variants);
  assertApart(stages);
  for (const [name, color] of [...variants, ...stages]) {
    assert((luminance(color) + 0.05) / (luminance("#0d1117") + 0.05) > 2.9, name);
  }
});

Deno.test("a variant on Dawn has the symbol of the variant, and its colour, but paler", () => {
  const [native, dawn] = stylesOf(["tuned", "dawn:tuned"]);
  assertEquals(dawn.shape, native.shape);
  assert(luminance(dawn.color) > 1.5 * luminance(native.color));
  assertApart([["native", native.color], ["dawn", dawn.color]]);
});

Deno.test("unknown variants are grey, and names of the object prototype are unknown", () => {
  const [known, ...others] = stylesOf(["pytorch", "mine", "constructor", "dawn:constructor"]);
  assertEquals(known.color, "#332288");
  for (const { color } of others) {
    const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    assert(Math.max(...channels) - Math.min(...channels) < 40, color);
  }
  assertEquals(new Set(others.map(({ color }) => color)).size, 3);
});

Deno.test("inkOn() leaves a contrast of at least 4 to 1 on every colour", () => {
  for (const { color } of stylesOf(KNOWN_VARIANTS)) {
    const [a, b] = [luminance(color), luminance(inkOn(color))].map((value) => value + 0.05);
    assert(Math.max(a / b, b / a) > 4, color);
  }
});
