/** A hundred runs of every kind of product give the same bits, whatever memory held before. */
import { assertEquals } from "@std/assert";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import type { TileChoice } from "../../../kernels/matmul/choose.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { freshSeed, requestGpu, testNothingLeft } from "../../gpu.ts";
import { hashesOf, RUNS } from "./equal_runs.ts";

const gpu = await requestGpu();
const tile = TILES.software;

/** Kinds of launches: whole, in slices that are added up, a few rows, gated, with 16-bit halves of shared words. */
const CASES: readonly { name: string; m: number; dtype: DType; gated?: boolean; choice?: TileChoice }[] = [
  { name: "whole", m: 33, dtype: "float32", choice: { tile, splits: 1 } },
  { name: "K in 7 slices", m: 33, dtype: "float32", choice: { tile, splits: 7 } },
  { name: "few rows", m: 7, dtype: "float32" },
  { name: "gated", m: 33, dtype: "float32", gated: true, choice: { tile, splits: 1 } },
  { name: "words shared by threads", m: 33, dtype: "float16", choice: { tile, splits: 3 } },
  { name: "words shared by threads", m: 33, dtype: "bfloat16", choice: { tile, splits: 1 } },
];

for (const { name, choice, ...product } of CASES) {
  Deno.test(`${RUNS} runs of a product give the same bits: ${name}, ${product.dtype}`, async () => {
    const seed = freshSeed();
    const { size } = await hashesOf(gpu, {
      ...product,
      seed,
      multiply: (recorder, request) => matmul(recorder, { ...request, ...choice ? { choice } : {} }),
    });
    assertEquals(size, 1, `different results of equal runs, seed ${seed}`);
  });
}

testNothingLeft(gpu);
