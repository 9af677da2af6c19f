import type { Capabilities } from "../../gpu/capabilities.ts";
import type { TileChoice } from "../choose.ts";
import type { MatmulShape } from "../config.ts";
import type { Sized } from "../request.ts";
import { MULTIPROCESSORS } from "../splits.ts";
import type { Tiling } from "../tiling.ts";
import { subgroupLaunch } from "./launch.ts";
import { matricesOf } from "./operands.ts";
import {
  isUsable,
  subgroupFits,
  type SubgroupOperands,
  type SubgroupTile,
  subgroupTileName,
  type SubgroupUse,
  TILE_ROWS,
} from "./tile.ts";

/** A tile of subgroup matrices, and into how many slices K is split, of all products together. */
export type SubgroupChoice = TileChoice<SubgroupTile>;

/** How subgroup matrices compute a product, as chosen. */
export function subgroupTiling(
  sized: Sized,
  { tile, splits }: SubgroupChoice,
  capabilities: Capabilities,
): Tiling {
  const { operands = null } = sized;
  if (operands === null) {
    throw new RangeError(
      `Cannot compute ${sized.label} on subgroup matrices as the device and the precision must allow them: ` +
        `current value is ${sized.precision} of ${sized.dtype}`,
    );
  }
  const tiling = tilingWith({ tile, operands, splits }, capabilities);
  // Operands of 16 bits are loaded by eights.
  return { ...tiling, alignment: sized.dtype === "float32" ? 4 : 8 };
}

/**
 * The tile and the slices of K by rule, or why multiply-adds compute a product though the device has matrices for it. Those of
 * float32 were never measured against multiply-adds, so only a tuning table chooses them.
 */
export function ruledSubgroupChoice(
  shape: MatmulShape & { readonly operands: SubgroupOperands },
  capabilities: Capabilities,
): SubgroupChoice | string {
  const { operands } = shape;
  if (operands === "float32") {
    return "matrices of float32 are used only where a tuning table names them (deno task tune --webgpu dawn)";
  }
  if (operands === "split" && isSlowSplit(shape, capabilities)) {
    return "multiply-adds are faster than split operands here";
  }
  const tile = subgroupTileOf(capabilities, shape);
  return tile ? { tile, splits: splitsOf(shape, tile) } : "no tile of the device's matrices has room";
}

/** The tiling with a tile of subgroup matrices, on which all rows of a product are computed. */
export function tilingWith(
  { tile, operands, splits }: { tile: SubgroupTile; operands: SubgroupOperands; splits: number },
  capabilities: Capabilities,
): Tiling {
  const launch: Tiling["launch"] = (part, init) =>
    subgroupLaunch(part, { tile, operands, ...init }, capabilities);
  return {
    ...{ tile, splits, launch, launchTail: launch, together: TOGETHER },
    alignment: 4,
    columnsApart: false,
    // The others are in the range of their matrices.
    scaled: operands === "rounded" || operands === "split",
  };
}

/**
 * Rows and columns from which split operands are used. On an H200 they are twice as fast as multiply-adds at 4096 rows, but
 * not where A is gated while it is loaded: its gate is computed again for each tile of B (34 TFLOP/s, multiply-adds 50).
 */
const LEAST_SPLIT = 128;

function isSlowSplit({ m, n, gatedA }: MatmulShape, { software }: Capabilities): boolean {
  return software || gatedA || Math.min(m, n) < LEAST_SPLIT;
}

/** Patches of a workgroup along M and N, the best first; fewer are for smaller devices. */
const PATCHES = [[2, 2], [1, 2], [1, 1]] as const;

/** Matrices of a patch along M and N, the best first. On a CPU little code, which compiles soon, counts more than speed. */
const MATRICES = { gpu: [4, 2, 1], software: [1] } as const;

/**
 * Steps of matrices along K in one step of a tile. Split operands take twice the registers, and so do the g and u of a gated
 * A that are not of 16 bits (99 TFLOP/s with one step, 50 with two, on an H200).
 */
