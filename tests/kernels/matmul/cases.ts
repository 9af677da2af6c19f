/** The products that are checked bit for bit: every kind that variants record, and all else that the generator takes. */
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { STREAM_ROWS } from "../../../kernels/matmul/stream_kernel.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import { edgeSizes } from "./exact.ts";
import { below } from "./operands.ts";
import type { ProductSizes } from "./reference.ts";
import {
  ALIGNED,
  type Config,
  configOf,
  describe,
  everyStructure,
  miniFor,
  UNALIGNED,
  USED,
} from "./structures.ts";

/** A config with the shapes that it is tried on. */
export interface ExactCase {
  readonly config: Config;
  readonly shapes: readonly ProductSizes[];
  readonly seed: number;
}

/** How many products cases compute. */
export function shapesOf(cases: readonly ExactCase[]): number {
  return cases.reduce((sum, { shapes }) => sum + shapes.length, 0);
}

/** Shapes of the configs of the software adapters' tile, and of the others. */
const SHAPES = { software: 25, mini: 12 };

/** float32 with and without vectors; of the halves, one structure has one with vectors, the next the other. */
function wholeConfigs(): Config[] {
  const choice = { tile: TILES.software, splits: 1 };
  return USED.flatMap((structure, i) => {
    const halves = i % 2 === 0 ? [ALIGNED, UNALIGNED] : [UNALIGNED, ALIGNED];
    return [
      configOf(structure, { dtype: "float32", aligned: ALIGNED, choice }),
      configOf(structure, { dtype: "float32", aligned: UNALIGNED, choice, together: true }),
      configOf(structure, { dtype: "float16", aligned: halves[0], choice, together: i % 4 > 1 }),
      configOf(structure, { dtype: "bfloat16", aligned: halves[1], choice, together: i % 4 < 2 }),
    ];
  });
}

/** Operands whose vectors fit one side alone, with K whole and in more slices than the smallest have steps along K. */
function mixedConfigs(): Config[] {
  const sides = (turn: number) => ({ a: turn % 3 === 0, b: turn % 3 === 1, out: turn % 3 === 2 });
  return USED.flatMap((structure, i) => {
    const tile = miniFor(structure);
    const way = (turn: number, splits: number) =>
      configOf(structure, { dtype: DTYPES[turn % 3], aligned: sides(turn), choice: { tile, splits } });
    return [way(i, 1), way(i + 1, 2 + i % 4)];
  });
}

/** float16 added in float16, where the device can. */
function halfConfigs(): Config[] {
  return USED.map((structure, i) =>
    configOf(structure, {
      dtype: "float16",
      precision: "float16-sums",
      aligned: i % 2 === 0 ? ALIGNED : UNALIGNED,
      choice: { tile: miniFor(structure), splits: 1 + i % 2 },
    })
  );
}

/** The products that variants record; without `mini`, on the tile of software adapters alone. */
export function launchCases({ mini = true } = {}): ExactCase[] {
  const cases = [
    ...wholeConfigs().map((config) => ({ config, count: SHAPES.software })),
    ...[...mixedConfigs(), ...halfConfigs()].map((config) => ({ config, count: SHAPES.mini })),
  ];
  return cases.map(({ config, count }, seed) => ({
    config,
    shapes: edgeSizes(config, { count, seed }),
    seed,
  }))
    .filter(({ shapes }) => mini || shapes.length === SHAPES.software);
}

/** Every structure that the generator takes and no variant uses yet, on a tile that compiles soon. */
export function generatorCases(): ExactCase[] {
  const used = new Set(USED.map(describe));
  return everyStructure().filter((structure) => !used.has(describe(structure))).map((structure, i) => {
    const config = configOf(structure, {
      dtype: "float32",
      aligned: ALIGNED,
      together: i % 2 === 1,
      inPlace: false,
      choice: { tile: miniFor(structure), splits: i % 5 === 4 ? 3 : 1 },
    });
    const seed = 1000 + i;
    return { config, shapes: edgeSizes(config, { count: 5, seed }), seed };
  });
}

/** Kernels have room for a power of two: rows that fill it, just begin it, and between. Two have every structure. */
const ROWS = [1, 3, 4, 5, 6, 7, 8, 9, 11, 14, 15, 16] as const;

/** Several chunks of K, and not quite whole. */
const LONG_K = [1029, 2048] as const;

/** Each number of rows in the layouts that have it, and every structure of two rows. */
function streamConfigs(): { rows: number; config: Config }[] {
  const streamed = USED.filter(({ layout }) => layout !== "tn");
  const placings = (i: number) => ({ a: i % 2 === 0, b: i % 4 < 2, out: i % 3 > 0 });
  const each = ROWS.flatMap((rows, i) =>
    (["nn", "nt"] as const).filter((layout) => rows <= STREAM_ROWS[layout]).map((layout, j) => {
      const structures = streamed.filter((structure) => structure.layout === layout);
      const structure = structures[i % structures.length];
      const dtype = DTYPES[(i + j) % 3];
      return { rows, config: configOf(structure, { dtype, aligned: placings(i + j), choice: null }) };
    })
  );
  const two = streamed.map((structure, i) => {
    const init = { dtype: DTYPES[i % 3], aligned: placings(i), together: i % 2 === 1, choice: null };
    return { rows: 2, config: configOf(structure, init) };
  });
  return [...each, ...two];
}

/** Products of a few rows. */
export function streamCases(): ExactCase[] {
  return streamConfigs().map(({ rows, config }, i) => {
    const seed = 2000 + i;
    const [n, k] = [config.aligned.out ? 36 : 37, LONG_K[below(seededRandom(seed), 2)]];
    const shapes = [...edgeSizes(config, { count: 4, seed, rows: [rows] }), { m: rows, n, k }];
    return { config, shapes, seed };
  });
}
