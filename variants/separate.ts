import { matrix } from "../kernels/view.ts";
import { gatedForward } from "../kernels/gated.ts";
import type { Purpose } from "../kernels/gpu/ledger.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { product } from "./products.ts";
import type { Block, Gradients } from "./variant.ts";

/** The two projections as products of their own: g = x W_gate, u = x W_up. */
export function project(block: Block, purpose: Purpose): { g: Tensor; u: Tensor } {
  const g = block.tokensByHidden(purpose, "g");
  product(block, "g", { layout: "nn", a: block.x, b: block.gate, out: matrix(g) });
  const u = block.tokensByHidden(purpose, "u");
  product(block, "u", { layout: "nn", a: block.x, b: block.up, out: matrix(u) });
  return { g, u };
}

/** h = act(g) u as a tensor of its own, by one element-wise kernel. */
export function gatedHidden(block: Block, { g, u }: { g: Tensor; u: Tensor }, purpose: Purpose): Tensor {
  const h = block.tokensByHidden(purpose, "h");
  gatedForward(block.recorder, { g: matrix(g), u: matrix(u), h: matrix(h), activation: block.activation });
  return h;
}

/** y = h W_down. */
export function projectDown(block: Block, h: Tensor): Tensor {
  const y = block.tokensByDim("output", "y");
  product(block, "y", { layout: "nn", a: matrix(h), b: block.down, out: matrix(y) });
  return y;
}

/** dDown = h^T dy. */
export function downGradient(block: Block, h: Tensor, dy: Tensor): Tensor {
  const dDown = block.emptyDownGradient();
  product(block, "dDown", { layout: "tn", a: matrix(h), b: matrix(dy), out: dDown });
  return dDown.tensor;
}

/** dh = dy W_down^T. */
export function hiddenGradient(block: Block, dy: Tensor): Tensor {
  const dh = block.tokensByHidden("workspace", "dh");
  product(block, "dh", { layout: "nt", a: matrix(dy), b: block.down, out: matrix(dh) });
  return dh;
}

/**
 * dx = dg W_gate^T + du W_up^T, dGate = x^T dg and dUp = x^T du: four products, the second dx added to the first.
 * dx comes first, so that a workspace of its products takes bytes that the gradients of the weights need later.
 */
export function projectionGradients(
  block: Block,
  { dg, du }: { dg: Tensor; du: Tensor },
): Omit<Gradients, "dDown"> {
  const dx = block.emptyInputGradient();
  product(block, "dx of gate", { layout: "nt", a: matrix(dg), b: block.gate, out: dx });
  product(block, "dx += dx of up", {
    layout: "nt",
    a: matrix(du),
    b: block.up,
    out: dx,
    accumulate: true,
  });
  const { tensors, dGate, dUp } = block.emptyGateUpGradients();
  product(block, "dGate", { layout: "tn", a: block.x, b: matrix(dg), out: dGate });
  product(block, "dUp", { layout: "tn", a: block.x, b: matrix(du), out: dUp });
  return { dx: dx.tensor, ...tensors };
}
