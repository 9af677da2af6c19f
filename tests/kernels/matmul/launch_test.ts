/**
 * Products of the tile that a software adapter takes, bit for bit: whole numbers, poison around the inputs, guards
 * around the outputs.
 */
import { assert } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact, edgeSizes } from "./exact.ts";
import { ALIGNED, type Config, configOf, describeConfig, UNALIGNED, USED } from "./structures.ts";

const gpu = await requestGpu();
const SHAPES = 8;
const tile = TILES.software;

/** float32 with and without vectors; of the halves, one structure has one with vectors, the next the other. */
const whole: Config[] = USED.flatMap((structure, i) => {
  const halves = i % 2 === 0 ? [ALIGNED, UNALIGNED] : [UNALIGNED, ALIGNED];
  const cases = [["float32", ALIGNED], ["float32", UNALIGNED], ["float16", halves[0]], [
    "bfloat16",
    halves[1],
  ]];
  return (cases as [Config["dtype"], Config["aligned"]][]).map(([dtype, aligned]) =>
    configOf(structure, { dtype, aligned, choice: { tile, splits: 1 }, together: !aligned.a })
  );
});

/** K in 2 to 5 slices, more than there are steps along K for the smallest. */
const split: Config[] = USED.map((structure, i) => {
  const aligned = { a: i % 2 === 0, b: i % 3 > 0, out: i % 4 < 2 };
  return configOf(structure, { dtype: DTYPES[i % 3], aligned, choice: { tile, splits: 2 + i % 4 } });
});

/** Operands whose vectors fit one side alone. */
const mixed: Config[] = USED.map((structure, i) => {
  const aligned = { a: i % 3 === 0, b: i % 3 === 1, out: i % 3 === 2 };
  return configOf(structure, { dtype: DTYPES[(i + 1) % 3], aligned, choice: { tile, splits: 1 } });
});

/** float16 added in float16, where the device can. */
const fastest: Config[] = USED.map((structure, i) =>
  configOf(structure, {
    dtype: "float16",
    precision: "fastest",
    aligned: i % 2 === 0 ? ALIGNED : UNALIGNED,
    choice: { tile, splits: 1 + i % 2 },
  })
);

const configs = [...whole, ...split, ...mixed, ...fastest];

configs.forEach((config, seed) => {
  Deno.test(`matmul is exact: ${describeConfig(config)}`, async () => {
    await assertExact(gpu, config, { shapes: edgeSizes(config, { count: SHAPES, seed }), seed });
  });
});

Deno.test("these tests try at least 500 shapes", () => {
  assert(configs.length * SHAPES >= 500, `${configs.length * SHAPES} shapes`);
});

testNothingLeft(gpu);
