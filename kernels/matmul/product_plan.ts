/**
 * How one matrix product is computed, as data. A request becomes steps: which operands are copied, which tiles multiply them,
 * which slices of K there are, which launches run together, and the workspaces for all that. A plan needs no device, only what
 * one is capable of.
 *
 * The last thing that {@linkcode planProduct} does is to bind every launch to buffers and a kernel (`kernels/launch.ts`).
 * {@linkcode matmul} hands the steps to `record` (`kernels/gpu/steps.ts`), which turns them into work.
 *
 * Words of this folder:
 *
 * - **product**: C = A B (nn), A B^T (nt) or A^T B (tn). C is m x n, and K is the length of its sums. A request may ask for
 *   the sum of two products.
 * - **request**, **sized**: what a variant asks for, and the same with defaults and sizes filled in (`request.ts`). Matrices
 *   that it sees transposed are told by the layout from then on (`stored.ts`).
 * - **transposed**: a view that products take for the transpose of its rows, such as a weight [out, in]. It changes the layout, and
 *   nothing is copied (`stored.ts`).
 * - **column blocks**: two matrices B, gate and up, that share A. Each has outputs of its own.
 * - **part**: a smaller request that one launch can compute: some rows, one column block, or one of two products
 *   (`parts.ts`).
 * - **step**: one entry of a plan: make a workspace, launch, release it (`kernels/gpu/steps.ts`). A **step along K** is another
 *   thing: what a tile takes of K at a time.
 * - **tile**: the part of C that one workgroup computes, tileM x tileN, walked along K in steps of tileK (`tile.ts`).
 * - **tiling**: a tile, what multiplies on it, and how the product is divided among launches (`tiling.ts`). Either
 *   threads multiply (`multiply_adds.ts`), or tensor cores, which WGSL calls subgroup matrices (`subgroup/`).
 * - **choice**: the tile and the division of multiply-adds, from a tuning table or by rule (`chosen.ts`, `choose.ts`).
 * - **split-K**: several workgroups share the K of one tile. Each leaves its **slice** of the sums in a workspace, and a
 *   last launch adds the slices in order (`slices.ts`, `reduce.ts`).
 * - **tail**: the last rows of tiles, whose K is split so that no multiprocessor is idle at the end (`splits.ts`).
 * - **epilogue**: what happens to the finished sums of a tile before they are stored (`epilogue.ts`).
 * - **stream**: kernels for a few rows of A, limited by how fast B comes from memory (`stream_launch.ts`, `stream.ts`).
 * - **aligned**: rows that begin at multiples of four elements, so that one load takes four. Others may be copied first
 *   (`copies.ts`).
 *
 * @module
 */

import type { Capabilities } from "../gpu/capabilities.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { record, type Step } from "../gpu/steps.ts";
import { boundSteps, type PlannedStep } from "../launch.ts";
import { range } from "../text.ts";
import { isWriteAligned } from "../view.ts";
import { checkedChoice } from "./chosen.ts";
import { copied, copyOfA, copyOfB } from "./copies.ts";
import { multiplyAddTiling } from "./multiply_adds.ts";
import { addsInPlace, columnsApart, operandsOf, productsApart, rowsApart } from "./parts.ts";
import { type MatmulRequest, type Sized, withSizes } from "./request.ts";
import { slicesOf } from "./slices.ts";
import { asStored } from "./stored.ts";
import { rowsAtOnce, rowsBefore } from "./splits.ts";
import { strassenSteps, usesStrassen } from "./strassen.ts";
import { streams, streamSteps } from "./stream_launch.ts";
import { magnitudesOf } from "./subgroup/magnitude.ts";
import { isSubgroupTile } from "./subgroup/tile.ts";
import { subgroupTiling } from "./subgroup/tiling.ts";
import type { Tiling } from "./tiling.ts";

/**
 * Records one matrix product as it is planned.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what the request's choice asks for.
 * @throws {TileError} If a tile does not fit the product or the device.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  const steps = planProduct(request, recorder.capabilities);
  record(recorder, steps);
}

/**
 * Plans one matrix product for a device.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what the request's choice asks for.
 * @throws {TileError} If a tile does not fit the product or the device.
 */
export function planProduct(request: MatmulRequest, capabilities: Capabilities): Step[] {
  const steps = asStored(request).flatMap((stored) => {
    const sized = withSizes(stored, capabilities);
    return productSteps(sized, stored.choice, capabilities);
  });
  return boundSteps(steps, capabilities);
}

/** Chooses among Strassen's method, streaming B, and tiles. */
function productSteps(
  sized: Sized,
  choice: MatmulRequest["choice"],
  capabilities: Capabilities,
): PlannedStep[] {
  const onTiles = (product: Sized) => {
    const tiling = tilingOf(product, choice, capabilities);
    return tiledSteps(product, tiling, capabilities);
  };
  if (usesStrassen(sized, choice)) {
    return strassenSteps(sized).flatMap((step) => "product" in step ? onTiles(step.product) : [step]);
  }
  if (!choice && streams(sized, capabilities)) return streamSteps(sized, capabilities);
  return onTiles(sized);
}

