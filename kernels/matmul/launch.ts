import type { Capabilities } from "../gpu/capabilities.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { fold } from "../grid.ts";
import type { Storage } from "../storage.ts";
import { type BoundViews, dtypeOf, viewBytes } from "../view.ts";
import type { Epilogue } from "./config.ts";
import type { Sized } from "./request.ts";
import type { TileSize } from "./splits.ts";
import type { LaunchInit } from "./way.ts";

/** What a launch of a product is made of, besides its kernel. */
interface ProductInit extends Pick<LaunchInit, "out" | "splits"> {
  readonly tile: TileSize;
  /** The name of the tile in reports. */
  readonly name: string;
  /** Whether the kernel adds to what the outputs hold: 0 or 1. */
  readonly accumulate: number;
  /** A's, B's and the outputs, bound in this order. */
  readonly bound: BoundViews;
}

/**
 * What the launches of a product have in common, whatever computes them: bindings, the uniforms of `uniformFields`, the
 * workgroups that cover the output, and its work.
 */
export function productLaunch(
  sized: Sized,
  { tile, name, out, splits, accumulate, bound }: ProductInit,
  { maxComputeWorkgroupsPerDimension }: Capabilities,
): Omit<Dispatch, "kernel" | "units"> {
  const { m, n, k, a, b, columns, dtype, product } = sized;
  const inputs = a.length + b.length;
  const tilesM = Math.ceil(m / tile.tileM);
  const tilesN = Math.ceil(n / (tile.tileN / columns));
  return {
    bindings: bound.bindings,
    uniforms: [
      m,
      n,
      k,
      tilesM,
      tilesN,
      splits,
      accumulate,
      Number(dtypeOf(out) !== dtype),
      a[0].stride,
      b[0].stride,
      ...bound.offsets.slice(0, inputs),
      ...out.flatMap((view, i) => [bound.offsets[inputs + i], view.stride]),
    ],
    workgroups: [...fold(tilesM * tilesN, maxComputeWorkgroupsPerDimension), splits],
    flops: 2 * m * n * k * columns,
    bytes: [...a, ...b, ...out].reduce((sum, view) => sum + viewBytes(view), 0),
    tile: name + (splits > 1 ? `, K in ${splits}` : ""),
    product,
  };
}

/** A plain product of 16-bit operands can write 16 bits or float32, which slices of K are, so that one kernel does both. */
export function outputStorage(storage: Storage, { dtype }: Sized, epilogue: Epilogue): Storage {
  const either = epilogue === "store" && dtype !== "float32";
  return either ? { ...storage, dtype, wideIf: "p.wide != 0u" } : storage;
}
