/** The choice of a tile, without a device. The tile is always one that is tested, and that the device can run. */
import { assert, assertEquals } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import type { MatmulShape } from "../../../kernels/matmul/config.ts";
import { ruledChoice } from "../../../kernels/matmul/choose.ts";
import { splitsToTry } from "../../../kernels/matmul/splits.ts";
import { checkTile } from "../../../kernels/matmul/tile.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { CAPABILITIES } from "../../bench/measure/capabilities.ts";
import { everyStructure } from "./structures.ts";

const SIZES = [1, 7, 17, 32, 33, 64, 100, 128, 1000, 4096, 11008, 262144];

/** Products of every structure and of sizes from one to a large model's. */
function* shapes(): Generator<MatmulShape> {
  for (const { layout, products, columns, gatedA } of everyStructure()) {
    for (const dtype of DTYPES) {
      const arithmetics = dtype === "float16" ? ["float32", "float16"] as const : ["float32"] as const;
      for (const arithmetic of arithmetics) {
        for (const m of SIZES) {
          for (const n of SIZES) {
            for (const k of SIZES) yield { layout, products, columns, gatedA, dtype, arithmetic, m, n, k };
          }
        }
      }
    }
  }
}

Deno.test("every choice is a tile of the tested table that the device can run, with whole slices of K", () => {
  const tested = new Set<unknown>(Object.values(TILES));
  for (const software of [true, false]) {
    const capabilities = { ...CAPABILITIES, software };
    for (const shape of shapes()) {
      const { tile, splits } = ruledChoice(shape, capabilities);
      if (!tested.has(tile) || !Number.isInteger(splits) || splits < 1) {
        assert(false, `${JSON.stringify(shape)} gives ${JSON.stringify({ tile, splits })}`);
      }
    }
  }
  for (const tile of tested) checkTile(tile as typeof TILES.wide, CAPABILITIES, { columns: 2 });
});

Deno.test("a device with WebGPU's least limits gets tiles that fit them", () => {
  const least = {
    ...CAPABILITIES,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
  };
  for (const shape of shapes()) {
    checkTile(ruledChoice(shape, least).tile, least, shape);
    // The search begins with what the rule takes.
    checkTile(ruledChoice(shape, least).tile, least, shape);
  }
});

Deno.test("slices of K are never shorter than a step of the tile, and their sums stay small", () => {
  for (const shape of shapes()) {
    const { tile, splits } = ruledChoice(shape, CAPABILITIES);
    if (splits === 1) continue;
    const { m, n, k, columns, products } = shape;
    assert(k * products / splits >= tile.tileK, `${JSON.stringify(shape)} in ${splits}`);
    assert(4 * m * n * columns * splits <= 2 ** 26, `${JSON.stringify(shape)} in ${splits}`);
  }
});

Deno.test("two products are taken and tried in as many slices each", () => {
  for (const shape of shapes()) {
    if (shape.products === 1) continue;
    const { tile, splits } = ruledChoice(shape, CAPABILITIES);
    for (const count of [splits, ...splitsToTry(shape, tile)]) {
      assert(count === 1 || count % 2 === 0, `${JSON.stringify(shape)} in ${count}`);
    }
  }
});

/** Microseconds on an H200 of products in so many slices of K, with the tile that the rule takes. */
const MEASURED: readonly [
  Pick<MatmulShape, "layout" | "m" | "n" | "k" | "columns">,
  Record<number, number>,
][] = [
  [{ layout: "nn", m: 64, n: 11008, k: 4096, columns: 2 }, {
    1: 384,
    2: 296,
    3: 300,
    4: 300,
    5: 298,
    6: 273,
    8: 284,
  }],
  [
    { layout: "nn", m: 64, n: 4096, k: 11008, columns: 1 },
    { 4: 230, 6: 183, 8: 148, 10: 170, 12: 146, 18: 164, 24: 155, 25: 174, 36: 164 },
  ],
  [{ layout: "nn", m: 512, n: 2816, k: 1024, columns: 2 }, { 1: 157, 2: 165, 3: 155, 4: 163 }],
  [
    { layout: "nn", m: 512, n: 1024, k: 2816, columns: 1 },
    { 2: 124, 3: 108, 4: 87, 5: 96, 6: 82, 8: 102, 12: 88, 13: 104, 18: 99 },
  ],
  [{ layout: "tn", m: 2816, n: 1024, k: 512, columns: 1 }, { 1: 88, 2: 99, 3: 96, 4: 105 }],
];

Deno.test("the rule's number of slices takes at most 8 % longer than the fastest that was measured", () => {
  for (const [sizes, times] of MEASURED) {
    const shape = { products: 1, gatedA: false, dtype: "float32", arithmetic: "float32", ...sizes } as const;
    const { splits, tail } = ruledChoice(shape, CAPABILITIES);
    const about = `${JSON.stringify(sizes)} in ${splits}`;
    assert(tail === undefined && splits in times, about);
    assert(times[splits] <= 1.08 * Math.min(...Object.values(times)), about);
  }
});

