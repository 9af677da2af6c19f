/**
 * How one matrix product is computed, as data: which operands are copied, which tile, which slices of K, which launches run
 * together, and the workspaces on the way. Nothing here touches a device. `record` (kernels/gpu/steps.ts) turns the plan
 * into work, and a plan that is only counted is the same plan.
 *
 * Words of this folder:
 *
 * - **product**: C = A B (nn), A B^T (nt) or A^T B (tn). C is m x n, and K is the length of its sums.
 * - **column blocks**: two matrices B, gate and up, that share A. Each has outputs of its own.
 * - **tile**: the part of C that one workgroup computes, tileM x tileN, walked along K in steps of tileK (`tile.ts`).
 * - **epilogue**: what happens to the finished sums of a tile before they are stored (`epilogue.ts`).
 * - **split-K**: several workgroups share the K of one tile. Each leaves its **slice** of the sums in a workspace, and a
 *   last launch adds the slices in order (`slices.ts`, `reduce.ts`).
 * - **tail**: the last rows of tiles, whose K is split so that no multiprocessor is idle at the end (`splits.ts`).
 * - **choice**: tile, slices, tail, and whether B is transposed first: from a tuning table, or by rule (`choose.ts`).
 * - **stream**: kernels for a few rows of A, limited by how fast B comes from memory (`stream_kernel.ts`, `stream.ts`).
 * - **aligned**: rows that begin at multiples of four elements, so that one load takes four. Others may be copied first
 *   (`copies.ts`).
 * - **request**, **sized**: what a variant asks for, and the same with defaults and sizes filled in (`request.ts`).
 *
 * @module
 */

import type { Capabilities } from "../gpu/capabilities.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { record, type Step } from "../gpu/steps.ts";
import { boundSteps, type PlannedStep } from "../launch.ts";
import { range } from "../text.ts";
import { isWriteAligned } from "../view.ts";
import { chooseTile, type TileChoice, withLeastSlices } from "./choose.ts";
import { copied, copyOfA, copyOfB } from "./copies.ts";
import { addsInPlace, columnsApart, operandsOf, productsApart, rowsApart } from "./parts.ts";
import { type MatmulRequest, shapeToChooseBy, type Sized, withSizes } from "./request.ts";
import { streams, streamSteps } from "./stream_launch.ts";
import { slicesOf } from "./slices.ts";
import { asStored } from "./stored.ts";
import { rowsAtOnce, rowsBefore } from "./splits.ts";
import { strassenSteps, usesStrassen } from "./strassen.ts";
import { checkTile, type Tile } from "./tile.ts";
import { magnitudesOf } from "./subgroup/magnitude.ts";
import { subgroupWay } from "./subgroup/way.ts";
import { tileLaunch } from "./tile_launch.ts";
import type { Way } from "./way.ts";
import { TILES } from "./tiles.ts";

/**
 * Records one matrix product as it is planned.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what the request's choice asks for.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  record(recorder, planProduct(request, recorder.capabilities));
}

/**
 * Plans one matrix product for a device.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what the request's choice asks for.
 */
export function planProduct(request: MatmulRequest, capabilities: Capabilities): Step[] {
  return asStored(request).flatMap((stored) => {
    const sized = withSizes(stored, capabilities);
    return boundSteps(plannedSteps(sized, stored.choice, capabilities), capabilities);
  });
}

function plannedSteps(
  sized: Sized,
  choice: TileChoice | undefined,
  capabilities: Capabilities,
): PlannedStep[] {
  if (usesStrassen(sized, choice)) {
    return strassenSteps(sized).flatMap((step) =>
      "product" in step ? tiledSteps(step.product, choice, capabilities) : [step]
    );
  }
  if (!choice && streams(sized, capabilities)) return streamSteps(sized, capabilities);
  return tiledSteps(sized, choice, capabilities);
}

/** On subgroup matrices if the device has them and the precision allows them, else on tiles of multiply-adds. */
function tiledSteps(sized: Sized, chosen: TileChoice | undefined, capabilities: Capabilities): PlannedStep[] {
  const matrices = chosen ? null : subgroupWay(sized, capabilities);
  return waySteps(sized, matrices ?? multiplyAddWay(sized, chosen, capabilities), capabilities);
}

/** Multiply-adds on tiles, as chosen by the request, a tuning table, or the rule. */
function multiplyAddWay(sized: Sized, chosen: TileChoice | undefined, capabilities: Capabilities): Way {
  const choice = withLeastSlices(
    chosen ?? chooseTile(shapeToChooseBy(sized), capabilities),
    sized,
    capabilities,
  );
  const { tile } = choice;
  checkTile(tile, capabilities, sized);
  // The tail uses the kernel of plain products, which others need as well, so that there is one kernel less to compile.
  // In float32 that is the wide tile in place of the square one. With 16 bits the tail keeps the tile.
  const shared: Tile = sized.dtype === "float32" && tile === TILES.square ? TILES.wide : tile;
  return {
    ...choice,
    alignment: 4,
    // Each of two column blocks would get few columns of this tile (250 us for twice 11,008 x 4,096 of 16 rows; apart 132).
    columnsApart: tile === TILES.flat,
    launch: (part, init) => tileLaunch(part, { tile, ...init }),
    launchTail: (part, init) => tileLaunch(part, { tile: shared, ...init }),
  };
}

