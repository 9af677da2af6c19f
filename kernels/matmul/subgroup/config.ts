import { activationKey } from "../../activation.ts";
import type { Storage } from "../../storage.ts";
import { type MatmulConfig, operandCounts, usedActivation } from "../config.ts";
import { componentOf } from "./operands.ts";
import { elementsIn16Bytes, type SubgroupOperands, type SubgroupTile, subgroupTileName } from "./tile.ts";

/** A storage buffer of a product on subgroup matrices. */
export interface SubgroupStorage extends Storage {
  /** Whether it is of 16 bits, only read, and by vectors of eight elements at a multiple of eight. */
  readonly eights?: boolean;
}

/** Everything that decides the WGSL text of one product on subgroup matrices. Sizes are not in it: they are uniforms. */
export interface SubgroupConfig extends Omit<MatmulConfig, "tile" | "arithmetic" | "levels" | "storage"> {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
  /** Whether sums are taken out of the matrices on the way, added up as float32 and kept in outputs. */
  readonly keeps: boolean;
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

/** How a thread holds what it loads at once. */
export type RegisterForm =
  /** Eight elements, as the words of a 16-bit type. */
  | "words"
  /** Eight elements, as two vec4<f16>. */
  | "halves"
  /** Four elements, as one vec4f. */
  | "floats";

/** How a thread holds what it loads at once from a storage buffer. */
export function registerFormOf({ eights, half }: SubgroupStorage): RegisterForm {
  if (eights) return "words";
  return half ? "halves" : "floats";
}

/**
 * Elements of one vector of workgroup memory: as many as a thread stores at once. Neighbouring threads then load
 * neighbouring vectors of 16 bytes. If each loaded two of float32 for one store, a load of a subgroup would leave gaps.
 *
 * Matrices of float32 are loaded from single elements: Metal takes a pointer to nothing else.
 */
export function vectorOf(
  config: Pick<SubgroupConfig, "operands" | "storage" | "slots" | keyof Parameters<typeof operandCounts>[0]>,
): 1 | 4 | 8 {
  if (componentOf(config.operands) === "f32") return 1;
  const { a, b } = operandCounts(config);
  const inputs = config.slots.slice(0, a + b).map((slot) => config.storage[slot]);
  return inputs.some((storage) => registerFormOf(storage) === "floats") ? 4 : 8;
}

/** WGSL of a place in workgroup memory, from one in vectors of 16 bytes. */
export function placeOf(config: SubgroupConfig, vectors: string): string {
  const each = vectorsIn(config, 1);
  return each === 1 ? vectors : `(${vectors}) * ${each}u`;
}

/** Vectors of workgroup memory in a number of 16 bytes each. */
export function vectorsIn(config: SubgroupConfig, count: number): number {
  return count * elementsIn16Bytes(config.operands) / vectorOf(config);
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
    config.keeps,
    config.columns,
    config.gatedA,
    config.epilogue,
    activation === null ? "" : activationKey(activation),
    storage.join(),
    config.slots.join(),
    config.magnitudes,
  ].join("|");
}
