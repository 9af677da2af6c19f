import { type Launch, offsetsAndStrides, offsetsOf, withParameters } from "../launch.ts";
import type { Storage } from "../storage.ts";
import { dtypeOf, type View, viewBytes } from "../view.ts";
import { type Epilogue, usedActivation } from "./config.ts";
import type { Sized } from "./request.ts";
import type { Tail, TileSize } from "./splits.ts";

/**
 * How a product is computed on tiles and divided among launches. There are two kinds: multiply-adds (`multiply_adds.ts`) and
 * subgroup matrices (`subgroup/launch.ts`).
 */
export interface Tiling {
  readonly tile: TileSize;
  /** Workgroups that a multiprocessor runs together. Default: any number, as they share its rate. */
  readonly together?: number;
  /** Slices of K, of all products together. */
  readonly splits: number;
  /** The last rows, computed apart, in slices of K. Default: none. */
  readonly tail?: Tail;
  /** Whether B of layout nt is copied transposed first. Default: false. */
  readonly transposeB?: boolean;
  /** Elements at a multiple of which rows should begin. Others are copied first if that pays. */
  readonly alignment: 4 | 8;
  /** Whether column blocks that no epilogue combines are computed apart. */
  readonly columnsApart: boolean;
  /** Whether launches scale operands by their largest magnitudes, which are found first. Default: false. */
  readonly scaled?: boolean;
  /** A launch with the request's epilogue, or one that leaves slices of K. */
  launch(part: Sized, init: LaunchInit): Launch;
  /** A launch that leaves slices of the last rows. */
  launchTail(part: Sized, init: LaunchInit): Launch;
}

/** What a launch does with the sums of its part of a product. */
export interface LaunchInit {
  readonly epilogue: Epilogue;
  /** The outputs. Of slices of K, where the first slice of each begins. */
  readonly out: readonly View[];
  /** Slices of K. */
  readonly splits: number;
  /** Whether outputs may be written as vectors where they can. Default: true. */
  readonly aligned?: boolean;
}

/** The tile of a launch, and what its kernel is told by uniforms besides sizes and places. */
interface TiledInit extends Pick<LaunchInit, "epilogue" | "out" | "splits"> {
  readonly tile: TileSize;
  /** The name of the tile in reports. */
  readonly name: string;
  /** Whether the kernel adds to what the outputs hold: 0 or 1. */
  readonly accumulate: number;
}

/**
 * What the launches of a product have in common, whatever multiplies: A, B and the outputs, the uniforms of
 * `uniformFields`, the workgroups that cover the output, and its work.
 */
export function tiledLaunch(
  sized: Sized,
  { tile, name, epilogue, out, splits, accumulate }: TiledInit,
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
      ...offsetsAndStrides(out, inputs.length),
    ],
    workgroups: [tilesM * tilesN, null, splits],
    flops: 2 * m * n * k * columns,
    bytes: [...inputs, ...out].reduce((sum, view) => sum + viewBytes(view), 0),
    tile: name + (splits > 1 ? `, K in ${splits}` : ""),
    product,
  };
}

/** A plain product of 16-bit operands can write 16 bits or float32, which slices of K are. So one kernel does both. */
export function outputStorage(storage: Storage, { dtype }: Sized, epilogue: Epilogue): Storage {
  const either = epilogue === "store" && dtype !== "float32";
  return either ? { ...storage, dtype, wideIf: "p.wide != 0u" } : storage;
}
