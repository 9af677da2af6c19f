import { gateFormulas } from "../kernels/activation_wgsl.ts";
import { matrix } from "../kernels/view.ts";
import { product } from "./products.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";

/**
 * PyTorch eager: one kernel for each operation, nothing fused, and autograd keeps every operand of every product.
 *
 * Saves g, u, act(g), h: 4 TH elements.
 * Forward, 5 launches: g, u, act, h, y.
 * Backward, 10 launches: dDown, dh, dact, du, dg, dGate, dUp, two halves of dx and their sum.
 * Bottleneck: the element-wise kernels move 14 TH elements where fused ones move 3 + 5.
 */
export const pytorch: Variant = {
  id: "pytorch",
  origin: "PyTorch eager",
  idea: "one kernel per operation, every intermediate kept",
  saves: ["g", "u", "act(g)", "h"],
  weightForm: "either",
  refuses: () => null,
  forward,
  backward,
};

function forward(block: Block, training: boolean): Forward {
  const formulas = gateFormulas(block.activation);
  const purpose = training ? "saved" : "workspace";
  const g = block.tokensByHidden(purpose, "g");
  product(block, "g", { layout: "nn", a: block.x, b: block.gate, out: matrix(g) });
  const act = block.tokensByHidden(purpose, "act(g)");
  block.elementwise({
    label: "act(g)",
    inputs: { g: matrix(g) },
    outputs: [{ to: matrix(act), value: "activate(g)" }],
  });
  if (!training) release(g);
  const u = block.tokensByHidden(purpose, "u");
  product(block, "u", { layout: "nn", a: block.x, b: block.up, out: matrix(u) });
  const h = block.tokensByHidden(purpose, "h");
  block.elementwise({
    label: "h = act(g) u",
    inputs: { a: matrix(act), u: matrix(u) },
    outputs: [{ to: matrix(h), value: formulas.hidden("a", "u") }],
  });
  if (!training) release(act, u);
  const y = block.tokensByDim("output", "y");
  product(block, "y", { layout: "nn", a: matrix(h), b: block.down, out: matrix(y) });
  if (training) return { y, saved: { g, u, act, h } };
  release(h);
  return { y, saved: {} };
}

function backward(block: Block, saved: Forward["saved"], dy: Tensor): Gradients {
  const formulas = gateFormulas(block.activation);
  const { g, u, act, h } = saved;
  const dDown = block.emptyDownGradient();
  product(block, "dDown", { layout: "tn", a: matrix(h), b: matrix(dy), out: dDown });
  const dh = block.tokensByHidden("workspace", "dh");
  product(block, "dh", { layout: "nt", a: matrix(dy), b: block.down, out: matrix(dh) });
  release(h);

  // h = a u: da = dh u, du = dh a
  const da = block.tokensByHidden("workspace", "d act(g)");
  block.elementwise({
    label: "d act(g) = dh u",
    inputs: { dh: matrix(dh), u: matrix(u) },
    outputs: [{ to: matrix(da), value: formulas.activated("dh", "u") }],
  });
  const du = block.tokensByHidden("workspace", "du");
  block.elementwise({
    label: "du = dh act(g)",
    inputs: { dh: matrix(dh), a: matrix(act), ...formulas.ofBoth && { u: matrix(u) } },
    outputs: [{ to: matrix(du), value: formulas.up("dh", "a", "u") }],
  });
  release(dh, u, act);

  // a = act(g): dg = da act'(g)
  const dg = block.tokensByHidden("workspace", "dg");
  block.elementwise({
    label: "dg = d act(g) act'(g)",
    inputs: { da: matrix(da), g: matrix(g) },
    outputs: [{ to: matrix(dg), value: "da * activate_derivative(g)" }],
  });
  release(da, g);

  const { tensors, dGate, dUp } = block.emptyGateUpGradients();
  product(block, "dGate", { layout: "tn", a: block.x, b: matrix(dg), out: dGate });
  product(block, "dUp", { layout: "tn", a: block.x, b: matrix(du), out: dUp });
  const dx = block.emptyInputGradient();
  product(block, "dx of gate", { layout: "nt", a: matrix(dg), b: block.gate, out: dx });
  release(dg);
  const other = block.tokensByDim("workspace", "dx of up");
  product(block, "dx of up", { layout: "nt", a: matrix(du), b: block.up, out: matrix(other) });
  release(du);
  block.elementwise({
    label: "dx = dx of gate + dx of up",
    inputs: { other: matrix(other) },
    outputs: [{ to: dx, value: "other", adds: true }],
  });
  release(other);
  return { dx: dx.tensor, dDown: dDown.tensor, ...tensors };
}
