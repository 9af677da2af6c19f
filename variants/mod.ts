import { alphafold3 } from "./alphafold3.ts";
import { alphafold3Checkpointed } from "./alphafold3_checkpointed.ts";
import { alphafold3Combined } from "./alphafold3_combined.ts";
import { alphafold3Fused } from "./alphafold3_fused.ts";
import { liger } from "./liger.ts";
import { pytorch } from "./pytorch.ts";
import { traced } from "./traced.ts";
import { tuned } from "./tuned.ts";
import { unsloth } from "./unsloth.ts";
import type { Variant } from "./variant.ts";

/** Every way of computing the block, from the plainest to this project's own. Adding one is one file and one line. */
export const variants: readonly Variant[] = [
  pytorch,
  alphafold3,
  alphafold3Combined,
  alphafold3Checkpointed,
  alphafold3Fused,
  liger,
  unsloth,
  tuned,
].map(traced);
