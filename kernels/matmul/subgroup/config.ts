import { activationKey } from "../../activation.ts";
import type { Storage } from "../../storage.ts";
import { type MatmulConfig, usedActivation } from "../config.ts";
import { type SubgroupOperands, type SubgroupTile, subgroupTileName } from "./tile.ts";

/** A storage buffer of a product on subgroup matrices. */
export interface SubgroupStorage extends Storage {
  /** Whether it is of 16 bits, only read, and by vectors of eight elements at a multiple of eight. */
  readonly eights?: boolean;
}

/** Everything that decides the WGSL text of one product on subgroup matrices. Sizes are not in it: they are uniforms. */
export interface SubgroupConfig extends Omit<MatmulConfig, "tile" | "arithmetic" | "levels" | "storage"> {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
  /** The storage buffers, in binding order. */
  readonly storage: readonly SubgroupStorage[];
  /**
   * The storage buffer of the largest magnitudes of A and of each B, one after the other, by which they are scaled into float16's range;
   * null where they are in it.
   */
  readonly magnitudes: number | null;
  /** Whether the device may run subgroups smaller than the tile's, of which the last have no patch then. */
  readonly varying: boolean;
}

/** A key that two configs share only when their WGSL is the same. */
export function subgroupKey(config: SubgroupConfig): string {
  const activation = usedActivation(config);
  const storage = config.storage.map((s) =>
    `${s.dtype}${s.access === "read" ? "r" : "w"}${s.eights ? "8" : s.aligned ? "4" : "1"}` +
    `${s.half ? "h" : ""}${s.wideIf ? "e" : ""}`
  );
  return [
    config.layout,
    subgroupTileName(config.tile),
    config.tile.subgroupSize,
    config.varying,
    config.tile.group,
    config.operands,
    config.columns,
    config.gatedA,
    config.epilogue,
    activation === null ? "" : activationKey(activation),
    storage.join(),
    config.slots.join(),
    config.magnitudes,
  ].join("|");
}
