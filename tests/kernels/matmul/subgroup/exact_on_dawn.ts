/**
 * Every structure, dtype and alignment on subgroup matrices is right bit for bit, on a tile that compiles fast.
 *
 * `deno task test:dawn` runs it. Its name keeps it out of `deno test`, which would download Dawn (130 MB) on every
 * machine, write Dawn into deno.lock, and take minutes to compile the kernels.
 */
import { DTYPES } from "../../../../kernels/gpu/dtype.ts";
import { subgroupGpu, testOn } from "../../../subgroup_gpu.ts";
import { testNothingLeft } from "../../../gpu.ts";
import { assertExact, edgeSizes } from "../exact.ts";
import {
  ALIGNED,
  type Config,
  configOf,
  describe,
  describeConfig,
  everyStructure,
  UNALIGNED,
  USED,
} from "../structures.ts";
import { miniTile, subgroupMatmul, type TilingInit } from "./record.ts";

const gpu = await subgroupGpu();

/** Which sides vectors of four fit, in turn. */
const PLACES = [ALIGNED, UNALIGNED, { a: true, b: false, out: true }, { a: false, b: true, out: false }];

/** Two products are two launches of one kernel: one pair of them is enough. */
const STRUCTURES = everyStructure().filter(({ products, epilogue, layout, columns, gatedA }) =>
  products === 1 || epilogue === "store" && layout === "nt" && columns === 1 && !gatedA
);

/** What variants record also runs with operands that are scaled, rounded and split in turn. */
const CASES = STRUCTURES.flatMap((structure, i) => {
  const place = (turn: number) => ({ aligned: PLACES[turn % 4], together: turn % 3 === 0, choice: null });
  const float16: { config: Config; way: Omit<TilingInit, "tile"> } = {
    config: configOf(structure, { dtype: "float16", ...place(i) }),
    way: { operands: "float16", splits: 1 + i % 3 },
  };
  const used = USED.some((one) => describe(one) === describe(structure));
  if (!used) return [float16];
  const operands = (["rounded", "split"] as const)[i % 2];
  const config = configOf(structure, { dtype: DTYPES[i % 3], ...place(i + 1) });
  return [float16, { config, way: { operands, splits: i % 4 === 3 ? 2 : 1 } }];
});

CASES.forEach(({ config, way }, i) => {
  const name = `subgroup matrices are exact: ${describeConfig(config)}; ${way.operands}, K in ${way.splits}`;
  testOn(gpu, name, async (gpu) => {
    const { columns } = config;
    const larger = i % 9 === 0 ? { subgroups: 2, matrices: 2 } as const : {};
    const tile = miniTile(gpu.capabilities, { columns, ...larger });
    const shapes = edgeSizes(config, { count: 8, seed: i });
    // Sums of split operands are kept every 320 terms of K: with three stretches, the last of which ends inside a step.
    if (way.operands === "split") shapes.push({ m: 9, n: 12, k: (way.splits ?? 1) * 650 });
    for (const poison of ["nan", "huge"] as const) {
      await assertExact(gpu, config, {
        shapes,
        seed: i,
        poison,
        multiply: (recorder, request) => subgroupMatmul(recorder, request, { tile, ...way }),
      });
    }
  });
});

if (typeof gpu !== "string") testNothingLeft(gpu);
