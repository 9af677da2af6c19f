import type { Capabilities, SubgroupMatrixConfig } from "../../gpu/capabilities.ts";
import type { Sized } from "../request.ts";
import { MULTIPROCESSORS } from "../splits.ts";
import type { Tiling } from "../tiling.ts";
import { subgroupLaunch } from "./launch.ts";
import { subgroupFits, type SubgroupOperands, type SubgroupTile, type SubgroupUse } from "./tile.ts";

/**
 * How subgroup matrices compute a product. Null if the device has none of float16 with float32 sums, or if multiply-adds are
 * asked for or faster.
 */
export function subgroupTiling(sized: Sized, capabilities: Capabilities): Tiling | null {
  const operands = operandsOf(sized, capabilities);
  if (operands === null) return null;
  const tile = subgroupTileOf(capabilities, { ...sized, operands });
  if (tile === null) return null;
  const tiling = tilingWith({ tile, operands, splits: splitsOf(sized, tile) }, capabilities);
  // Operands of 16 bits are loaded by eights.
  return { ...tiling, alignment: sized.dtype === "float32" ? 4 : 8 };
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
    // float16 is in its own range.
    scaled: operands !== "float16",
  };
}

/**
 * What the operands become. Null if float32 multiply-adds compute the product. bfloat16 has 8 significant bits, which float16
 * holds exactly once a scale has brought them into its range.
 */
function operandsOf(sized: Sized, { software }: Capabilities): SubgroupOperands | null {
  const { precision, dtype, m, n, gatedA } = sized;
  if (precision === "highest") return null;
  if (dtype === "float16") return "float16";
  if (dtype === "bfloat16" || precision === "tf32" || precision === "fastest") return "rounded";
  const slow = software || gatedA || Math.min(m, n) < LEAST_SPLIT;
  return precision === "default" && !slow ? "split" : null;
}

/**
 * Rows and columns from which split operands are used. On an H200 they are twice as fast as multiply-adds at 4096 rows, but
 * not where A is gated while it is loaded: its gate is computed again for each tile of B (34 TFLOP/s, multiply-adds 50).
 */
const LEAST_SPLIT = 128;

/** Patches of a workgroup along M and N, the best first; fewer are for smaller devices. */
const PATCHES = [[2, 2], [1, 2], [1, 1]] as const;

/** Matrices of a patch along M and N, the best first. On a CPU little code, which compiles soon, counts more than speed. */
const MATRICES = { gpu: [4, 2, 1], software: [1] } as const;

/**
 * Steps of matrices along K in one step of a tile. Split operands take twice the registers, and so do the g and u of a gated
 * A that are not of 16 bits (99 TFLOP/s with one step, 50 with two, on an H200).
 */
const stepsOf = (
  { operands, gatedA, dtype }: Pick<Sized, "gatedA" | "dtype"> & { operands: SubgroupOperands },
) => operands === "split" || gatedA && dtype === "float32" ? 1 : 2;

/** The best tile that fits a device: patches of 64 x 64 where matrices are 16 x 16. */
export function subgroupTileOf(
  capabilities: Capabilities,
  use: SubgroupUse & Pick<Sized, "m" | "gatedA" | "dtype">,
): SubgroupTile | null {
  for (const { M, N, K } of matricesOf(capabilities)) {
    for (const count of MATRICES[capabilities.software ? "software" : "gpu"]) {
      const [patchM, patchN] = [count * M, Math.max(use.columns * N, count * N)];
      // One patch has room for few rows.
      for (const [down, across] of PATCHES.filter(([down]) => down === 1 || use.m > patchM)) {
        const tile: SubgroupTile = {
          tileM: down * patchM,
          tileN: across * patchN,
          tileK: Math.max(16, stepsOf(use) * K),
          patchM,
          patchN,
          matrix: { M, N, K },
          subgroupSize: capabilities.subgroupMaxSize,
          group: 8,
        };
        if (subgroupFits(tile, capabilities, use)) return tile;
      }
    }
  }
  return null;
}

/** Matrices of float16 with float32 sums, the largest first: they take the fewest instructions. */
export function matricesOf({ subgroupMatrices }: Capabilities): SubgroupMatrixConfig[] {
  return subgroupMatrices
    .filter(({ componentType, resultComponentType }) =>
      componentType === "f16" && resultComponentType === "f32"
    )
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
}

/** Workgroups that a multiprocessor runs together. */
const TOGETHER = 2;

/** A slice of K is at least this long, so that its sums cost little beside its products. */
const LEAST_SLICE = 512;

/** Slices that fill a large GPU where the tiles alone do not. */
function splitsOf({ m, n, k, columns, products }: Sized, { tileM, tileN }: SubgroupTile): number {
  const tiles = Math.ceil(m / tileM) * Math.ceil(n * columns / tileN);
  const filling = Math.floor(TOGETHER * MULTIPROCESSORS / (tiles * products));
  return products * Math.max(1, Math.min(filling, Math.floor(k / LEAST_SLICE)));
}
