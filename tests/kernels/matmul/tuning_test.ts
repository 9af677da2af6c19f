/** Tuning tables. Tables from outside are read or refused, and their choices reach the products that they name. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";
import type { MatmulShape } from "../../../kernels/matmul/config.ts";
import { ruledChoice } from "../../../kernels/matmul/choose.ts";
import { chooseTile } from "../../../kernels/matmul/chosen.ts";
import { componentOn } from "../../../kernels/matmul/subgroup/operands.ts";
import {
  isSubgroupTile,
  isSubgroupTileName,
  type SubgroupTile,
  subgroupTileName,
} from "../../../kernels/matmul/subgroup/tile.ts";
import { type Tile, tileName } from "../../../kernels/matmul/tile.ts";
import { isTileName, TILES } from "../../../kernels/matmul/tiles.ts";
import {
  parseProductKey,
  parseTuning,
  productKey,
  TUNING_SCHEMA,
  TuningError,
  type TuningTable,
  useTuning,
} from "../../../kernels/matmul/tuning.ts";
import { type RandomSource, seededRandom } from "../../../bench/timing/random.ts";
import { HOSTILE_INPUTS } from "../../hostile.ts";
import { below } from "./operands.ts";
import { everyStructure } from "./structures.ts";

const SHAPE: MatmulShape = {
  layout: "nn",
  m: 4096,
  n: 11008,
  k: 4096,
  products: 1,
  columns: 2,
  gatedA: false,
  dtype: "float32",
  arithmetic: "float32",
};

/** A table of one entry, for an adapter that no other test names. */
function tableOf(adapter: string, entry: Partial<TuningTable["entries"][number]> = {}): TuningTable {
  const choice = { tile: "square", splits: 2, tflops: 40 } as const;
  const ruled = { tile: "wide", splits: 1, tflops: 39 } as const;
  return {
    schema: TUNING_SCHEMA,
    adapter,
    entries: [{ product: productKey(SHAPE), ...choice, ruled, failed: [], ...entry }],
  };
}

function on(name: string): Capabilities {
  const limits = { maxComputeWorkgroupStorageSize: 49152, maxComputeInvocationsPerWorkgroup: 1024 };
  return {
    name,
    software: false,
    subgroupMatrices: [],
    subgroupMaxSize: 32,
    ...limits,
  } as unknown as Capabilities;
}

function reasoned(shape: MatmulShape, capabilities: Capabilities) {
  return chooseTile({ ...shape, precision: "default", component: componentOn(capabilities) }, capabilities);
}

/** The choice without its reason. */
function chosen(shape: MatmulShape, capabilities: Capabilities) {
  const { why: _, ...choice } = reasoned(shape, capabilities);
  return choice;
}

/** A device with tensor cores. */
function withMatrices(name: string): Capabilities {
  const matrix = { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 };
  return { ...on(name), subgroupMatrices: [matrix] };
}

/** A product that such a device computes on them. */
const ON_MATRICES: MatmulShape = { ...SHAPE, dtype: "float16", operands: "float16" };
const TILE = "64x64x32/32x32 of 16x16x16";

function tileNameOf(tile: Tile | SubgroupTile): string {
  return isSubgroupTile(tile) ? subgroupTileName(tile) : tileName(tile);
}

Deno.test("a product's key names all that its choice depends on, and is read back", () => {
  const shapes = everyStructure().flatMap(({ layout, products, columns, gatedA }) =>
    (["float32", "bfloat16"] as const).map((dtype) => ({
      ...SHAPE,
      layout,
      products,
      columns,
      gatedA,
      dtype,
      m: 7,
    }))
  );
  for (const shape of shapes) assertEquals(parseProductKey(productKey(shape)), shape);
  const different: Partial<MatmulShape>[] = [
    {},
    { m: 1 },
    { n: 1 },
    { k: 1 },
    { layout: "tn" },
    { products: 2 },
    { columns: 1 },
    { gatedA: true },
    { dtype: "float16" },
    { dtype: "float16", arithmetic: "float16" },
    { dtype: "float16", operands: "float16" },
    { operands: "rounded" },
    { operands: "split" },
  ];
  for (const change of different) {
    const shape = { ...SHAPE, ...change };
    assertEquals(parseProductKey(productKey(shape)), shape);
  }
  const keys = different.map((change) => productKey({ ...SHAPE, ...change }));
  assertEquals(new Set(keys).size, different.length);
});

