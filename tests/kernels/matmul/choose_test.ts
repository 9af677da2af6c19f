/** The choice of a tile, without a device: always one that is tested, and one that the device can run. */
import { assert, assertEquals } from "@std/assert";
import type { Capabilities } from "../../../kernels/gpu/device.ts";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { chooseTile, type MatmulShape } from "../../../kernels/matmul/choose.ts";
import { checkTile } from "../../../kernels/matmul/tile.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { everyStructure } from "./structures.ts";

const CAPABILITIES: Capabilities = {
  name: "a test",
  software: false,
  shaderF16: true,
  timestamps: true,
  maxBufferSize: 2 ** 32,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 49152,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
  minStorageBufferOffsetAlignment: 32,
};

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
      const { tile, splits } = chooseTile(shape, capabilities);
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
  for (const shape of shapes()) checkTile(chooseTile(shape, least).tile, least, { columns: shape.columns });
});

Deno.test("slices of K are never shorter than a step of the tile, and their sums stay small", () => {
  for (const shape of shapes()) {
    const { tile, splits } = chooseTile(shape, CAPABILITIES);
    if (splits === 1) continue;
    const { m, n, k, columns, products } = shape;
    assert(k * products / splits >= tile.tileK, `${JSON.stringify(shape)} in ${splits}`);
    assert(4 * m * n * columns * splits <= 2 ** 26, `${JSON.stringify(shape)} in ${splits}`);
  }
});

Deno.test("a software adapter takes one small tile, and splits K only where llvmpipe would leave the loop early", () => {
  const tile = TILES.software;
  for (const shape of shapes()) {
    const choice = chooseTile(shape, { ...CAPABILITIES, software: true });
    const turns = shape.k * shape.products / tile.tileK;
    const about = JSON.stringify({ ...shape, ...choice });
    assert(choice.tile === tile && turns / choice.splits < 65_535 - tile.tileK, about);
    assert(choice.splits === 1 || turns / (choice.splits - 1) > 65_000, about);
  }
});

Deno.test("a choice is a function of the product and the device alone", () => {
  const shape = [...shapes()][1234];
  assertEquals(chooseTile(shape, CAPABILITIES), chooseTile({ ...shape }, { ...CAPABILITIES }));
});
