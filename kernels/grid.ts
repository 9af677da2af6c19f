import { LimitError } from "./gpu/limits.ts";

/**
 * Spreads `count` workgroups over x and y, neither above `most`, because one dimension holds only 65,535. Together they
 * are at least `count`, which may be 0.
 *
 * @throws {LimitError} If two dimensions do not hold them.
 */
export function fold(count: number, most: number): [number, number] {
  const y = Math.max(1, Math.ceil(count / most));
  if (y > most) {
    throw new LimitError(
      `Cannot launch as two dimensions hold at most ${
        most ** 2
      } workgroups (maxComputeWorkgroupsPerDimension): ` +
        `current value is ${count}`,
    );
  }
  return [Math.ceil(count / y), y];
}
