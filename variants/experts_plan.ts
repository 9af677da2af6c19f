import { choose, figuresOf, type Plan, plannedRun, type Wanted } from "./block_plan.ts";
import { expertsBackward, expertsForward } from "./experts.ts";
import type { Problem } from "./variant.ts";

/**
 * How the blocks of experts are computed, by recording them with a recorder that only counts.
 *
 * @param wanted What the choice for each expert depends on.
 * @throws {NoImplementationError} If no implementation can run.
 */
export function planExperts(problem: Problem, tokensPerExpert: readonly number[], wanted: Wanted): Plan {
  const { recorder, dy, ...given } = plannedRun(problem, wanted, { experts: tokensPerExpert.length });
  const variantOf = (tokens: number) => choose({ ...problem, tokens }, wanted).variant;
  const run = { problem, tokensPerExpert, variantOf, ...given };
  const ids = tokensPerExpert.map((tokens) => variantOf(tokens).id);
  return {
    implementation: [...new Set(ids)].join(", "),
    chunkTokens: null,
    ...figuresOf(recorder, {
      forward: () => expertsForward(recorder, run, wanted.training),
      backward: (saved) => wanted.training && expertsBackward(recorder, run, { saved, dy }),
    }),
  };
}
