import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { inChunks } from "./chunked.ts";
import { downGradient, gatedHidden, projectDown } from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * This project's own: every idea above where it pays.
 *
 * Saves g, u: 2 TH elements.
 * Forward, 2 launches: g, u and h by one kernel; y. h is a workspace that goes before backward needs its bytes.
 * Backward, 4 products: dDown from h computed again; dh, which its epilogue turns into dg and du over g and u, so that dh
 * never exists; dx as one sum over both products (two launches where storage is float32, the second adding to the
 * first); dGate and dUp, which share x. h is a workspace where it fits below the peak, else it is computed while g and
 * u are loaded, and never exists.
 * Bottleneck: the products' arithmetic.
 */
export const tuned: Variant = {
  id: "tuned",
  origin: "this project",
  idea: "gate fused into the products both ways; no dh, no h in backward",
  saves: ["g", "u"],
  weightForm: "either",
  refuses: (_problem, { maxStorageBuffersPerShaderStage: most }) =>
    most < 6 ? `its kernels bind up to 6 storage buffers and the device allows ${most}` : null,
  forward,
  backward,
  inChunks: (tokens) => inChunks(tuned, tokens),
};

function forward(block: Block, training: boolean): Forward {
  const h = block.tokensByHidden("workspace", "h");
  const saved: Record<string, Tensor> = training
    ? { g: block.tokensByHidden("saved", "g"), u: block.tokensByHidden("saved", "u") }
    : {};
  block.matmul({
    label: training ? "g, u, h" : "h",
    layout: "nn",
    a: [block.x],
    b: [block.gate, block.up],
    out: [h, ...Object.values(saved)].map(matrix),
    columns: 2,
    epilogue: training ? "gated-save" : "gated",
  });
  const y = projectDown(block, h);
  release(h);
  return { y, saved };
}

function backward(block: Block, { g, u }: Forward["saved"], dy: Tensor): Gradients {
  const dDown = hiddenFits(block) ? fromHidden(block, { g, u }, dy) : fromPreActivations(block, { g, u }, dy);
  block.matmul({
    label: "dg, du",
    layout: "nt",
    a: [matrix(dy)],
    b: [block.down],
    out: [g, u, g, u].map(matrix),
    epilogue: "gated-backward",
  });
  // dx comes first: a workspace of its product then fits where the gradients of the weights will be.
  const dx = block.tokensByDim("gradient", "dx");
  block.matmul({
    label: "dx",
    layout: "nt",
    a: [g, u].map(matrix),
    b: [block.gate, block.up],
    out: [matrix(dx)],
    products: 2,
  });
  const { tensors, dGate, dUp } = block.emptyGateUpGradients();
  block.matmul({
    label: "dGate, dUp",
    layout: "tn",
    a: [block.x],
    b: [g, u].map(matrix),
    out: [dGate, dUp],
    columns: 2,
  });
  release(g, u);
  return { dx, dDown, ...tensors };
}

/**
 * Whether h of its own is faster, and as small: computing it takes 12 TH bytes at 4 TB/s, and as a prologue 6 % of the
 * product's 2 TDH FLOP at 50 TFLOP/s, which is more from D = 1,250 on; its bytes are free where dx and the gradients of
 * gate and up, which come later, take more.
 */
function hiddenFits({ problem: { tokens, dim, hiddenDim } }: Block): boolean {
  return dim >= 1280 && tokens * hiddenDim <= dim * (tokens + 2 * hiddenDim);
}

function fromHidden(block: Block, { g, u }: Pick<Forward["saved"], "g" | "u">, dy: Tensor): Tensor {
  const h = gatedHidden(block, { g, u }, "workspace");
  const dDown = downGradient(block, h, dy);
  release(h);
  return dDown;
}

function fromPreActivations(block: Block, { g, u }: Pick<Forward["saved"], "g" | "u">, dy: Tensor): Tensor {
  const dDown = block.emptyDownGradient();
  block.matmul({
    label: "dDown",
    layout: "tn",
    a: [g, u].map(matrix),
    b: [matrix(dy)],
    out: [matrix(dDown)],
    gatedA: true,
  });
  return dDown;
}
