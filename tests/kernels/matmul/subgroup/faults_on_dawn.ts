/** Exactness is a check that can fail: planted faults of edges, epilogues, slices and products are found. */
import { AssertionError, assertRejects } from "@std/assert";
import { range } from "../../../../kernels/text.ts";
import type { Fault } from "../../../planted.ts";
import { testNothingLeft } from "../../../gpu.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { assertExact, type ExactOptions } from "../exact.ts";
import type { ProductSizes } from "../reference.ts";
import { ALIGNED, configOf, type Structure } from "../structures.ts";
import { FAULTS } from "./faults.ts";
import { miniTile, STORED, subgroupMatmul } from "./record.ts";

const gpu = await subgroupGpu();

/** A product that shows a fault. */
interface Case {
  readonly fault: Fault;
  readonly structure?: Partial<Structure>;
  readonly sizes: ProductSizes;
  readonly splits?: number;
}

const CASES: readonly Case[] = [
  { fault: FAULTS.productLost, sizes: { m: 8, n: 8, k: 8 } },
  { fault: FAULTS.beyondK, sizes: { m: 8, n: 8, k: 5 } },
  { fault: FAULTS.beyondRows, sizes: { m: 7, n: 4, k: 8 } },
  { fault: FAULTS.beyondColumns, sizes: { m: 8, n: 4, k: 8 } },
  {
    fault: FAULTS.blocksSwapped,
    structure: { epilogue: "gated-save", columns: 2 },
    sizes: { m: 8, n: 8, k: 8 },
  },
  {
    fault: FAULTS.outputsUnread,
    structure: { layout: "nt", epilogue: "gated-backward" },
    sizes: { m: 8, n: 8, k: 8 },
  },
  { fault: FAULTS.slicesMixed, sizes: { m: 8, n: 8, k: 64 }, splits: 3 },
];

for (const { fault, structure, sizes, splits = 1 } of CASES) {
  testOn(gpu, `the exactness of subgroup matrices is checked: ${fault.what}`, async (gpu) => {
    const config = configOf({ ...STORED, ...structure }, {
      dtype: "float16",
      aligned: ALIGNED,
      choice: null,
      inPlace: false,
    });
    const tile = miniTile(gpu.capabilities, config);
    const options: ExactOptions = {
      // At different places in their tensors: where no guard lies behind an output, nothing is overwritten.
      shapes: range(8).map(() => sizes),
      seed: 1,
      multiply: (recorder, request) =>
        subgroupMatmul(recorder, request, { tile, operands: "float16", splits }),
    };
    await assertExact(gpu, config, options);
    await assertRejects(() => assertExact(gpu, config, { ...options, fault }), AssertionError);
  });
}

if (typeof gpu !== "string") testNothingLeft(gpu);
