/** The WGSL of products on subgroup matrices. It is pure, as large as stated, and different texts have different keys. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Capabilities } from "../../../../kernels/gpu/capabilities.ts";
import { DTYPES } from "../../../../kernels/gpu/dtype.ts";
import { type MatmulShape, operandCounts } from "../../../../kernels/matmul/config.ts";
import { type SubgroupConfig, subgroupKey } from "../../../../kernels/matmul/subgroup/config.ts";
import {
  checkSubgroupTile,
  subgroupFits,
  type SubgroupLimits,
  type SubgroupTile,
  subgroupTileName,
  type SubgroupUse,
  threadsOf,
  workgroupVectors,
} from "../../../../kernels/matmul/subgroup/tile.ts";
import { ruledSubgroupChoice, subgroupTilesToTry } from "../../../../kernels/matmul/subgroup/tiling.ts";
import { subgroupWgsl } from "../../../../kernels/matmul/subgroup/wgsl.ts";
import { TileError } from "../../../../kernels/matmul/tile.ts";
import { everyStructure } from "../structures.ts";

/** What NVIDIA's H100 offers. */
const LIMITS: SubgroupLimits = {
  subgroupMatrices: [[16, 16, 16], [16, 8, 16], [8, 8, 8]].map(([M, N, K]) => ({
    componentType: "f16",
    resultComponentType: "f32",
    M,
    N,
    K,
  })),
  subgroupMaxSize: 32,
  maxComputeWorkgroupStorageSize: 49152,
  maxComputeInvocationsPerWorkgroup: 1024,
};

const SQUARE: SubgroupTile = {
  tileM: 128,
  tileN: 128,
  tileK: 32,
  patchM: 64,
  patchN: 64,
  matrix: { M: 16, N: 16, K: 16 },
  subgroupSize: 32,
  group: 8,
};

/** Of each kind of matrix, and one whose sums need more memory on their way out than its operands did. */
const TILES: readonly SubgroupTile[] = [
  SQUARE,
  { ...SQUARE, tileN: 256, matrix: { M: 16, N: 8, K: 16 } },
  { ...SQUARE, tileM: 16, tileN: 64, tileK: 8, patchM: 8, patchN: 16, matrix: { M: 8, N: 8, K: 8 } },
];

const USE: SubgroupUse = { layout: "nn", operands: "float16", columns: 1 };

/** "accumulate" is "store" with another uniform, two products are two launches. */
const STRUCTURES = everyStructure().filter(({ epilogue, products }) =>
  epilogue !== "accumulate" && products === 1
);

function configOf(init: Partial<SubgroupConfig> & { dtype?: "float32" | "float16" } = {}): SubgroupConfig {
  const { dtype = "float16", ...rest } = init;
  const structure = { layout: "nn", epilogue: "store", columns: 1, gatedA: false, ...rest } as const;
  const { a, b, out } = operandCounts(structure);
  const slots = Array.from({ length: a + b + out }, (_, i) => i);
  return {
    tile: SQUARE,
    operands: "float16",
    keeps: false,
    activation: "silu",
    slots,
    storage: slots.map((slot) => ({ dtype, access: slot < a + b ? "read" : "read_write", aligned: true })),
    magnitudes: null,
    varying: false,
    ...structure,
  };
}

function configs(): SubgroupConfig[] {
  return STRUCTURES.flatMap(({ products: _, ...structure }) =>
    TILES.flatMap((tile) => [
      configOf({ ...structure, tile }),
      configOf({ ...structure, tile, varying: true }),
      configOf({ ...structure, tile, dtype: "float32", operands: "rounded" }),
      configOf({ ...structure, tile, dtype: "float32", operands: "split" }),
      configOf({ ...structure, tile, dtype: "float32", operands: "split", keeps: true }),
      configOf({ ...structure, tile, activation: "gelu" }),
      configOf({ ...structure, tile, operands: "float32" }),
    ])
  );
}

const count = (text: string, part: string | RegExp) => text.split(part).length - 1;

Deno.test("the same config gives the same text on subgroup matrices", () => {
  for (const config of configs().filter((_, i) => i % 7 === 0)) {
    assertEquals(subgroupWgsl(structuredClone(config)), subgroupWgsl(config));
  }
});

Deno.test("two configs on subgroup matrices share a key only if they share their text", () => {
  const texts = new Map<string, string>();
  for (const config of configs()) {
    const key = subgroupKey(config);
    const text = subgroupWgsl(config);
    if (texts.has(key) && texts.get(key) !== text) assert(false, `two texts have the key ${key}`);
    texts.set(key, text);
  }
});