/** Subgroup matrices or multiply-adds, as the request asks for, or else a tuning table or the rule. Launches tell why. */
function tilingOf(sized: Sized, asked: MatmulRequest["choice"], capabilities: Capabilities): Tiling {
  const { why, ...choice } = checkedChoice(sized, asked, capabilities);
  const { tile } = choice;
  const tiling = isSubgroupTile(tile)
    ? subgroupTiling(sized, { ...choice, tile }, capabilities)
    : multiplyAddTiling(sized, { ...choice, tile });
  return {
    ...tiling,
    launch: (part, init) => ({ ...tiling.launch(part, init), why }),
    launchTail: (part, init) => ({ ...tiling.launchTail(part, init), why }),
  };
}

/** Copies operands where that makes the product faster, and multiplies them. */
export function tiledSteps(sized: Sized, tiling: Tiling, capabilities: Capabilities): PlannedStep[] {
  const { transposeB = false, alignment } = tiling;
  const kindOfA = (product: Sized) => copyOfA(product, { alignment }, capabilities);
  const kindOfB = (product: Sized) => copyOfB(product, { transposeB, alignment }, capabilities);
  // With copies, two products are multiplied one after the other where they can be, so that fewer copies live at once.
  const apart = (kindOfB(sized) ?? kindOfA(sized)) !== null && addsInPlace(sized);
  return (apart ? productsApart(sized) : [sized]).flatMap((product) => {
    const a = copied(product, { side: "a", kind: kindOfA(product), alignment });
    const parts = kindOfB(a.sized) === null ? [a.sized] : columnsApart(a.sized);
    const steps = parts.flatMap((part) => {
      const b = copied(part, { side: "b", kind: kindOfB(part), alignment });
      return [...b.before, ...scaledSteps(b.sized, tiling), ...b.after];
    });
    return [...a.before, ...steps, ...a.after];
  });
}

/** Finds what operands are scaled by, if they are, and multiplies them. */
function scaledSteps(sized: Sized, tiling: Tiling): PlannedStep[] {
  if (!tiling.scaled) return multiplySteps(sized, tiling);
  const { before, tensors, after } = magnitudesOf(sized);
  return [...before, ...multiplySteps({ ...sized, magnitudes: tensors }, tiling), ...after];
}

/**
 * Multiplies operands that are ready.
 *
 * Two products are two launches of one kernel: the second reads the sums of the first again, and adds to them. A kernel that
 * adds up both would have two loops. It would take twice as long to compile and keep less in registers (15.2 ms on an H200;
 * two launches take 15.0).
 */
function multiplySteps(sized: Sized, tiling: Tiling): PlannedStep[] {
  if (tiling.splits > 1 || !addsInPlace(sized)) return splitSteps(sized, tiling);
  const blocks = tiling.columnsApart ? columnsApart(sized) : [sized];
  return blocks.flatMap(productsApart).flatMap((product) => unsplitSteps(product, tiling));
}

/** One launch, which computes all of K. If there is a tail, the last rows are left to it. */
function unsplitSteps(product: Sized, tiling: Tiling): PlannedStep[] {
  const { tail, tile } = tiling;
  const [rows, lastRows] = tail ? rowsApart(product, rowsBefore(tail, tile, product.m)) : [product];
  const { epilogue, out } = rows;
  const whole = { launch: tiling.launch(rows, { epilogue, out, splits: 1 }) };
  if (!lastRows) return [whole];
  const labelled = { ...lastRows, label: `${lastRows.label}: last rows` };
  // The tail writes nothing that the other rows use, so both run together.
  return ["group", whole, ...tailSteps(labelled, tail!.splits, tiling)];
}

/** Splits K of the last rows, so that many workgroups share them. */
function tailSteps(lastRows: Sized, splits: number, tiling: Tiling): PlannedStep[] {
  const aligned = lastRows.out.every(isWriteAligned);
  const slices = slicesOf(lastRows, { splits });
  const blocks = columnsApart({ ...lastRows, epilogue: "store", out: slices.partials.flat() });
  const launches = blocks.map((block) => ({
    launch: tiling.launchTail(block, { epilogue: "store", out: block.out, splits, aligned }),
  }));
  return [...slices.before, ...launches, ...slices.after];
}

/**
 * Splits K of all products into slices, and adds these in order. Two products that cannot be added up in the output get at
 * least one slice each.
 *
 * Such products, and all in "highest", have slices however many bytes these take. So they are computed in as many rows at a
 * time as there is room for slices.
 */
function splitSteps(sized: Sized, tiling: Tiling): PlannedStep[] {
  const { products, m } = sized;
  const splits = Math.ceil(tiling.splits / products);
  const bounded = !addsInPlace(sized) || sized.precision === "highest";
  const room = bounded
    ? rowsAtOnce(sized, tiling.tile, { slices: splits * products, together: tiling.together })
    : m;
  const [rows, rest] = rowsApart(sized, room);
  const slices = slicesOf(rows, { splits, launches: products });
  const launches = range(products).map((i): PlannedStep => {
    const product = { ...rows, ...operandsOf(rows, i), products: 1 } as const;
    const out = slices.partials.map((block) => block[i]);
    return { launch: tiling.launch(product, { epilogue: "store", out, splits }) };
  });
  return [
    ...slices.before,
    // Two products write slices of their own, so both run together.
    ...launches.length > 1 ? ["group" as const] : [],
    ...launches,
    ...slices.after,
    ...rest ? splitSteps(rest, tiling) : [],
  ];
}
