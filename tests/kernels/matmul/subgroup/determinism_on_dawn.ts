/** A hundred runs of products on subgroup matrices give the same bits, whatever memory held before. */
import { assert, assertEquals } from "@std/assert";
import type { DType } from "../../../../kernels/gpu/dtype.ts";
import { freshSeed, testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { hashesOf, RUNS } from "../equal_runs.ts";
import { FAULTS } from "./faults.ts";
import { miniTile, subgroupMatmul, type TilingInit } from "./record.ts";

const gpu = await subgroupGpu();

const CASES: readonly { name: string; dtype: DType; gated?: boolean; way: Omit<TilingInit, "tile"> }[] = [
  { name: "whole", dtype: "float16", way: { operands: "float16" } },
  { name: "gated, scaled", dtype: "bfloat16", gated: true, way: { operands: "rounded" } },
  { name: "K in 3 slices", dtype: "float32", way: { operands: "rounded", splits: 3 } },
  { name: "split operands", dtype: "float32", way: { operands: "split" } },
];

for (const { name, way, ...product } of CASES) {
  testOn(
    gpu,
    `${RUNS} runs on subgroup matrices give the same bits: ${name}, ${product.dtype}`,
    async (gpu) => {
      const tile = miniTile(gpu.capabilities, { columns: product.gated ? 2 : 1, subgroups: 2 });
      const seed = freshSeed();
      const init = {
        m: 33,
        ...product,
        seed,
        multiply: (...[recorder, request]: Parameters<Parameters<typeof hashesOf>[1]["multiply"]>) =>
          subgroupMatmul(recorder, request, { ...way, tile }),
      };
      assertEquals((await hashesOf(gpu, init)).size, 1, `different results of equal runs, seed ${seed}`);
      if (!way.splits) return;
      const { size } = await hashesOf(gpu, { ...init, fault: FAULTS.slicesMixed });
      assert(size > 1, "what memory held before must show where a slice is not written");
    },
  );
}

if (typeof gpu !== "string") testNothingLeft(gpu);