Deno.test("what decides how a buffer is declared is in the key of a product on subgroup matrices", () => {
  const config = configOf();
  const storages = DTYPES.flatMap((dtype) =>
    [true, false].flatMap((aligned) => [
      { dtype, aligned, access: "read" as const },
      { dtype, aligned, access: "read_write" as const },
    ])
  );
  const forms = [...storages, { ...storages[0], eights: true }, { ...storages[0], half: true }];
  const keys = forms.map((form) => subgroupKey({ ...config, storage: [form, ...config.storage.slice(1)] }));
  keys.push(subgroupKey({ ...config, magnitudes: 2 }));
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("a step along K has as many products of matrices as its patch and its parts ask for", () => {
  for (
    const { operands, products, parts } of [
      { operands: "float16", products: 1, parts: 1 },
      { operands: "rounded", products: 1, parts: 1 },
      { operands: "split", products: 3, parts: 2 },
      { operands: "float32", products: 1, parts: 1 },
    ] as const
  ) {
    const text = subgroupWgsl(configOf({ operands }));
    // 4 x 4 matrices a patch, two of them along K.
    assertEquals(count(text, "= subgroupMatrixMultiplyAccumulate("), 4 * 4 * 2 * products);
    assertEquals(count(text, "= subgroupMatrixLoad<subgroup_matrix_left"), 4 * 2 * parts);
    assertEquals(count(text, "= subgroupMatrixLoad<subgroup_matrix_right"), 4 * 2 * parts);
    assertEquals(count(text, "subgroupMatrixStore<"), 4 * 4);
  }
});

Deno.test("a transposed operand is loaded by columns, as it lies", () => {
  const orders = (layout: "nn" | "nt" | "tn") => {
    const text = subgroupWgsl(configOf({ layout }));
    return (["left", "right"] as const).map((side) =>
      new RegExp(`subgroup_matrix_${side}<f16, 16, 16>, (\\w+)>`).exec(text)![1]
    );
  };
  assertEquals(orders("nn"), ["row_major", "row_major"]);
  assertEquals(orders("nt"), ["row_major", "col_major"]);
  assertEquals(orders("tn"), ["col_major", "row_major"]);
});

Deno.test("workgroup memory is one array, as large as the tile states", () => {
  for (const config of configs()) {
    const text = subgroupWgsl(config);
    const [, components, elements] = /var<workgroup> memory: array<(?:vec(\d)u|f32), (\d+)>;/.exec(text)!;
    const bytes = 4 * Number(components ?? 1) * Number(elements);
    assertEquals(bytes, 16 * workgroupVectors(config.tile, config));
    const isWide = config.operands === "split" || config.operands === "float32";
    assert(bytes <= LIMITS.maxComputeWorkgroupStorageSize || isWide);
    assertEquals(count(text, "var<workgroup>"), 1);
    assert(text.includes(`@compute @workgroup_size(${threadsOf(config.tile)})`));
  }
});

Deno.test("subgroups that are smaller than a tile's have no patch, and wait at every barrier", () => {
  const text = subgroupWgsl(configOf({ varying: true }));
  assertEquals(count(text, "if (subgroup < 4u) {"), 1 + 4);
  assertEquals(count(subgroupWgsl(configOf()), "if (subgroup <"), 0);
  assertEquals(/if \(subgroup < 4u\) \{[^}]*workgroupBarrier/.exec(text), null);
});

Deno.test("a tile is told by its sizes and its matrices", () => {
  assertEquals(subgroupTileName(SQUARE), "128x128x32/64x64 of 16x16x16");
});

/** Tiles that break a rule each, with what the error says. */
const WRONG: readonly [Partial<SubgroupTile>, Partial<SubgroupUse>, string][] = [
  [{ tileM: 96 }, {}, "tileM must be a power of two from 8 up: current value is 96"],
  [{ tileK: 4 }, {}, "tileK must be a power of two from 8 up: current value is 4"],
  [{ tileM: 32 }, {}, "tileM must be a multiple of patchM = 64: current value is 32"],
  [
    { patchN: 16 },
    { columns: 2 },
    "patchN must be a multiple of matrix.N for each column block = 32: current value is 16",
  ],
  [{ tileK: 8 }, {}, "tileK must be a multiple of matrix.K = 16: current value is 8"],
  [{ group: 0 }, {}, "group must be a whole number from 1 up: current value is 0"],
  [
    { matrix: { M: 16, N: 16, K: 8 } },
    {},
    "matrix must be one of the device's from f16 to f32: current value is 16x16x8",
  ],
  [{ subgroupSize: 64 }, {}, "subgroupSize must be the device's, 32: current value is 64"],
  [{ tileM: 1024, tileN: 1024 }, {}, "threads must be at most 1024: current value is 8192"],
  [
    { tileN: 256, tileK: 128 },
    {},
    "workgroup memory must be at most 49152 bytes (maxComputeWorkgroupStorageSize): current value is 102400",
  ],
];

for (const [change, use, message] of WRONG) {
  Deno.test(`a subgroup tile is refused: ${message}`, () => {
    const tile = { ...SQUARE, ...change };
    const error = assertThrows(() => checkSubgroupTile(tile, LIMITS, { ...USE, ...use }), TileError) as Error;
    assertEquals(error.message, `Cannot build the subgroup tile as ${message}`);
  });
}

Deno.test("a search tries tiles of all matrices that a device has, each once, and only such as it has room for", () => {
  const shape: MatmulShape = {
    ...{ layout: "nn", m: 4096, n: 4096, k: 4096, products: 1, columns: 1, gatedA: false, dtype: "float16" },
    ...{ arithmetic: "float32", operands: "float16" },
  };
  const devices = [
    { ...LIMITS, software: false },
    { ...LIMITS, software: true },
    // One kind of matrices, and less memory.
    {
      ...LIMITS,
      subgroupMatrices: LIMITS.subgroupMatrices.slice(2),
      maxComputeWorkgroupStorageSize: 32768,
      software: false,
    },
  ].map((device) => device as unknown as Capabilities);
  const found = devices.map((device) =>
    (["nn", "nt", "tn"] as const).flatMap((layout) =>
      ([1, 2] as const).map((columns) => {
        const tiles = subgroupTilesToTry({ ...shape, layout, columns }, device);
        for (const tile of tiles) checkSubgroupTile(tile, device, { ...USE, layout, columns });
        const names = tiles.map(subgroupTileName);
        assertEquals(new Set(names).size, names.length);
        const ruled = ruledSubgroupChoice({ ...shape, operands: "float16", layout, columns }, device);
        if (typeof ruled === "string") throw new Error(ruled);
        if (!device.software) {
          assert(names.includes(subgroupTileName(ruled.tile)), `${subgroupTileName(ruled.tile)}`);
        }
        return names;
      })
    )
  );
  assert(found[0].every((names) => names.length >= 24 && names.length <= 48));
  assert(found[1].every((names) => names.length >= 6 && names.length <= 12));
  assert(found[2].every((names) => names.length >= 8 && names.every((name) => name.endsWith(" of 8x8x8"))));
  assertEquals(subgroupTilesToTry({ ...shape, operands: null }, devices[0]), []);
});

Deno.test("of matrices of float32, a search tries those that fit 32 KB, as Apple's devices have", () => {
  const device = {
    ...{ ...LIMITS, subgroupMaxSize: 64, maxComputeWorkgroupStorageSize: 32768, software: false },
    subgroupMatrices: ["f32", "f16"].map((type) => (
      { componentType: type, resultComponentType: type, M: 8, N: 8, K: 8 }
    )),
  } as unknown as Capabilities;
  for (const dtype of DTYPES) {
    const shape: MatmulShape = {
      ...{ layout: "nn", m: 512, n: 512, k: 512, products: 1, columns: 2, gatedA: false, dtype },
      ...{ arithmetic: "float32", operands: "float32" },
    };
    const names = subgroupTilesToTry(shape, device).map(subgroupTileName);
    assert(names.length >= 8 && names.includes("64x64x16/32x32 of 8x8x8"), names.join());
    assertEquals(subgroupTilesToTry({ ...shape, operands: "float16" }, device), []);
  }
});

Deno.test("a tile fits only where its matrices, its subgroups and its memory do", () => {
  for (const tile of TILES) assert(subgroupFits(tile, LIMITS, USE), subgroupTileName(tile));
  assert(!subgroupFits(SQUARE, { ...LIMITS, subgroupMatrices: [] }, USE));
  assert(!subgroupFits(SQUARE, { ...LIMITS, subgroupMaxSize: 64 }, USE));
  assert(!subgroupFits(SQUARE, { ...LIMITS, maxComputeWorkgroupStorageSize: 16384 }, USE));
  assert(!subgroupFits(SQUARE, { ...LIMITS, maxComputeInvocationsPerWorkgroup: 64 }, USE));
});

Deno.test("values of an activation's parameters follow the sizes, where a kernel has the activation", () => {
  for (const structure of STRUCTURES) {
    const text = subgroupWgsl(configOf({ ...structure, activation: "clamped_swiglu" }));
    const used = structure.gatedA || structure.epilogue.startsWith("gated");
    assertEquals(/parameter_0: f32, parameter_1: f32, parameter_2: f32 }/.test(text), used);
    assertEquals(text.includes("p.parameter_2"), used);
  }
});