Deno.test("a key of another form is refused, shortened", () => {
  for (
    const key of [
      "",
      "nn 0x1x1 float32/float32 1x1",
      "nn 1x1x1 float32/float32 3x1",
      "tt 1x1x1",
      "x".repeat(999),
    ]
  ) {
    const error = assertThrows(
      () => parseProductKey(key),
      TuningError,
      "Cannot read a product's key",
    ) as Error;
    assert(error.message.length < 200);
  }
});

Deno.test("a tuned choice reaches its product on its adapter, and nothing else", () => {
  useTuning(tableOf("adapter one"));
  assertEquals(chosen(SHAPE, on("adapter one")), { tile: TILES.square, splits: 2, transposeB: false });
  assertEquals(chosen(SHAPE, on("adapter two")), ruledChoice(SHAPE, on("adapter two")));
  const other = { ...SHAPE, m: SHAPE.m + 1 };
  assertEquals(chosen(other, on("adapter one")), ruledChoice(other, on("adapter one")));
});

Deno.test("a tuned tile that a device has no room for gives way to what the rule takes there", () => {
  useTuning(tableOf("adapter four"));
  const small = { ...on("adapter four"), maxComputeWorkgroupStorageSize: 16384 };
  assertEquals(chosen(SHAPE, small), ruledChoice(SHAPE, small));
  assertEquals(chosen(SHAPE, small).tile, TILES.wide);
});

Deno.test("a tuned tile of subgroup matrices is used where the device has room for it, and multiply-adds where they win", () => {
  const ruled = chosen(ON_MATRICES, withMatrices("adapter six"));
  assert(isSubgroupTile(ruled.tile));
  useTuning(tableOf("adapter six", { product: productKey(ON_MATRICES), tile: TILE, splits: 4 }));
  const { tile, splits } = chosen(ON_MATRICES, withMatrices("adapter six"));
  assertEquals([tileNameOf(tile), splits], [TILE, 4]);
  // With less than was tuned on, what the rule takes there.
  const small = { ...withMatrices("adapter six"), maxComputeWorkgroupStorageSize: 4096 };
  assertNotEquals(tileNameOf(chosen(ON_MATRICES, small).tile), TILE);
  assertEquals(chosen(ON_MATRICES, on("adapter six")), ruledChoice(ON_MATRICES, on("adapter six")));
  // float32 multiply-adds have a product of their own, and other choices.
  assertEquals(chosen(SHAPE, withMatrices("adapter six")), ruledChoice(SHAPE, on("adapter six")));
  useTuning(tableOf("adapter six", { product: productKey(ON_MATRICES), tile: "wide", splits: 1 }));
  assertEquals(chosen(ON_MATRICES, withMatrices("adapter six")).tile, TILES.wide);
});

Deno.test("a tile of subgroup matrices that breaks their rules gives way to the rule", () => {
  const ruled = chosen(ON_MATRICES, withMatrices("adapter seven"));
  for (
    const tile of [
      "96x64x32/32x32 of 16x16x16",
      "64x64x32/32x32 of 8x8x8",
      "64x64x8/32x32 of 16x16x16",
    ] as const
  ) {
    useTuning(tableOf("adapter seven", { product: productKey(ON_MATRICES), tile }));
    assertEquals(chosen(ON_MATRICES, withMatrices("adapter seven")), ruled, tile);
  }
});

Deno.test("each choice says why", () => {
  const why = (shape: MatmulShape, capabilities: Capabilities) => reasoned(shape, capabilities).why;
  const device = withMatrices("adapter eight");
  assertEquals(why(ON_MATRICES, device), "the device has matrices for float16 operands");
  assertEquals(why(SHAPE, device), "precision default takes float32 to multiply-adds");
  assertEquals(
    why(SHAPE, on("adapter eight")),
    "the device has no matrices of float16 or float32 with float32 sums",
  );
  const [few, many]: MatmulShape[] = [64, 512].map((m) => ({ ...SHAPE, m, n: 512, operands: "split" }));
  assertEquals(why(few, device), "multiply-adds are faster than split operands here");
  assertEquals(why(many, device), "the device has matrices for operands that are split in two float16");
  const none = { ...device, maxComputeWorkgroupStorageSize: 256 };
  assertEquals(why(ON_MATRICES, none), "no tile of the device's matrices has room");
  useTuning(tableOf("adapter eight", { product: productKey(ON_MATRICES), tile: TILE }));
  assertEquals(why(ON_MATRICES, device), "a tuning table names it for this product");
});

