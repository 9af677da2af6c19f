/** Every tile that can be chosen is right bit for bit at its edges, for its own products, with K whole and sliced. */
import type { Tile } from "../../../kernels/matmul/tile.ts";
import { type TileName, TILES } from "../../../kernels/matmul/tiles.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact } from "./exact.ts";
import type { ProductSizes } from "./reference.ts";
import { ALIGNED, type Config, configOf, describeConfig, type Structure, UNALIGNED } from "./structures.ts";

const gpu = await requestGpu();

const STORE = { epilogue: "store", products: 1, columns: 1, gatedA: false } as const;
const STRUCTURES = {
  plain: { ...STORE, layout: "nn" },
  gated: { ...STORE, layout: "nn", epilogue: "gated-save", columns: 2 },
  transposed: { ...STORE, layout: "nt" },
  backward: { ...STORE, layout: "nt", epilogue: "gated-backward" },
  backwardSave: { ...STORE, layout: "nt", epilogue: "gated-backward-save" },
  sum: { ...STORE, layout: "nt", products: 2 },
  prologue: { ...STORE, layout: "tn", gatedA: true },
  pair: { ...STORE, layout: "tn", columns: 2 },
  weight: { ...STORE, layout: "tn" },
} as const satisfies Record<string, Structure>;

/** What each tile is chosen for. */
const CHOSEN_FOR: Readonly<Record<TileName, readonly (keyof typeof STRUCTURES)[]>> = {
  software: [], // the tile of all other tests
  few: ["gated", "plain", "prologue", "pair"],
  flat: ["pair", "prologue", "weight"],
  low: ["gated", "backwardSave", "prologue"],
  wide: ["gated", "backward", "backwardSave", "pair", "plain", "sum"],
  half: ["gated", "transposed", "backwardSave"],
  square: ["transposed", "gated", "backwardSave", "pair", "plain", "sum"],
};

/** Sizes at and beside the edges of a tile, and one of several tiles and steps. */
function shapesOf({ tileM, tileN, tileK }: Tile, { columns, aligned }: Config): ProductSizes[] {
  const edgeN = tileN / columns;
  const unit = aligned.out ? 4 : 1;
  return [
    { m: 1, n: unit, k: 1 },
    { m: tileM - 1, n: edgeN - unit, k: tileK - 1 },
    { m: tileM, n: edgeN, k: tileK },
    { m: tileM + 1, n: edgeN + unit, k: tileK + 1 },
    { m: 2 * tileM + 3, n: edgeN + 2 * unit, k: 3 * tileK + 5 },
    { m: 3, n: edgeN, k: 4 * tileK },
  ];
}

type Numbers = Pick<Config, "dtype" | "precision">;

const FLOAT32: Numbers = { dtype: "float32", precision: "default" };
const FLOAT16: Numbers = { dtype: "float16", precision: "default" };
const BFLOAT16: Numbers = { dtype: "bfloat16", precision: "default" };
const HALF: Numbers = { dtype: "float16", precision: "float16-sums" };

/** What a tile computes with: sums of float16 where it may be chosen for them; else of both types of 16 bits one in turn. */
function numbersOf(name: TileName, i: number): readonly Numbers[] {
  if (name === "half") return [HALF];
  return [FLOAT32, i % 4 < 2 ? FLOAT16 : BFLOAT16, ...name === "few" || name === "flat" ? [HALF] : []];
}

/** With vectors and whole, or without and K in slices, in turn. */
function configFor(
  name: TileName,
  structure: Structure,
  { numbers, i }: { numbers: Numbers; i: number },
): Config {
  const tile = TILES[name];
  const way = i % 2 === 0
    ? { aligned: ALIGNED, choice: { tile, splits: 1 } }
    : { aligned: UNALIGNED, choice: { tile, splits: 3 } };
  return configOf(structure, { ...way, ...numbers, together: i === 2 });
}

(Object.keys(TILES) as TileName[]).forEach((name, t) => {
  CHOSEN_FOR[name].forEach((structure, i) => {
    numbersOf(name, i).forEach((numbers, j) => {
      const config = configFor(name, STRUCTURES[structure], { numbers, i: i + j });
      Deno.test(`tile ${name} is exact at its edges: ${describeConfig(config)}`, async () => {
        await assertExact(gpu, config, {
          shapes: shapesOf(TILES[name], config),
          seed: 3000 + 30 * t + 3 * i + j,
        });
      });
    });
  });
});

testNothingLeft(gpu);