/** Microseconds on an H200 of products whose last rows are split, by tile, its rows of tiles and their slices. */
const MEASURED_TAILS: readonly [
  Pick<MatmulShape, "layout" | "m" | "n" | "k" | "columns"> & Partial<MatmulShape>,
  Record<string, number>,
][] = [
  [{ layout: "nn", m: 4096, n: 11008, k: 4096, columns: 2 }, {
    "square": 14421,
    "square 1/4": 14339,
    "square 1/2": 14416,
    "wide": 14681,
    "wide 2/4": 14585,
  }],
  [{ layout: "nn", m: 4096, n: 4096, k: 11008, columns: 1 }, {
    "wide 3/4": 7311,
    "wide 3/8": 7261,
    "wide 4/8": 7275,
    "wide 8/4": 7331,
    "square 3/4": 7466,
    "square 4/2": 7443,
    "square 4/4": 7387,
    "square 5/4": 7384,
  }],
  [{ layout: "tn", m: 11008, n: 4096, k: 4096, columns: 1 }, {
    "wide": 7218,
    "wide 3/4": 7136,
    "wide 3/8": 7142,
    "wide 5/4": 7143,
  }],
  [{ layout: "nt", m: 4096, n: 11008, k: 4096, columns: 1, epilogue: "gated-backward-save" }, {
    "wide": 7497,
    "square": 7380,
    "square 2/4": 7371,
  }],
];

Deno.test("the rule's tail takes at most 0.5 % longer than the fastest that was measured", () => {
  const rest = { products: 1, gatedA: false, dtype: "float32", arithmetic: "float32" } as const;
  for (const [sizes, times] of MEASURED_TAILS) {
    const { tile, tail } = ruledChoice({ ...rest, ...sizes }, CAPABILITIES);
    const name = tile === TILES.square ? "square" : tile === TILES.wide ? "wide" : "another tile";
    const way = tail ? `${name} ${tail.tileRows}/${tail.splits}` : name;
    assert(way in times, `${JSON.stringify(sizes)}: ${way}`);
    assert(times[way] <= 1.005 * Math.min(...Object.values(times)), `${JSON.stringify(sizes)}: ${way}`);
  }
});

Deno.test("few indices of K do not hide an epilogue that reads row by row: the square tile has none unless K is split", () => {
  for (const m of [512, 1024, 4096, 262_144]) {
    for (const k of [128, 512, 1024]) {
      const shape = { layout: "nt", m, n: 2816, k, columns: 1, products: 1, gatedA: false } as const;
      const { tile, splits } = ruledChoice(
        { ...shape, dtype: "float32", arithmetic: "float32", epilogue: "gated-backward" },
        CAPABILITIES,
      );
      assert(tile !== TILES.square || splits > 1, JSON.stringify({ m, k, splits }));
    }
  }
});

Deno.test("rows that fill a last round of workgroups badly are split, and their slices stay small", () => {
  const shape = { products: 1, columns: 1, gatedA: false, dtype: "float32", arithmetic: "float32" } as const;
  const sizes = { layout: "nn", m: 4096, n: 4096, k: 11008 } as const;
  const { splits, tail } = ruledChoice({ ...shape, ...sizes }, CAPABILITIES);
  assertEquals([splits, tail === undefined], [1, false]);
  const { tileRows, splits: slices } = tail!;
  const left = (64 - tileRows) * 32; // of 2048 tiles for 132 multiprocessors: 15.5 each
  assert(left <= 15 * 132 && tileRows * 64 * 4096 * 4 * slices <= 32 * 2 ** 20);
  // 1980 tiles are 15 each: five rounds of three.
  assertEquals(ruledChoice({ ...shape, ...sizes, m: 60 * 64, n: 33 * 128 }, CAPABILITIES).tail, undefined);
});

Deno.test("B^T of many rows is copied transposed, but for 16 bits with sums of float32", () => {
  for (const shape of shapes()) {
    const { transposeB = false } = ruledChoice(shape, CAPABILITIES);
    const gains = shape.dtype === "float32" || shape.arithmetic === "float16";
    assertEquals(transposeB, shape.layout === "nt" && shape.m >= 2048 && gains);
  }
});

Deno.test("a software adapter takes one small tile, and splits K only where llvmpipe would leave the loop early", () => {
  const tile = TILES.software;
  for (const shape of shapes()) {
    const choice = ruledChoice(shape, { ...CAPABILITIES, software: true });
    const turns = shape.k / tile.tileK;
    const slices = choice.splits === 1 ? 1 : choice.splits / shape.products;
    const about = JSON.stringify({ ...shape, ...choice });
    assert(choice.tile === tile && turns / slices < 65_535 - tile.tileK, about);
    assert(slices === 1 || Number.isInteger(slices) && turns / (slices - 1) > 65_000, about);
  }
});

Deno.test("a choice is a function of the product and the device alone", () => {
  const shape = [...shapes()][1234];
  assertEquals(ruledChoice(shape, CAPABILITIES), ruledChoice({ ...shape }, { ...CAPABILITIES }));
});
