/** Runs products of small whole numbers on the device. Every bit must be right, guards included. */
import { assert, assertEquals } from "@std/assert";
import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";
import type { Gpu } from "../../../kernels/gpu/device.ts";
import { roundTo } from "../../../kernels/gpu/dtype.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { type RandomSource, seededRandom } from "../../../bench/timing/random.ts";
import { isAligned, isWriteAligned } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { type Poison, PoisonRecorder, readBytes } from "../../gpu.ts";
import type { Fault } from "../../planted.ts";
import { below, bytesWith, dispose, type Operands, place } from "./operands.ts";
import { counts, type ProductSizes, reference, storedShapes } from "./reference.ts";
import { type Config, describeConfig } from "./structures.ts";

type Side = "a" | "b" | "out";

/** One product that is ready to be recorded, with what must come out. */
interface Prepared extends Readonly<Record<Side, Operands>> {
  readonly sizes: ProductSizes;
  /** The bytes of the output tensors, guards included. */
  readonly expected: Uint8Array[];
}

/** What {@linkcode assertExact} computes, and under which circumstances. */
export interface ExactOptions {
  readonly shapes: readonly ProductSizes[];
  readonly seed: number;
  /** What workspaces hold before. */
  readonly poison?: Poison;
  /** What kernels are chosen by, in place of the device's own. */
  readonly capabilities?: Capabilities;
  /** What is wrong with the kernels. */
  readonly fault?: Fault;
  /** How a product is recorded. Default: as the variants have it recorded. */
  readonly multiply?: (recorder: PoisonRecorder, request: MatmulRequest) => void;
}

/** Sizes at and beside every edge: of vectors, of tiles, of powers of two. */
export const EDGES = [1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257] as const;

/** Products with more multiply-adds than this are left out: the CPU has to compute them too. */
const MOST_PRODUCTS = 300_000;

/** Sizes drawn from the edges; `n` suits aligned outputs where the config has them. */
export function edgeSizes(
  { aligned }: Config,
  { count, seed, rows = EDGES }: { count: number; seed: number; rows?: readonly number[] },
): ProductSizes[] {
  const random = seededRandom(seed);
  const columns = EDGES.filter((edge) => !aligned.out || edge % 4 === 0);
  const shapes: ProductSizes[] = [];
  while (shapes.length < count) {
    const sizes = { m: pick(rows, random), n: pick(columns, random), k: pick(EDGES, random) };
    if (sizes.m * sizes.n * sizes.k <= MOST_PRODUCTS) shapes.push(sizes);
  }
  return shapes;
}

function pick(values: readonly number[], random: RandomSource): number {
  return values[below(random, values.length)];
}

/**
 * Computes products of one config in one submit, and compares every byte of their output tensors.
 *
 * @throws {AssertionError} Naming the config, the sizes and the seed.
 */
export async function assertExact(gpu: Gpu, config: Config, options: ExactOptions): Promise<void> {
  const { shapes, seed, multiply = matmul } = options;
  const prepared = shapes.map((sizes, i) => prepare(gpu, config, { sizes, seed: seed * 1000 + i }));
  try {
    const recorder = new PoisonRecorder(gpu, options);
    for (const product of prepared) multiply(recorder, requestOf(config, product));
    recorder.submit();
    const outputs = prepared.flatMap(({ out }) => out.placed.map(({ tensor }) => tensor));
    const actual = await readBytes(gpu, outputs);
    let next = 0;
    for (const { sizes, expected } of prepared) {
      const about = `${describeConfig(config)}; ${JSON.stringify(sizes)}, seed ${seed}`;
      for (const bytes of expected) assertBytes(actual[next++], bytes, about);
    }
  } finally {
    for (const { a, b, out } of prepared) dispose(a, b, out);
  }
}

function requestOf(config: Config, { a, b, out }: Prepared): MatmulRequest {
  const { choice, ...request } = config;
  const views = { a: a.views, b: b.views, out: out.views };
  const chosen = choice ? { choice } : {};
  return { label: "product", activation: "relu", ...request, ...views, ...chosen };
}

function assertBytes(actual: Uint8Array, expected: Uint8Array, about: string): void {
  const at = expected.findIndex((byte, i) => byte !== actual[i]);
  assert(at < 0, `${about}: byte ${at} of ${expected.length} is ${actual[at]} instead of ${expected[at]}`);
  assertEquals(actual.length, expected.length);
}

function prepare(gpu: Gpu, config: Config, { sizes, seed }: { sizes: ProductSizes; seed: number }): Prepared {
  const { dtype, inPlace } = config;
  const random = seededRandom(seed);
  const shapes = storedShapes(config.layout, sizes);
  const numbers = draw(config, sizes, seed);
  const put = (side: Side, matrices: readonly Float32Array[]) =>
    place(gpu, {
      matrices,
      rows: shapes[side][0],
      cols: shapes[side][1],
      dtype,
      aligned: config.aligned[side],
      together: config.together && !(side === "out" && inPlace),
      around: side === "out" ? "guard" : "poison",
      random,
    });
  // What is only written holds NaN before. In place, dg lies over g and du over u.
  const before = numbers.out.map((values, i) => reads(config, i) ? values : values.map(() => NaN));
  const out = inPlace
    ? firstTwice(put("out", [...before.slice(0, 2), ...before.slice(4)]))
    : put("out", before);
  const prepared = { a: put("a", numbers.a), b: put("b", numbers.b), out };
  assertAligned(prepared, config, sizes);
  const result = reference(config, sizes, { ...numbers, before: numbers.out }).map((values) =>
    roundTo(values, dtype)
  );
  return { ...prepared, sizes, expected: bytesWith(out, result) };
}

/** Whole numbers whose sums stay exact: below 2^24 in float32, and below 2^11 over a tile's K in float16. */
function draw(config: Config, sizes: ProductSizes, seed: number): Record<Side, Float32Array[]> {
  const shapes = storedShapes(config.layout, sizes);
  const count = counts(config);
  const max = config.dtype === "float32" ? 3 : 1;
  let stream = seed * 100;
  const side = (name: Side) =>
    Array.from(
      { length: count[name] },
      () => smallIntegers(shapes[name][0] * shapes[name][1], stream++, { max }),
    );
  return { a: side("a"), b: side("b"), out: side("out") };
}

/** Whether an epilogue reads what its `i`-th output held. */
function reads({ epilogue }: Config, i: number): boolean {
  return epilogue === "accumulate" || epilogue.startsWith("gated-backward") && i < 2;
}

/** The first two matrices as the next two outputs too. */
function firstTwice(operands: Operands): Operands {
  const two = operands.views.slice(0, 2);
  return { ...operands, views: [...two, ...operands.views] };
}

/** The placing must give the kernel that the config names, or nothing is tested. */
function assertAligned({ a, b, out }: Record<Side, Operands>, config: Config, sizes: ProductSizes): void {
  const aligned = {
    a: a.views.every(isAligned),
    b: b.views.every(isAligned),
    out: out.views.every(isWriteAligned),
  };
  assertEquals(aligned, config.aligned, `alignment of ${describeConfig(config)}; ${JSON.stringify(sizes)}`);
}
