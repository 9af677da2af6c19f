/** Matrix products in the layouts that forward and backward need, with prologues and epilogues. */
export * from "./launch.ts";
export type { Layout } from "./config.ts";
export type { Tile } from "./tile.ts";