/** Copies operands where that makes the product faster, and multiplies them. */
export function waySteps(sized: Sized, way: Way, capabilities: Capabilities): PlannedStep[] {
  const { transposeB = false, alignment } = way;
  const kindOfA = (part: Sized) => copyOfA(part, { alignment }, capabilities);
  const kindOfB = (part: Sized) => copyOfB(part, { transposeB, alignment }, capabilities);
  // Products are multiplied one after the other where they can be, so that fewer copies live at once.
  const apart = (kindOfB(sized) ?? kindOfA(sized)) !== null && addsInPlace(sized);
  return (apart ? productsApart(sized) : [sized]).flatMap((product) => {
    const a = copied(product, { side: "a", kind: kindOfA(product), alignment });
    const parts = kindOfB(a.sized) === null ? [a.sized] : columnsApart(a.sized);
    const steps = parts.flatMap((part) => {
      const b = copied(part, { side: "b", kind: kindOfB(part), alignment });
      return [...b.before, ...scaledSteps(b.sized, way), ...b.after];
    });
    return [...a.before, ...steps, ...a.after];
  });
}

/** Finds what operands are scaled by, where that is needed, and multiplies them. */
function scaledSteps(sized: Sized, way: Way): PlannedStep[] {
  if (!way.scaled) return multiplySteps(sized, way);
  const { before, tensors, after } = magnitudesOf(sized);
  return [...before, ...multiplySteps({ ...sized, magnitudes: tensors }, way), ...after];
}

/**
 * Multiplies operands that are ready.
 *
 * Two products are two launches of one kernel. A kernel that adds up both would have two loops, take twice as long to
 * compile and keep less in registers (15.2 against 15.0 ms on an H200, the sums read again included).
 */
function multiplySteps(sized: Sized, way: Way): PlannedStep[] {
  const { splits, tail, tile } = way;
  if (splits > 1 || !addsInPlace(sized)) return splitSteps(sized, way);
  const parts = way.columnsApart ? columnsApart(sized) : [sized];
  return parts.flatMap(productsApart).flatMap((part): PlannedStep[] => {
    const [first, last] = tail ? rowsApart(part, rowsBefore(tail, tile, part.m)) : [part];
    const { epilogue, out } = first;
    const whole = { launch: way.launch(first, { epilogue, out, splits: 1 }) };
    if (!last) return [whole];
    // The tail writes nothing that the other rows use, so that both run together.
    const rows = { ...last, label: `${last.label}: last rows` };
    return ["group", whole, ...tailSteps(rows, { ...way, splits: tail!.splits })];
  });
}

/**
 * Splits K of all products into slices, and adds these in order. Products that cannot be added up in the output get at
 * least one slice each. Those, and products in "highest", are computed in as many rows at a time as the slices have room for.
 */
function splitSteps(sized: Sized, way: Way): PlannedStep[] {
  const { products, m } = sized;
  const splits = Math.ceil(way.splits / products);
  const bounded = !addsInPlace(sized) || sized.precision === "highest";
  const rows = bounded
    ? rowsAtOnce(sized, way.tile, { slices: splits * products, together: way.together })
    : m;
  const [first, rest] = rowsApart(sized, rows);
  const slices = slicesOf(first, { splits, parts: products });
  const launches = range(products).map((product) => {
    const part = { ...first, ...operandsOf(first, product), products: 1 } as const;
    const out = slices.partials.map((parts) => parts[product]);
    return { launch: way.launch(part, { epilogue: "store", out, splits }) };
  });
  return [
    ...slices.before,
    ...together(launches),
    ...slices.after,
    ...rest ? splitSteps(rest, way) : [],
  ];
}

/** Launches that share nothing which is written. */
function together(launches: readonly PlannedStep[]): PlannedStep[] {
  return launches.length > 1 ? ["group", ...launches] : [...launches];
}

/** Splits K of the last rows. */
function tailSteps(sized: Sized, way: Way): PlannedStep[] {
  const { splits } = way;
  const aligned = sized.out.every(isWriteAligned);
  const slices = slicesOf(sized, { splits });
  const parts = columnsApart({ ...sized, epilogue: "store", out: slices.partials.flat() });
  const launches = parts.map((part) => ({
    launch: way.launchTail(part, { epilogue: "store", out: part.out, splits, aligned }),
  }));
  return [...slices.before, ...launches, ...slices.after];
}
