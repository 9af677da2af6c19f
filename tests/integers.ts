import { seededRandom } from "../bench/timing/random.ts";

/**
 * Whole numbers from -max to max, each equally likely: their products and sums are exact in any order, as long as
 * length x max^2 stays below 2^24 in float32 (2^11 in float16).
 */
export function smallIntegers(
  length: number,
  seed: number,
  { max = 4 }: { max?: number } = {},
): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => Math.floor((2 * max + 1) * random()) - max);
}
