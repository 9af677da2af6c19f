import { type Launch, offsetsOf, placesOf, withParameters } from "../launch.ts";
import type { Storage } from "../storage.ts";
import { dtypeOf, viewBytes } from "../view.ts";
import { type Epilogue, usedActivation } from "./config.ts";
import type { Sized } from "./request.ts";
import type { TileSize } from "./splits.ts";
import type { LaunchInit } from "./way.ts";

/** What a launch of a product is made of, besides its kernel. */
interface ProductInit extends Pick<LaunchInit, "epilogue" | "out" | "splits"> {
  readonly tile: TileSize;
  /** The name of the tile in reports. */
  readonly name: string;
  /** Whether the kernel adds to what the outputs hold: 0 or 1. */
  readonly accumulate: number;
}

/**
 * What the launches of a product have in common, whatever computes them: A, B and the outputs, the uniforms of
 * `uniformFields`, the workgroups that cover the output, and its work.
 */
export function productLaunch(
  sized: Sized,
  { tile, name, epilogue, out, splits, accumulate }: ProductInit,
): Omit<Launch, "kernel" | "units"> {
  const { m, n, k, a, b, columns, dtype, product } = sized;
  const inputs = [...a, ...b];
  const tilesM = Math.ceil(m / tile.tileM);
  const tilesN = Math.ceil(n / (tile.tileN / columns));
  return {
    ...withParameters(usedActivation({ ...sized, epilogue })),
    views: [...inputs, ...out],
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
      ...offsetsOf(inputs),
      ...placesOf(out, inputs.length),
    ],
    workgroups: [tilesM * tilesN, null, splits],
    flops: 2 * m * n * k * columns,
    bytes: [...inputs, ...out].reduce((sum, view) => sum + viewBytes(view), 0),
    tile: name + (splits > 1 ? `, K in ${splits}` : ""),
    product,
  };
}

/** A plain product of 16-bit operands can write 16 bits or float32, which slices of K are, so that one kernel does both. */
export function outputStorage(storage: Storage, { dtype }: Sized, epilogue: Epilogue): Storage {
  const either = epilogue === "store" && dtype !== "float32";
  return either ? { ...storage, dtype, wideIf: "p.wide != 0u" } : storage;
}
