/**
 * The products that variants record, bit for bit: whole numbers, poison around the inputs, guards around the outputs.
 * What multiplies the cases is tested on a smaller tile than software adapters take, as that compiles sooner.
 */
import { assert } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact, edgeSizes } from "./exact.ts";
import { ALIGNED, type Config, configOf, describeConfig, miniFor, UNALIGNED, USED } from "./structures.ts";

const gpu = await requestGpu();

/** Shapes of the configs of the software adapters' tile, and of the others. */
const SHAPES = { software: 13, mini: 8 };

/** float32 with and without vectors; of the halves, one structure has one with vectors, the next the other. */
const whole: Config[] = USED.flatMap((structure, i) => {
  const choice = { tile: TILES.software, splits: 1 };
  const halves = i % 2 === 0 ? [ALIGNED, UNALIGNED] : [UNALIGNED, ALIGNED];
  return [
    configOf(structure, { dtype: "float32", aligned: ALIGNED, choice }),
    configOf(structure, { dtype: "float32", aligned: UNALIGNED, choice, together: true }),
    configOf(structure, { dtype: "float16", aligned: halves[0], choice, together: i % 4 > 1 }),
    configOf(structure, { dtype: "bfloat16", aligned: halves[1], choice, together: i % 4 < 2 }),
  ];
});

/** Operands whose vectors fit one side alone, with K whole and in more slices than the smallest have steps along K. */
const mixed: Config[] = USED.flatMap((structure, i) => {
  const tile = miniFor(structure);
  const sides = (turn: number) => ({ a: turn % 3 === 0, b: turn % 3 === 1, out: turn % 3 === 2 });
  return [
    configOf(structure, { dtype: DTYPES[i % 3], aligned: sides(i), choice: { tile, splits: 1 } }),
    configOf(structure, {
      dtype: DTYPES[(i + 1) % 3],
      aligned: sides(i + 1),
      choice: { tile, splits: 2 + i % 4 },
    }),
  ];
});

/** float16 added in float16, where the device can. */
const fastest: Config[] = USED.map((structure, i) =>
  configOf(structure, {
    dtype: "float16",
    precision: "fastest",
    aligned: i % 2 === 0 ? ALIGNED : UNALIGNED,
    choice: { tile: miniFor(structure), splits: 1 + i % 2 },
  })
);

const cases = [
  ...whole.map((config) => ({ config, count: SHAPES.software })),
  ...[...mixed, ...fastest].map((config) => ({ config, count: SHAPES.mini })),
];

cases.forEach(({ config, count }, seed) => {
  Deno.test(`matmul is exact: ${describeConfig(config)}`, async () => {
    await assertExact(gpu, config, { shapes: edgeSizes(config, { count, seed }), seed });
  });
});

Deno.test("these tests try at least 500 shapes on the tile of software adapters", () => {
  assert(whole.length * SHAPES.software >= 500, `${whole.length * SHAPES.software} shapes`);
});

testNothingLeft(gpu);
