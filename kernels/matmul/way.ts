import type { Launch } from "../launch.ts";
import type { View } from "../view.ts";
import type { Epilogue } from "./config.ts";
import type { Sized } from "./request.ts";
import type { Tail, TileSize } from "./splits.ts";

/** What a launch computes of a product. */
export interface LaunchInit {
  readonly epilogue: Epilogue;
  /** Where each output's first slice begins. */
  readonly out: readonly View[];
  /** Slices of K. */
  readonly splits: number;
  /** Whether outputs may be written as vectors where they can. Default: true. */
  readonly aligned?: boolean;
}

/** What computes the launches of a product, and how it is divided among them. */
export interface Way {
  readonly tile: TileSize;
  /** Workgroups that a multiprocessor runs together. Default: any number, as they share its rate. */
  readonly together?: number;
  /** Slices of K, of all products together. */
  readonly splits: number;
  /** The last rows, computed apart, in slices of K. Default: none. */
  readonly tail?: Tail;
  /** Whether B of layout nt is copied transposed first. Default: false. */
  readonly transposeB?: boolean;
  /** Elements at a multiple of which rows must begin, or they are copied first if that pays. */
  readonly alignment: 4 | 8;
  /** Whether column blocks that no epilogue combines are computed apart. */
  readonly columnsApart: boolean;
  /** Whether launches scale operands by their largest magnitudes, which are found first. Default: false. */
  readonly scaled?: boolean;
  /** A launch with the request's epilogue, or one that leaves slices of K. */
  launch(sized: Sized, init: LaunchInit): Launch;
  /** A launch that leaves slices of the last rows. */
  launchTail(sized: Sized, init: LaunchInit): Launch;
}
