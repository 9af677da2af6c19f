import type { Gpu } from "../../kernels/gpu/device.ts";
import type { MatmulShape } from "../../kernels/matmul/config.ts";
import { ruledChoice } from "../../kernels/matmul/choose.ts";
import { matmul } from "../../kernels/matmul/product_plan.ts";
import { splitsToTry, tailToTry } from "../../kernels/matmul/splits.ts";
import { type TileName, TILES } from "../../kernels/matmul/tiles.ts";
import { subgroupTileName } from "../../kernels/matmul/subgroup/tile.ts";
import { ruledSubgroupChoice, subgroupTilesToTry } from "../../kernels/matmul/subgroup/tiling.ts";
import { productKey, type TunedChoice, type TuningEntry } from "../../kernels/matmul/tuning.ts";
import type { Instruments } from "./instruments.ts";
import { Trial } from "./trial.ts";

/** What tests replace. */
export interface TuneOptions {
  /** Records a product. Default: {@linkcode matmul}. */
  readonly record?: typeof matmul;
}

/**
 * Finds the fastest way to compute one product. It times every tile, with several numbers of slices of K, and with B
 * transposed. A candidate can win only if every element of its output equals that of the rule's choice. Some elements of the
 * latter are compared with sums of integers.
 *
 * @throws {TypeError} If the device has no timestamps.
 * @throws {Error} If the rule's own choice computes wrong elements, or if every candidate fails.
 */
export async function tuneProduct(
  instruments: Instruments,
  shape: MatmulShape,
  { record = matmul }: TuneOptions = {},
): Promise<TuningEntry> {
  using trial = new Trial(instruments, shape, record);
  const ruled = ruledByName(shape, instruments);
  await trial.expect(ruled);
  const times = new Map<TunedChoice, number>();
  const failed: (TunedChoice & { reason: string })[] = [];
  for (const choice of candidates(shape, ruled, instruments)) {
    try {
      times.set(choice, await trial.tflops(choice));
    } catch (error) {
      failed.push({ ...choice, reason: (error as Error).message.slice(0, 200) });
    }
  }
  if (times.size === 0) {
    throw new Error(`Cannot tune ${productKey(shape)} as every candidate failed: ${failed[0]?.reason}`);
  }
  const [[best, tflops]] = [...times].sort(([, a], [, b]) => b - a);
  const asRuled = [...times].find(([choice]) => nameOf(choice) === nameOf(ruled));
  return {
    product: productKey(shape),
    ...best,
    tflops,
    ruled: { ...ruled, tflops: asRuled?.[1] ?? 0 },
    failed,
  };
}

/** A tile for few rows is not tried on more rows of tiles than this. */
const MOST_TILE_ROWS = 8;

/** The tile `flat` is not tried on A^T B with a longer K. Its output then no longer takes most of the time. */
const MOST_FLAT_ROWS = 64;

function ruledByName(shape: MatmulShape, { gpu }: Instruments): TunedChoice {
  const { operands = null } = shape;
  const matrices = operands && ruledSubgroupChoice({ ...shape, operands }, gpu.capabilities);
  if (matrices && typeof matrices !== "string") {
    return { ...matrices, tile: subgroupTileName(matrices.tile), transposeB: false };
  }
  const { tile, ...split } = ruledChoice(shape, gpu.capabilities);
  const name = (Object.keys(TILES) as TileName[]).find((name) => TILES[name] === tile)!;
  return { tile: name, ...split };
}

/** The rule's choice, then every tile for the device: with several numbers of slices, with a tail, with B transposed. */
function candidates(shape: MatmulShape, ruled: TunedChoice, { gpu }: Instruments): TunedChoice[] {
  const software = gpu.capabilities.software;
  // A kernel that spills registers slows later ones of the same device too, so float32 never tries the float16 tile.
  const fits = (name: TileName) => name !== "half" || shape.arithmetic === "float16";
  const reaches = (name: TileName) =>
    name === "flat"
      ? shape.layout === "tn" && shape.k <= MOST_FLAT_ROWS
      : TILES[name].tileM >= 64 || shape.m <= MOST_TILE_ROWS * TILES[name].tileM;
  const names: TileName[] = software
    ? ["software"]
    : (Object.keys(TILES) as TileName[]).filter((name) => name !== "software" && fits(name) && reaches(name));
  const transposes = shape.layout === "nt" ? [false, true] : [false];
  const all = names.flatMap((tile) => {
    const splits = new Set([ruled.splits, ...splitsToTry(shape, TILES[tile])]);
    const tail = tailToTry(shape, TILES[tile]);
    return transposes.flatMap((transposeB) => [
      ...[...splits].map((splits) => ({ tile, splits, transposeB })),
      ...tail ? [{ tile, splits: 1, tail, transposeB }] : [],
    ]);
  });
  return [
    ruled,
    ...[...all, ...onMatrices(shape, ruled, gpu)].filter((choice) => nameOf(choice) !== nameOf(ruled)),
  ];
}

/** Every tile of subgroup matrices that the device has room for: with K whole, and in as many slices as the rule takes. */
function onMatrices(shape: MatmulShape, ruled: TunedChoice, { capabilities }: Gpu): TunedChoice[] {
  const slices = [...new Set([shape.products, ruled.splits])];
  return subgroupTilesToTry(shape, capabilities).flatMap((tile) =>
    slices.map((splits) => ({ tile: subgroupTileName(tile), splits, transposeB: false }))
  );
}

/** A name that differs between any two choices that differ. */
function nameOf({ tile, splits, tail, transposeB = false }: TunedChoice): string {
  return [tile, splits, tail?.tileRows, tail?.splits, transposeB].join();
}