Deno.test("a later table wins over an earlier one, entry by entry", () => {
  useTuning(tableOf("adapter three"));
  const second = { ...SHAPE, k: 64 };
  useTuning(tableOf("adapter three", { product: productKey(second), tile: "low", splits: 1 }));
  assertEquals(chosen(SHAPE, on("adapter three")), { tile: TILES.square, splits: 2, transposeB: false });
  assertEquals(chosen(second, on("adapter three")), { tile: TILES.low, splits: 1, transposeB: false });
  useTuning(tableOf("adapter three", { tile: "square", splits: 4 }));
  assertEquals(chosen(SHAPE, on("adapter three")), { tile: TILES.square, splits: 4, transposeB: false });
});

Deno.test("a table is read back as it was written", () => {
  const table = tableOf("adapter four");
  assertEquals(parseTuning(JSON.stringify(table), "a file"), table);
});

Deno.test("a table that breaks a rule is refused with the place and the rule", () => {
  const text = (change: object) => JSON.stringify({ ...tableOf("adapter five"), ...change });
  const entry = (change: object) => text({ entries: [{ ...tableOf("a").entries[0], ...change }] });
  const cases: [string, string][] = [
    ["{", "Cannot use cache.json as it must be JSON"],
    ["null", `Cannot use cache.json as its schema must be "${TUNING_SCHEMA}"`],
    [
      text({ schema: "swiglu-tuning/2" }),
      `schema must be "${TUNING_SCHEMA}": current value is "swiglu-tuning/2"`,
    ],
    [text({ adapter: "" }), "adapter must be a name"],
    [text({ entries: {} }), "entries must be a list"],
    [text({ entries: [null] }), "entries[0] must be an object"],
    [entry({ product: "nn" }), "entries[0].product must name a product"],
    [entry({ tile: "toString" }), "entries[0].tile must be one of software,"],
    [entry({ transposeB: 1 }), "entries[0].transposeB must be true or false, and true for layout nt only"],
    [entry({ product: productKey({ ...SHAPE, layout: "tn" }), transposeB: true }), "true for layout nt only"],
    [entry({ tile: TILE }), "as the product takes no subgroup matrices"],
    [entry({ tile: `${TILE} ` }), "or name a tile of subgroup matrices"],
    [
      entry({ product: productKey({ ...ON_MATRICES, layout: "nt" }), tile: TILE, transposeB: true }),
      "entries[0] must have neither transposeB nor tail",
    ],
    [entry({ splits: 0 }), "entries[0].splits must be from 1 to 64"],
    [entry({ splits: 1.5 }), "entries[0].splits must be from 1 to 64"],
    [entry({ tflops: -1 }), "entries[0].tflops must be above 0"],
  ];
  for (const [table, message] of cases) {
    assertThrows(() => parseTuning(table, "cache.json"), TuningError, message);
  }
});

/** A text with some of its characters changed, dropped, doubled, or taken from elsewhere in it. */
function damaged(text: string, random: RandomSource): string {
  let result = text;
  for (let faults = 1 + below(random, 3); faults > 0; faults--) {
    const at = below(random, result.length), length = below(random, 12);
    const other = below(random, text.length);
    const insertions = [
      "",
      text.slice(other, other + length),
      String.fromCharCode(below(random, 128)),
      "null",
      "-1e99",
    ];
    const insertion = insertions[below(random, insertions.length)];
    result = result.slice(0, at) + insertion + result.slice(at + below(random, 2) * length);
  }
  return result;
}

Deno.test("a hundred thousand damaged tables each end in a usable table or in its error", () => {
  const random = seededRandom(20261122);
  const [plain] = tableOf("fuzzed").entries;
  const entries = [plain, { ...plain, product: productKey(ON_MATRICES), tile: TILE }];
  const text = JSON.stringify({ ...tableOf("fuzzed"), entries });
  let read = 0;
  for (let i = 0; i < HOSTILE_INPUTS["damaged tuning tables"]; i++) {
    const input = damaged(text, random);
    try {
      const { entries } = parseTuning(input, "a fuzzed table");
      read++;
      for (const { product, tile, splits } of entries) {
        const { m, n, k } = parseProductKey(product);
        if (!(m * n * k >= 1) || !(isTileName(tile) || isSubgroupTileName(tile)) || !(splits >= 1)) {
          assert(false, input);
        }
      }
    } catch (error) {
      if (!(error instanceof TuningError)) throw new Error(`${input} ended in ${error}`);
    }
  }
  assert(read > 1000 && read < 99_000, `${read} were read`);
});
