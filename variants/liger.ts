import { gatedBackward } from "../kernels/gated.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { alphafold3 } from "./alphafold3.ts";
import { downGradient, hiddenGradient, projectionGradients } from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * Liger Kernel: one element-wise kernel each way; backward computes act(g) again and writes dg over g, du over u.
 *
 * Saves g, u, h: 3 TH elements.
 * Forward, 4 launches: g, u, h, y.
 * Backward, 7 launches: dDown, dh, one in-place element-wise kernel, dx in two, dGate, dUp.
 * Bottleneck: the products; against `alphafold3` it saves two buffers in backward, not time.
 */
export const liger: Variant = {
  id: "liger",
  origin: "Liger Kernel",
  idea: "one element-wise kernel each way, gradients written over g and u",
  saves: ["g", "u", "h"],
  weightForm: "either",
  refuses: () => null,
  forward: alphafold3.forward,
  backward,
};

function backward(block: Block, { g, u, h }: Forward["saved"], dy: Tensor): Gradients {
  const dDown = downGradient(block, h, dy);
  release(h);
  const dh = hiddenGradient(block, dy);
  gatedBackward(block.recorder, {
    dh: matrix(dh),
    g: matrix(g),
    u: matrix(u),
    dg: matrix(g),
    du: matrix(u),
    activation: block.activation,
  });
  release(dh);
  const rest = projectionGradients(block, { dg: g, du: u });
  release(g, u);
  return { ...rest, dDown } as Gradients;
}