const stepsOf = (
  { operands, gatedA, dtype }: Pick<MatmulShape, "gatedA" | "dtype"> & { operands: SubgroupOperands },
) => operands === "split" || gatedA && dtype === "float32" ? 1 : 2;

/** A tile of `down` x `across` patches. */
function tileOf(
  { M, N, K }: SubgroupTile["matrix"],
  { patchM, patchN, down, across }: { patchM: number; patchN: number; down: number; across: number },
  use: Parameters<typeof stepsOf>[0],
  { subgroupMaxSize }: Capabilities,
): SubgroupTile {
  return {
    tileM: down * patchM,
    tileN: across * patchN,
    tileK: Math.max(16, stepsOf(use) * K),
    patchM,
    patchN,
    matrix: { M, N, K },
    subgroupSize: subgroupMaxSize,
    group: TILE_ROWS,
  };
}

/** The best tile that fits a device: patches of 64 x 64 where matrices are 16 x 16. */
export function subgroupTileOf(
  capabilities: Capabilities,
  use: SubgroupUse & Pick<MatmulShape, "m" | "gatedA" | "dtype">,
): SubgroupTile | null {
  for (const matrix of matricesOf(capabilities)) {
    const { M, N } = matrix;
    for (const count of MATRICES[capabilities.software ? "software" : "gpu"]) {
      const [patchM, patchN] = [count * M, Math.max(use.columns * N, count * N)];
      // One patch has room for few rows.
      for (const [down, across] of PATCHES.filter(([down]) => down === 1 || use.m > patchM)) {
        const tile = tileOf(matrix, { patchM, patchN, down, across }, use, capabilities);
        if (subgroupFits(tile, capabilities, use)) return tile;
      }
    }
  }
  return null;
}

/** Matrices of a patch along M and N that a search tries. On a CPU each kernel compiles for seconds. */
const PATCHES_TO_TRY = { gpu: [[4, 4], [4, 2], [2, 4], [2, 2]], software: [[1, 1]] } as const;

/** Patches of a workgroup along M and N that a search tries. */
const WORKGROUPS_TO_TRY = [[2, 2], [1, 2], [2, 1], [2, 4]] as const;

/** Every tile that a search tries: of all matrices of the device, with room for the product. */
export function subgroupTilesToTry(shape: MatmulShape, capabilities: Capabilities): SubgroupTile[] {
  const { layout, columns, operands = null } = shape;
  if (operands === null) return [];
  const tiles = matricesOf(capabilities).flatMap((matrix) =>
    PATCHES_TO_TRY[capabilities.software ? "software" : "gpu"].flatMap(([rows, cols]) =>
      WORKGROUPS_TO_TRY.map(([down, across]) => {
        const [patchM, patchN] = [rows * matrix.M, Math.max(columns, cols) * matrix.N];
        return tileOf(matrix, { patchM, patchN, down, across }, { ...shape, operands }, capabilities);
      })
    )
  );
  const usable = tiles.filter((tile) => isUsable(tile, capabilities, { layout, columns, operands }));
  return [...new Map(usable.map((tile) => [subgroupTileName(tile), tile])).values()];
}

/** Workgroups that a multiprocessor runs together. */
const TOGETHER = 2;

/** A slice of K is at least this long, so that its sums cost little beside its products. */
const LEAST_SLICE = 512;

/** Slices that fill a large GPU where the tiles alone do not. */
function splitsOf({ m, n, k, columns, products }: MatmulShape, { tileM, tileN }: SubgroupTile): number {
  const tiles = Math.ceil(m / tileM) * Math.ceil(n * columns / tileN);
  const filling = Math.floor(TOGETHER * MULTIPROCESSORS / (tiles * products));
  return products * Math.max(1, Math.min(filling, Math.floor(k / LEAST_SLICE)));
}
