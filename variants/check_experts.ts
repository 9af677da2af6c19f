import { kindOf } from "../kernels/gpu/arguments.ts";

/**
 * The number of tokens of each expert, for {@linkcode swigluExperts}.
 *
 * @example Numbers that a program counted
 * ```ts
 * import type { TokensPerExpert } from "@swiglu/webgpu";
 *
 * const counts: TokensPerExpert = new Uint32Array(8);
 * for (const expert of [3, 0, 3]) counts[expert]++;
 * console.log(counts); // of three tokens, one is the first expert's and two are the fourth's
 * ```
 */
export type TokensPerExpert = readonly number[] | Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * Reads the numbers of tokens once.
 *
 * @throws {TypeError} If it is no array of numbers.
 * @throws {RangeError} If it is empty, or one is no whole number.
 */
export function readTokensPerExpert(given: unknown): number[] {
  const refused = (value: unknown) =>
    `Cannot use tokensPerExpert as it must be an array of whole numbers, one for each expert: current value is ${
      kindOf(value)
    }`;
  if (!Array.isArray(given) && !TYPED.some((kind) => given instanceof kind)) {
    throw new TypeError(refused(given));
  }
  const counts = Array.from(given as ArrayLike<unknown>);
  const isCount = (count: unknown) => Number.isSafeInteger(count) && count as number >= 0;
  if (counts.length > 0 && counts.every(isCount)) return counts as number[];
  throw new RangeError(refused(counts.length === 0 ? "none" : counts.find((count) => !isCount(count))));
}

const TYPED = [Uint8Array, Uint16Array, Uint32Array, Int32Array];

/**
 * Checks that experts have all tokens.
 *
 * @throws {RangeError} If they have more or fewer, or the block is to end at h.
 */
export function checkExperts(
  tokensPerExpert: readonly number[],
  { tokens, output = "y" }: { tokens: number; output?: string },
): void {
  const sum = tokensPerExpert.reduce((sum, count) => sum + count, 0);
  if (sum !== tokens) {
    throw new RangeError(
      `Cannot use tokensPerExpert as its numbers must add up to all ${tokens} tokens: current value is ${sum}`,
    );
  }
  if (output === "y") return;
  throw new RangeError(
    `Cannot use output here as the blocks of experts must end at y: current value is ${output}`,
  );
}
