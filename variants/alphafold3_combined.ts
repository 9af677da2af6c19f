import type { Tensor } from "../kernels/gpu/tensor.ts";
import { combinedGradients, gateCombined, gatedBackwardCombined, projectCombined } from "./combined.ts";
import { downGradient, hiddenGradient, projectDown } from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * AlphaFold3's memory-optimized form: gate and up as one [D, 2, H] weight, so that one product computes both
 * projections, one dx and one their gradient.
 *
 * Saves gu (2 TH) as one buffer, and h (TH).
 * Forward, 3 launches: gu, h, y.
 * Backward, 5 launches: dDown, dh, dgu, dx, dGateUp.
 * Bottleneck: the products, which read x and write dx once instead of twice.
 */
export const alphafold3Combined: Variant = {
  id: "alphafold3-combined",
  origin: "AlphaFold3, memory-optimized",
  idea: "one product over the combined [D, 2, H] weight, one for dx, one for its gradient",
  saves: ["gu", "h"],
  weightForm: "combined",
  refuses: () => null,
  forward,
  backward,
};

function forward(block: Block, training: boolean): Forward {
  const purpose = training ? "saved" : "workspace";
  const gu = projectCombined(block, purpose);
  const h = gateCombined(block, gu, purpose);
  if (!training) release(gu);
  const y = projectDown(block, h);
  if (training) return { y, saved: { gu, h } };
  release(h);
  return { y, saved: {} };
}

function backward(block: Block, { gu, h }: Forward["saved"], dy: Tensor): Gradients {
  const dDown = downGradient(block, h, dy);
  release(h);
  const dh = hiddenGradient(block, dy);
  const dgu = gatedBackwardCombined(block, { dh, gu });
  const rest = combinedGradients(block, dgu);
  release(dgu);
  return { ...rest, dDown } as Gradients;
}
