/** Every tile that can be chosen, bit for bit at its own edges, in each layout, with K whole and in slices. */
import { type Tile, tileName } from "../../../kernels/matmul/tile.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact } from "./exact.ts";
import type { ProductSizes } from "./reference.ts";
import { ALIGNED, type Config, configOf, describe, type Structure, UNALIGNED } from "./structures.ts";

const gpu = await requestGpu();

const GATED: Structure = { layout: "nn", epilogue: "gated-save", products: 1, columns: 2, gatedA: false };
const BACKWARD: Structure = {
  layout: "nt",
  epilogue: "gated-backward",
  products: 1,
  columns: 1,
  gatedA: false,
};
const PROLOGUE: Structure = { layout: "tn", epilogue: "store", products: 1, columns: 1, gatedA: true };

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
  ];
}

/** The configs of a tile: layouts, dtypes, placings and slices in turn; f16 arithmetic where it was made for it. */
function configsOf(name: string, tile: Tile): Config[] {
  const fastest = { dtype: "float16", precision: "fastest" } as const;
  const own = name === "half" ? fastest : {};
  return [
    configOf(GATED, { dtype: "float32", aligned: ALIGNED, choice: { tile, splits: 1 }, ...own }),
    configOf(BACKWARD, { dtype: "float32", aligned: UNALIGNED, choice: { tile, splits: 3 }, ...own }),
    configOf(PROLOGUE, {
      dtype: "bfloat16",
      aligned: ALIGNED,
      choice: { tile, splits: 1 },
      together: true,
      ...own,
    }),
  ];
}

Object.entries(TILES).filter(([name]) => name !== "software").forEach(([name, tile], t) => {
  configsOf(name, tile).forEach((config, i) => {
    Deno.test(`tile ${name} (${tileName(tile)}) is exact at its edges: ${describe(config)}`, async () => {
      await assertExact(gpu, config, { shapes: shapesOf(tile, config), seed: 3000 + 10 * t + i });
    });
  });
});

testNothingLeft(gpu);
