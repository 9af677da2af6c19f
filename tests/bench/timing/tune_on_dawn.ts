/** A search finds tiles of subgroup matrices, checks their results, and leaves a table that names them. */
import { assert, assertEquals } from "@std/assert";
import { chooseTile } from "../../../kernels/matmul/chosen.ts";
import type { MatmulShape } from "../../../kernels/matmul/config.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import {
  isSubgroupTile,
  isSubgroupTileName,
  subgroupTileName,
} from "../../../kernels/matmul/subgroup/tile.ts";
import { parseTuning, TUNING_SCHEMA, useTuning } from "../../../kernels/matmul/tuning.ts";
import { elementwise } from "../../../kernels/elementwise.ts";
import { Instruments } from "../../../bench/timing/instruments.ts";
import { tuneProduct } from "../../../bench/timing/tune.ts";
import { testNothingLeft } from "../../gpu.ts";
import { subgroupGpu, testOn } from "../../subgroup_gpu.ts";

const gpu = await subgroupGpu();

const SHAPE: MatmulShape = {
  ...{ layout: "nn", m: 17, n: 24, k: 40, products: 1, columns: 1, gatedA: false },
  ...{ dtype: "float16", arithmetic: "float32", operands: "float16" },
};

/** The one tile, of those that are tried here, whose results stay right. */
const RIGHT = "8x16x16/8x8 of 8x8x8";

/** Spoils the first element of all others but of the first product, which is the one that candidates are compared with. */
function spoiling(): typeof matmul {
  let isFirst = true;
  return (recorder, request) => {
    matmul(recorder, request);
    const { tile } = request.choice!;
    const stays = isFirst || isSubgroupTile(tile) && subgroupTileName(tile) === RIGHT;
    isFirst = false;
    if (stays) return;
    const to = { ...request.out[0], rows: 1, cols: 1 };
    elementwise(recorder, { label: "a fault", inputs: { v: to }, outputs: [{ to, value: "v + 1" }] });
  };
}

testOn(
  gpu,
  "a search takes the tile of subgroup matrices that is right, and later products take it",
  async (gpu) => {
    using instruments = await Instruments.create(gpu, { flush: false });
    const entry = await tuneProduct(instruments, SHAPE, { record: spoiling() });
    assertEquals(entry.tile, RIGHT);
    assert(isSubgroupTileName(entry.ruled.tile));
    const failed = entry.failed.map(({ tile }) => tile);
    assert(failed.some((tile) => isSubgroupTileName(tile)) && failed.includes("software"), failed.join());
    const table = { schema: TUNING_SCHEMA, adapter: "an adapter of this test", entries: [entry] };
    useTuning(parseTuning(JSON.stringify(table), "a test"));
    const { tile } = chooseTile({ ...SHAPE, precision: "default", component: "f16" }, {
      ...gpu.capabilities,
      name: table.adapter,
    });
    assertEquals(isSubgroupTile(tile) && subgroupTileName(tile), RIGHT);
  },
);

if (typeof gpu !== "string") testNothingLeft(gpu);
