import { gatedBackward } from "../kernels/gated.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { inAnyForm } from "./form.ts";
import { gateUpGradients, inputGradient } from "./products.ts";
import { traced } from "./traced.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * The gated linear unit as a variant without a projection down.
 *
 * Saves g, u: 2 TH elements.
 * Forward, 1 launch: h, and g and u if backward follows.
 * Backward, 4 launches: dg and du over g and u; dx in two; dGate and dUp.
 * Bottleneck: the products.
 */
export const gatedUnit: Variant = traced(inAnyForm({
  id: "gated linear unit",
  origin: "this project",
  idea: "the gate is the epilogue of the projections",
  saves: ["g", "u"],
  weightForm: "either",
  givesHidden: true,
  refuses: () => null,
  forward,
  backward,
}));

function forward(block: Block, training: boolean): Forward {
  const h = block.tokensByHidden("output", "h");
  const product = { layout: "nn", a: [block.x], b: [block.gate, block.up], columns: 2 } as const;
  if (!training) {
    block.matmul({ ...product, label: "h", out: [matrix(h)], epilogue: "gated" });
    return { y: h, saved: {} };
  }
  const [g, u] = ["g", "u"].map((label) => block.tokensByHidden("saved", label));
  block.matmul({ ...product, label: "g, u, h", out: [h, g, u].map(matrix), epilogue: "gated-save" });
  return { y: h, saved: { g, u } };
}

function backward(block: Block, { g, u }: Forward["saved"], dh: Tensor): Gradients {
  const { tokens, hiddenDim } = block.problem;
  gatedBackward(block.recorder, {
    dh: { ...matrix(dh), rows: tokens, cols: hiddenDim },
    ...{ g: matrix(g), u: matrix(u), dg: matrix(g), du: matrix(u) },
    activation: block.activation,
  });
  const dx = block.emptyInputGradient();
  inputGradient(block, { dg: g, du: u }, { out: dx });
  const tensors = gateUpGradients(block, { dg: g, du: u });
  release(g, u);
  return { dx: dx.tensor, ...tensors } as Gradients; // there is no dDown
}
