import type { Layout } from "../kernels/matmul/config.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix, type View } from "../kernels/view.ts";
import type { Block } from "./variant.ts";

/** Records one plain product of a block, C = A B with the operands stored as `layout` says. */
export function product(
  block: Block,
  label: string,
  { layout, a, b, out, accumulate = false, likeRows }: {
    layout: Layout;
    a: View;
    b: View;
    out: View;
    accumulate?: boolean;
    likeRows?: number;
  },
): void {
  block.matmul({
    label,
    layout,
    a: [a],
    b: [b],
    out: [out],
    epilogue: accumulate ? "accumulate" : "store",
    likeRows,
  });
}

/** The gradients of g and u. */
interface GateUp {
  readonly dg: Tensor;
  readonly du: Tensor;
}

/** Records dx = dg W_gate^T + du W_up^T as one sum of two products. */
export function inputGradient(
  block: Block,
  { dg, du }: GateUp,
  { out, likeRows }: { out: View; likeRows?: number },
): void {
  block.matmul({
    label: "dx",
    layout: "nt",
    a: [dg, du].map(matrix),
    b: [block.gate, block.up],
    out: [out],
    products: 2,
    likeRows,
  });
}

/** Records dGate = x^T dg and dUp = x^T du as one product, which loads x once, and gives both as tensors. */
export function gateUpGradients(
  block: Block,
  { dg, du }: GateUp,
): ReturnType<Block["emptyGateUpGradients"]>["tensors"] {
  const { tensors, dGate, dUp } = block.emptyGateUpGradients();
  block.matmul({
    label: "dGate, dUp",
    layout: "tn",
    a: [block.x],
    b: [dg, du].map(matrix),
    out: [dGate, dUp],
    columns: 2,
  });
  return tensors;
}
