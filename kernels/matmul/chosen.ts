import type { Capabilities } from "../gpu/capabilities.ts";
import { ruledChoice, type TileChoice, withLeastSlices } from "./choose.ts";
import type { MatmulShape, SubgroupOperands } from "./config.ts";
import { type MatmulRequest, shapeToChooseBy, type Sized } from "./request.ts";
import {
  checkSubgroupTile,
  isSubgroupTile,
  isUsable,
  type SubgroupTile,
  subgroupTileNamed,
} from "./subgroup/tile.ts";
import { ruledSubgroupChoice } from "./subgroup/tiling.ts";
import { checkTile, fits, type Tile } from "./tile.ts";
import { isTileName, TILES } from "./tiles.ts";
import { type TunedChoice, tunedChoice } from "./tuning.ts";

/** A tile of either kind: of multiply-adds or of subgroup matrices. */
export type AnyTile = Tile | SubgroupTile;

/** A choice, with the reason for it. */
export type ReasonedChoice = TileChoice<AnyTile> & { readonly why: string };

/** What the choice of a tile and its reason depend on. */
export type ShapeToChooseFor = MatmulShape & Pick<Sized, "precision" | "component" | "likeRows">;

/**
 * How a product is computed on a device: as the request asks for, or else as chosen. K has as many slices as the result needs.
 *
 * @throws {TileError} If the tile does not fit the product or the device.
 */
export function checkedChoice(
  sized: Sized,
  asked: MatmulRequest["choice"],
  capabilities: Capabilities,
): ReasonedChoice {
  const { why, ...named } = asked
    ? { ...asked, why: "the request names it" }
    : chooseTile(sized, capabilities);
  const choice = withLeastSlices(named, sized, capabilities);
  const { tile } = choice;
  const { operands } = sized;
  if (!isSubgroupTile(tile)) checkTile(tile, capabilities, sized);
  else if (operands !== null) checkSubgroupTile(tile, capabilities, { ...sized, operands });
  return { ...choice, why };
}

/**
 * The tile for a product on a device: as tuned there; else subgroup matrices where the device has them and the precision
 * allows them; else multiply-adds by rule.
 */
export function chooseTile(product: ShapeToChooseFor, capabilities: Capabilities): ReasonedChoice {
  const shape = shapeToChooseBy(product);
  const tuned = tunedTile(shape, capabilities);
  if (tuned) return { ...tuned, why: "a tuning table names it for this product" };
  const { operands = null } = shape;
  const matrices = operands === null
    ? whyNoMatrices(product)
    : ruledSubgroupChoice({ ...shape, operands }, capabilities);
  if (typeof matrices === "string") return { ...ruledChoice(shape, capabilities), why: matrices };
  return { ...matrices, why: `the device has matrices for ${BECOMING[operands!]}` };
}

/** What the operands of a product are on subgroup matrices. */
const BECOMING: Readonly<Record<SubgroupOperands, string>> = {
  float16: "float16 operands",
  rounded: "operands that are scaled, and rounded to 11 significant bits",
  split: "operands that are split in two float16",
  float32: "float32 operands",
};

function whyNoMatrices({ precision, dtype, component }: ShapeToChooseFor): string {
  return component === null
    ? "the device has no matrices of float16 or float32 with float32 sums"
    : `precision ${precision} takes ${dtype} to multiply-adds`;
}

/** The tuned choice, or null: a device may be asked for with less than its adapter had when it was tuned. */
function tunedTile(shape: MatmulShape, capabilities: Capabilities): TileChoice<AnyTile> | null {
  const { layout, columns, arithmetic, operands = null } = shape;
  // A table of a WebGPU without matrices is right where matrices of float32 are not in it.
  const tuned = tunedChoice(shape, capabilities.name) ??
    (operands === "float32" ? tunedChoice({ ...shape, operands: null }, capabilities.name) : null);
  if (!tuned) return null;
  const { tile } = choiceNamed(tuned, capabilities);
  const usable = isSubgroupTile(tile)
    ? operands !== null && isUsable(tile, capabilities, { layout, columns, operands })
    : fits(tile, capabilities, arithmetic);
  return usable ? { ...tuned, tile } : null;
}

/**
 * A choice with the tile that its name in a tuning table stands for on a device.
 *
 * @throws {RangeError} If no tile has the name, which no table can say.
 */
export function choiceNamed(choice: TunedChoice, capabilities: Capabilities): TileChoice<AnyTile> {
  const { tile: name } = choice;
  const tile = isTileName(name) ? TILES[name] : subgroupTileNamed(name, capabilities);
  if (tile === null) {
    throw new RangeError(`Cannot take a tile as its name must be one: current value is ${name}`);
  }
  return { ...choice, tile };
}
