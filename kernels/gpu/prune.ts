import type { Step } from "./steps.ts";
import type { Tensor } from "./tensor.ts";

/** A plan without what nobody needs. */
export interface Pruned {
  readonly steps: readonly Step[];
  /** All tensors that its launches bind, and those that the caller needs. */
  readonly used: ReadonlySet<Tensor>;
}

/**
 * Leaves out launches that write nothing which a later launch or the caller reads, and tensors that no launch is left for.
 *
 * A launch is not known to write all of a tensor, so earlier launches on a tensor that is needed always stay.
 *
 * @param needed Tensors whose content the caller reads afterwards.
 */
export function pruned(steps: readonly Step[], needed: Iterable<Tensor>): Pruned {
  const used = new Set(needed);
  const kept = new Set<Step>();
  for (const step of steps.toReversed()) {
    if (step === "group" || !("dispatch" in step)) continue;
    const { kernel, bindings } = step.dispatch;
    if (!bindings.some(({ tensor }, i) => kernel.access[i] === "read_write" && used.has(tensor))) continue;
    kept.add(step);
    for (const { tensor } of bindings) used.add(tensor);
  }
  const stays = (step: Exclude<Step, "group">) =>
    "dispatch" in step ? kept.has(step) : used.has("make" in step ? step.make : step.release);
  return { steps: steps.filter((step) => step === "group" || stays(step)), used };
}
