import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { inChunks } from "./chunked.ts";
import { downGradient, projectDown } from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant } from "./variant.ts";

/**
 * This project's own: every idea above where it pays.
 *
 * Saves g, u: 2 TH elements.
 * Forward, 2 launches: g, u and h by one kernel; y. h is a workspace that goes before backward needs its bytes.
 * Backward, 5 launches: dh, which its epilogue turns into dg and du over g and u, so that dh never exists, and h, which
 * it computes again on the way; dDown; dx of dg, to which dx of du is added; dGate and dUp, together as they share x, or
 * one by one where dg then makes room for dUp. h is a workspace where it fits below the peak; else dDown comes first,
 * which then computes h while it loads g and u, so that h never exists either.
 * Bottleneck: the products' arithmetic.
 */
export const tuned: Variant = {
  id: "tuned",
  origin: "this project",
  idea: "gate fused into the products both ways: no dh, h once more on the way; dg makes room for dUp",
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

type PreActivations = Pick<Forward["saved"], "g" | "u">;

function backward(block: Block, { g, u }: Forward["saved"], dy: Tensor): Gradients {
  const dDown = (hiddenFits(block) ? withHidden : withoutHidden)(block, { g, u }, dy);
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
  return { dx, dDown, ...(oneByOne(block) ? gradientsOneByOne : gradientsTogether)(block, { g, u }) };
}

/** Tokens, or TDH, from which another launch takes below half a percent of 18 TDH FLOP: 5 us at 50 TFLOP/s. */
const MANY_TOKENS = 1024;
const MUCH_WORK = 2.8e9;

/**
 * Whether the gradients of gate and up come one after the other: by the kernel of dDown, and dg then makes room for dUp,
 * where that counts beside g and u.
 */
function oneByOne({ inputs: { weights }, problem: { tokens, dim, hiddenDim } }: Block): boolean {
  const pays = tokens >= MANY_TOKENS || tokens * dim * hiddenDim >= MUCH_WORK;
  return "gate" in weights && pays && tokens <= 8 * dim;
}

function gradientsOneByOne(block: Block, { g, u }: PreActivations) {
  const gradient = (label: "dGate" | "dUp", by: Tensor) => {
    const out = block.emptyProjectionGradient(label);
    block.matmul({ label, layout: "tn", a: [block.x], b: [matrix(by)], out: [matrix(out)] });
    release(by);
    return out;
  };
  return { dGate: gradient("dGate", g), dUp: gradient("dUp", u) };
}

/** One launch, which loads x once; up to 16 tokens are so little that it becomes two. */
function gradientsTogether(block: Block, { g, u }: PreActivations) {
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
  return tensors;
}

/** Whether h may have bytes of its own: they are free where what comes later takes more. */
function hiddenFits(block: Block): boolean {
  const { tokens, dim, hiddenDim } = block.problem;
  return tokens * hiddenDim <= dim * (tokens + (oneByOne(block) ? 1 : 2) * hiddenDim);
}

/** dDown, after dg and du have taken the place of g and u. */
function withHidden(block: Block, { g, u }: PreActivations, dy: Tensor): Tensor {
  const h = block.tokensByHidden("workspace", "h");
  block.matmul({
    label: "dg, du, h",
    layout: "nt",
    a: [matrix(dy)],
    b: [block.down],
    out: [g, u, g, u, h].map(matrix),
    epilogue: "gated-backward-save",
  });
  const dDown = downGradient(block, h, dy);
  release(h);
  return dDown;
}

/** dDown, before dg and du take the place of g and u. */
function withoutHidden(block: Block, { g, u }: PreActivations, dy: Tensor): Tensor {
  const dDown = block.emptyDownGradient();
  block.matmul({
    label: "dDown",
    layout: "tn",
    a: [g, u].map(matrix),
    b: [matrix(dy)],
    out: [matrix(dDown)],
    gatedA: true,
  });
  block.matmul({
    label: "dg, du",
    layout: "nt",
    a: [matrix(dy)],
    b: [block.down],
    out: [g, u, g, u].map(matrix),
    epilogue: "gated-backward",
  });
  return dDown;
}
