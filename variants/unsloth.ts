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
 * Unsloth: h is not saved. The backward kernel computes it again over dh, and writes du over g and dg over u.
 *
 * Saves g, u: 2 TH elements.
 * Forward, 4 launches: g, u, h, y.
 * Backward, 7 launches: dh, one in-place element-wise kernel for h, dg and du, dDown, dx in two, dGate, dUp.
 * Bottleneck: the products; its element-wise kernel writes TH elements more than Liger's.
 */
export const unsloth: Variant = {
  id: "unsloth",
  origin: "Unsloth",
  idea: "h computed again over dh, gradients written over g and u",
  saves: ["g", "u"],
  weightForm: "either",
  refuses: () => null,
  forward,
  backward,
};

function forward(block: Block, training: boolean): Forward {
  const { g, u } = project(block, training ? "saved" : "workspace");
  const h = gatedHidden(block, { g, u }, "workspace");
  if (!training) release(g, u);
  const y = projectDown(block, h);
  release(h);
  return { y, saved: training ? { g, u } : {} };
}

function backward(block: Block, { g, u }: Forward["saved"], dy: Tensor): Gradients {
  const dh = hiddenGradient(block, dy);
  // The gradients change places: du lands in g's buffer, dg in u's, h in dh's.
  gatedBackward(block.recorder, {
    dh: matrix(dh),
    g: matrix(g),
    u: matrix(u),
    dg: matrix(u),
    du: matrix(g),
    h: matrix(dh),
    activation: block.activation,
  });
  const dDown = downGradient(block, dh, dy);
  release(dh);
  const rest = projectionGradients(block, { dg: u, du: g });
  release(g, u);
  return { ...rest, dDown } as Gradients;
}
