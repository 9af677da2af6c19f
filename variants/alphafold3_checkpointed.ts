import { alphafold3 } from "./alphafold3.ts";
import type { Block, Forward, Gradients, Variant } from "./variant.ts";
import { gatedHidden, project } from "./separate.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";

/**
 * AlphaFold3 under activation checkpointing: backward computes g, u and h again from x.
 *
 * Saves nothing.
 * Forward, 4 launches: g, u, h, y.
 * Backward, 10 launches: g, u, h again, then those of `alphafold3`.
 * Bottleneck: 4 TDH more FLOP in backward, a third.
 */
export const alphafold3Checkpointed: Variant = {
  id: "alphafold3-checkpointed",
  origin: "AlphaFold3, activation checkpointing",
  idea: "save nothing, compute g and u again in backward",
  saves: [],
  weightForm: "either",
  refuses: () => null,
  forward: (block) => alphafold3.forward(block, false),
  backward,
};

function backward(block: Block, _saved: Forward["saved"], dy: Tensor): Gradients {
  const { g, u } = project(block, "workspace");
  const h = gatedHidden(block, { g, u }, "workspace");
  return alphafold3.backward(block, { g, u, h }, dy);
}
