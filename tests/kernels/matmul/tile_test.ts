/** The rules of a tile, without a device. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  checkTile,
  threadsOf,
  type Tile,
  TileError,
  type TileLimits,
  tileName,
  workgroupBytes,
} from "../../../kernels/matmul/tile.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { MINI } from "./structures.ts";

/** WebGPU's own default limits: what any device has. */
const DEFAULTS: TileLimits = {
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
};

/** The limits of the adapters that the tiles were chosen on. */
const LARGE: TileLimits = { maxComputeWorkgroupStorageSize: 32768, maxComputeInvocationsPerWorkgroup: 1024 };

function refused(change: Partial<Tile>, message: string, limits = LARGE): void {
  assertThrows(() => checkTile({ ...MINI, ...change }, limits), TileError, message);
}

Deno.test("every tile of the table passes the limits of the adapters that it was chosen on", () => {
  for (const tile of Object.values(TILES)) checkTile(tile, LARGE, { columns: 2 });
});

Deno.test("the tile of software adapters fits any device", () => {
  checkTile(TILES.software, DEFAULTS, { columns: 2 });
});

Deno.test("threads must have as many blocks of an operand each, or at most one", () => {
  const tall = { ...TILES.wide, tileM: 96, threadM: 12 };
  assertThrows(
    () => checkTile(tall, LARGE),
    TileError,
    "as tileM must give each of 128 threads as many blocks",
  );
});

Deno.test("threads must be as many as a row of words along K, or the text would count in fractions", () => {
  const narrow = { ...MINI, tileK: 16 };
  assertThrows(() => checkTile(narrow, LARGE), TileError, "threads must be at least 16 to load a row");
  checkTile({ ...narrow, tileM: 16, tileN: 16 }, LARGE);
});

Deno.test("sizes must be powers of two, rows of a thread whole vectors", () => {
  refused(
    { tileK: 6 },
    "Cannot build the matmul tile as tileK must be a power of two from 4 up: current value is 6",
  );
  for (const threadM of [2, 6, NaN]) {
    refused(
      { threadM },
      `Cannot build the matmul tile as threadM must be a multiple of 4 from 4 up: current value is ${threadM}`,
    );
  }
  refused(
    { threadN: 0 },
    "Cannot build the matmul tile as threadN must be a power of two from 4 up: current value is 0",
  );
  refused(
    { lanesM: 3 },
    "Cannot build the matmul tile as lanesM must be a power of two from 1 up: current value is 3",
  );
  refused(
    { lanesN: 0.5 },
    "Cannot build the matmul tile as lanesN must be a power of two from 1 up: current value is 0.5",
  );
  refused(
    { tileN: NaN },
    "Cannot build the matmul tile as tileN must be a power of two from 4 up: current value is NaN",
  );
});

Deno.test("a tile must hold whole groups of lanes", () => {
  for (const tileM of [2, 4, 24, NaN]) {
    refused(
      { tileM },
      `Cannot build the matmul tile as tileM must be threadM x lanesM = 8 by a power of two: current value is ${tileM}`,
    );
  }
  refused(
    { lanesN: 4 },
    "Cannot build the matmul tile as tileN must be a multiple of threadN x lanesN = 16: current value is 8",
  );
});

Deno.test("rows of tiles run together in whole numbers", () => {
  for (const group of [0, 1.5, -8]) {
    refused(
      { group },
      `Cannot build the matmul tile as group must be a whole number from 1 up: current value is ${group}`,
    );
  }
});

Deno.test("a thread holds four columns of each column block", () => {
  checkTile(MINI, LARGE);
  assertThrows(
    () => checkTile(MINI, LARGE, { columns: 2 }),
    TileError,
    "Cannot build the matmul tile as threadN must be at least 4 for each of 2 column blocks: current value is 4",
  );
});

Deno.test("a tile has as many threads as its rows have vectors", () => {
  refused(
    { tileN: 64, threadN: 8, tileM: 4, lanesM: 1, lanesN: 8 },
    "Cannot build the matmul tile as threads must be at least 16 to load a row of the tile at once: current value is 8",
  );
});

Deno.test("a tile keeps within the device's threads and workgroup memory, which the device does not check", () => {
  refused(
    { tileM: 64, tileN: 128 },
    "Cannot build the matmul tile as threads must be at most 256 on this device: current value is 512",
    DEFAULTS,
  );
  const deep = { tileM: 64, tileN: 64, tileK: 64 };
  const bytes = workgroupBytes({ ...MINI, ...deep }, "float32");
  refused(
    deep,
    `Cannot build the matmul tile as workgroup bytes must be at most 16384 on this device: current value is ${bytes}`,
    DEFAULTS,
  );
  checkTile({ ...MINI, ...deep }, { ...DEFAULTS, maxComputeWorkgroupStorageSize: bytes });
});

Deno.test("a tile's name tells its sizes, and its lanes where they are not the usual ones", () => {
  assertEquals(tileName(TILES.wide), "64x128x16/8x8a");
  assertEquals(tileName(TILES.square), "128x128x16/8x8a");
  assertEquals(tileName(MINI), "8x8x4/4x4/2x2a");
  assertEquals(threadsOf(MINI), 4);
  const names = Object.values(TILES).map(tileName);
  assertEquals(new Set(names).size, names.length);
});
