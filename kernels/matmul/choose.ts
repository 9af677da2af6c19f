import type { Capabilities } from "../gpu/device.ts";
import type { DType } from "../gpu/dtype.ts";
import type { Layout } from "./config.ts";
import type { Tile } from "./tile.ts";

/** What a choice of tile depends on. */
export interface MatmulShape {
  readonly layout: Layout;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly products: 1 | 2;
  readonly columns: 1 | 2;
  readonly gatedA: boolean;
  readonly dtype: DType;
}

/** A tile, and into how many slices K is split. */
export interface TileChoice {
  readonly tile: Tile;
  readonly splits: number;
}

/** On a CPU a thread is a loop: little code, which compiles soon, beats many registers. */
const SOFTWARE: Tile = {
  tileM: 16,
  tileN: 32,
  tileK: 8,
  threadM: 4,
  threadN: 8,
  lanesM: 4,
  lanesN: 4,
  group: 8,
  reuse: "b",
};

const LARGE: Tile = {
  tileM: 128,
  tileN: 64,
  tileK: 16,
  threadM: 8,
  threadN: 8,
  lanesM: 4,
  lanesN: 8,
  group: 8,
  reuse: "b",
};

/** The tile for a shape on a device. */
export function chooseTile(_shape: MatmulShape, capabilities: Capabilities): TileChoice {
  return { tile: capabilities.software ? SOFTWARE : LARGE, splits: 1 };
}
