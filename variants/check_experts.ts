import { kindOf } from "../kernels/gpu/arguments.ts";

/**
 * Reads the numbers of tokens once.
 *
 * @throws {TypeError} If it is no array.
 * @throws {RangeError} If it is empty, or one is no whole number.
 */
export function readTokensPerExpert(given: unknown): number[] {
  const refused = (value: unknown) =>
    `Cannot use tokensPerExpert as it must be an array of whole numbers, one for each expert: current value is ${
      kindOf(value)
    }`;
  if (!Array.isArray(given) && !(ArrayBuffer.isView(given) && "length" in given)) {
    throw new TypeError(refused(given));
  }
  const counts = Array.from(given as ArrayLike<unknown>);
  const isCount = (count: unknown) => Number.isSafeInteger(count) && count as number >= 0;
  if (counts.length > 0 && counts.every(isCount)) return counts as number[];
  throw new RangeError(refused(counts.length === 0 ? "none" : counts.find((count) => !isCount(count))));
}

/**
 * Checks that experts have all tokens, and that nothing is asked of them that only a block of one kind of weights can do.
 *
 * @throws {RangeError} If not.
 */
export function checkExperts(
  tokensPerExpert: readonly number[],
  { tokens, output = "y", memoryBudget }: { tokens: number; output?: string; memoryBudget: number | null },
): void {
  const sum = tokensPerExpert.reduce((sum, count) => sum + count, 0);
  if (sum !== tokens) {
    throw new RangeError(
      `Cannot use tokensPerExpert as its numbers must add up to all ${tokens} tokens: current value is ${sum}`,
    );
  }
  if (output !== "y") {
    throw new RangeError(
      `Cannot use output here as the blocks of experts must end at y: current value is ${output}`,
    );
  }
  if (memoryBudget !== null) {
    throw new RangeError(
      `Cannot use memoryBudget here as the blocks of experts have none: current value is ${memoryBudget}`,
    );
  }
}
