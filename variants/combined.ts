import { gatedBackward, gatedForward } from "../kernels/gated.ts";
import type { Purpose } from "../kernels/gpu/ledger.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { columnRange, halves, matrix, type View } from "../kernels/view.ts";
import { product } from "./products.ts";
import { type Block, type Gradients, release } from "./variant.ts";

/** A [rows, 2, H] tensor as one [rows, 2H] matrix. */
function flat(tensor: Tensor): View {
  const { gate } = halves(tensor);
  return columnRange(gate, 0, 2 * gate.cols);
}

/** [g | u] = x [W_gate | W_up], one product. */
export function projectCombined(block: Block, purpose: Purpose): Tensor {
  const gu = block.tokensByGateUp(purpose, "gu");
  product(block, "gu", { layout: "nn", a: block.x, b: block.gateUp, out: flat(gu) });
  return gu;
}

/** h = act(g) u from the combined pre-activations. */
export function gateCombined(block: Block, gu: Tensor, purpose: Purpose): Tensor {
  const h = block.tokensByHidden(purpose, "h");
  const { gate, up } = halves(gu);
  gatedForward(block.recorder, { g: gate, u: up, h: matrix(h), activation: block.activation });
  return h;
}

/** [dg | du] as a tensor of its own; dh and gu are disposed. */
export function gatedBackwardCombined(block: Block, { dh, gu }: { dh: Tensor; gu: Tensor }): Tensor {
  const dgu = block.tokensByGateUp("workspace", "dgu");
  const from = halves(gu);
  const to = halves(dgu);
  gatedBackward(block.recorder, {
    dh: matrix(dh),
    g: from.gate,
    u: from.up,
    dg: to.gate,
    du: to.up,
    activation: block.activation,
  });
  release(dh, gu);
  return dgu;
}

/**
 * dx = [dg | du] [W_gate | W_up]^T and dGateUp = x^T [dg | du], one product each. dx is first, as its workspace is
 * larger.
 */
export function combinedGradients(block: Block, dgu: Tensor): Omit<Gradients, "dDown"> {
  const dx = block.emptyInputGradient();
  product(block, "dx", { layout: "nt", a: flat(dgu), b: block.gateUp, out: dx });
  const { tensors, dGateUp } = block.emptyGateUpGradients();
  product(block, "dGateUp", { layout: "tn", a: block.x, b: flat(dgu), out: dGateUp() });
  return { dx: dx.tensor, ...tensors };
}
