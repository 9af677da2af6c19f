import { alphafold3 } from "./alphafold3.ts";
import { alphafold3Checkpointed } from "./alphafold3_checkpointed.ts";
import { alphafold3Combined } from "./alphafold3_combined.ts";
import { alphafold3Fused } from "./alphafold3_fused.ts";
import { inAnyForm } from "./form.ts";
import { liger } from "./liger.ts";
import { pytorch } from "./pytorch.ts";
import { traced } from "./traced.ts";
import { tuned } from "./tuned.ts";
import { unsloth } from "./unsloth.ts";
import type { Variant } from "./variant.ts";

/** Every variant, from the plainest to this project's own. Adding one is one file and one line. */
export const variants: readonly Variant[] = [
  pytorch,
  alphafold3,
  alphafold3Combined,
  alphafold3Checkpointed,
  alphafold3Fused,
  liger,
  unsloth,
  tuned,
].map(inAnyForm).map(traced);

/** The variant that runs if a caller names none. */
export const DEFAULT_VARIANT: Variant = named(tuned);

/**
 * The variants that are tried, in this order, if the default cannot run. A variant that is not listed runs only if a
 * caller names it, so that a new one changes nothing for other callers.
 */
export const FALLBACKS: readonly Variant[] = [
  unsloth,
  liger,
  alphafold3Fused,
  alphafold3Checkpointed,
  alphafold3Combined,
  alphafold3,
  pytorch,
].map(named);

/** The variant as the registry holds it, with its traces. */
function named({ id }: Variant): Variant {
  return variants.find((variant) => variant.id === id)!;
}
