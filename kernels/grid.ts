import { LimitError } from "./gpu/limits.ts";

/**
 * Workgroups along x and y that are at least `count` together, neither above `most`: one dimension holds 65,535.
 *
 * @throws {LimitError} If two dimensions do not hold them.
 */
export function fold(count: number, most: number): [number, number] {
  const y = Math.ceil(count / most);
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
