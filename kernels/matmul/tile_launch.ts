import type { Kernel } from "../gpu/kernel.ts";
import type { Launch } from "../launch.ts";
import { type Storage, storagesOf } from "../storage.ts";
import { indented } from "../text.ts";
import { configKey, type MatmulConfig, mayAdd } from "./config.ts";
import { outputStorage, productLaunch } from "./launch.ts";
import type { Sized } from "./request.ts";
import { kernelEpilogue } from "./slices.ts";
import { type Tile, tileName } from "./tile.ts";
import { TILES } from "./tiles.ts";
import type { LaunchInit } from "./way.ts";
import { matmulWgsl } from "./wgsl.ts";

/** The launch that computes a product, or slices of its K, with a tile. */
export function tileLaunch(
  sized: Sized,
  { tile, ...init }: LaunchInit & { readonly tile: Tile },
): Launch {
  const { layout, columns, gatedA, activation, arithmetic, label } = sized;
  const { out, splits, aligned = true } = init;
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue, { mayAdd: mayAdd(sized) });
  const levels = levelsOf(sized, tile);
  const config = { arithmetic, levels, layout, tile, columns, gatedA, epilogue, activation };
  return {
    ...productLaunch(sized, { tile, name: tileName(tile), epilogue, out, splits, accumulate }),
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
 * In "highest" sums have two levels. The tile `software` always has two, as the second one costs nothing measurable on a CPU.
 * On a GPU it takes registers that hide latency.
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
