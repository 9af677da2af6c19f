import type { Kernel } from "../gpu/kernel.ts";
import type { Launch } from "../launch.ts";
import { type Storage, storagesOf } from "../storage.ts";
import { indented } from "../text.ts";
import type { TileChoice } from "./choose.ts";
import { configKey, kernelEpilogue, type MatmulConfig, mayAdd } from "./config.ts";
import type { Sized } from "./request.ts";
import { type Tile, tileName } from "./tile.ts";
import { TILES } from "./tiles.ts";
import { type LaunchInit, outputStorage, tiledLaunch, type Tiling } from "./tiling.ts";
import { matmulWgsl } from "./wgsl.ts";

/** Multiply-adds on a chosen tile. */
export function multiplyAddTiling(sized: Sized, choice: TileChoice): Tiling {
  const { tile } = choice;
  // The tail takes the kernel of plain products, which others need as well, so that there is one kernel less to compile.
  // In float32 that is the wide tile in place of the square one. With 16 bits the tail keeps the tile.
  const tailTile: Tile = sized.dtype === "float32" && tile === TILES.square ? TILES.wide : tile;
  return {
    ...choice,
    alignment: 4,
    // Of the flat tile each of two column blocks would get few columns (250 us for twice 11,008 x 4,096 of 16 rows; apart 132).
    columnsApart: tile === TILES.flat,
    launch: (part, init) => tileLaunch(part, { tile, ...init }),
    launchTail: (part, init) => tileLaunch(part, { tile: tailTile, ...init }),
  };
}

/** The launch that computes a product, or slices of its K, with a tile. */
function tileLaunch(
  sized: Sized,
  { tile, ...init }: LaunchInit & { readonly tile: Tile },
): Launch {
  const { layout, columns, gatedA, activation, arithmetic, label } = sized;
  const { out, splits, aligned = true } = init;
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue, { mayAdd: mayAdd(sized) });
  const levels = levelsOf(sized, tile);
  const config = { arithmetic, levels, layout, tile, columns, gatedA, epilogue, activation };
  return {
    ...tiledLaunch(sized, { tile, name: tileName(tile), epilogue, out, splits, accumulate }),
    kernel: (slots) =>
      matmulKernel(
        { ...config, storage: storages(sized, { out, slots, aligned, epilogue }), slots },
        label,
      ),
  };
}

/** How each buffer is declared. */
function storages(
  sized: Sized,
  { out, slots, aligned, epilogue }: Required<Pick<LaunchInit, "out" | "aligned" | "epilogue">> & {
    readonly slots: readonly number[];
  },
): Storage[] {
  const inputs = sized.a.length + sized.b.length;
  const outputs = new Set(slots.slice(inputs));
  for (const slot of slots.slice(0, inputs)) outputs.delete(slot);
  return storagesOf([...sized.a, ...sized.b, ...out], { slots, inputs }).map((storage, slot) => {
    if (outputs.has(slot)) {
      return { ...outputStorage(storage, sized, epilogue), aligned: storage.aligned && aligned };
    }
    return sized.arithmetic === "float16" && storage.access === "read" ? { ...storage, half: true } : storage;
  });
}

/**
 * Levels of the sums: two in "highest". The second level takes registers, which on a GPU are needed to hide latency. On a CPU
 * it costs nothing measurable, so the tile `software` always has two.
 */
function levelsOf({ precision, arithmetic }: Sized, tile: Tile): 1 | 2 {
  const two = precision === "highest" || tile === TILES.software;
  return two && arithmetic === "float32" ? 2 : 1;
}

function matmulKernel(config: MatmulConfig, label: string): Kernel {
  return {
    key: `matmul|${configKey(config)}`,
    label,
    access: config.storage.map((storage) => storage.access),
    wgsl: () => indented(matmulWgsl(config)),
  };
}
