import { gatedBackward } from "../kernels/gated.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import {
  downGradient,
  gatedHidden,
  hiddenGradient,
  project,
  projectDown,
  projectionGradients,
} from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * AlphaFold3's standard Flax module as XLA compiles it: separate projections, and the element-wise tail of each
 * direction fused into one kernel.
 *
 * Saves g, u, h: 3 TH elements.
 * Forward, 4 launches: g, u, h, y.
 * Backward, 7 launches: dDown, dh, one element-wise kernel for dg and du, dx in two, dGate, dUp.
 * Bottleneck: the products; the element-wise kernels move 3 TH + 5 TH elements.
 */
export const alphafold3: Variant = {
  id: "alphafold3",
  origin: "AlphaFold3, standard Flax module under XLA",
  idea: "separate projections, element-wise tail fused each way",
  saves: ["g", "u", "h"],
  weightForm: "either",
  refuses: () => null,
  forward,
  backward,
};

function forward(block: Block, training: boolean): Forward {
  const purpose = training ? "saved" : "workspace";
  const { g, u } = project(block, purpose);
  const h = gatedHidden(block, { g, u }, purpose);
  if (!training) release(g, u);
  const y = projectDown(block, h);
  if (training) return { y, saved: { g, u, h } };
  release(h);
  return { y, saved: {} };
}

function backward(block: Block, { g, u, h }: Forward["saved"], dy: Tensor): Gradients {
  const dDown = downGradient(block, h, dy);
  release(h);
  const dh = hiddenGradient(block, dy);
  const dg = block.tokensByHidden("workspace", "dg");
  const du = block.tokensByHidden("workspace", "du");
  gatedBackward(block.recorder, {
    dh: matrix(dh),
    g: matrix(g),
    u: matrix(u),
    dg: matrix(dg),
    du: matrix(du),
    activation: block.activation,
  });
  release(dh, g, u);
  const rest = projectionGradients(block, { dg, du });
  release(dg, du);
  return { ...rest, dDown } as Gradients;
}
