import type { Layout } from "../kernels/matmul/config.ts";
import type { View } from "../kernels/view.ts";
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
