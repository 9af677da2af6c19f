import { bytesPerElement } from "../kernels/gpu/dtype.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { inChunks } from "./chunked.ts";
import { gradientNames } from "./gradients.ts";
import { gateUpGradients, inputGradient } from "./products.ts";
import { downGradient, gatedHidden, projectDown } from "./separate.ts";
import { type Block, type Forward, type Gradients, release, type Variant, weightDtypeOf } from "./variant.ts";

/**
 * This project's own variant. It uses every idea of the other variants where that pays.
 *
 * Saves g, u: 2 TH elements.
 * Forward, 2 launches:
 * - g, u and h by one kernel. h is a workspace, and free again before backward needs memory.
 * - y.
 *
 * Backward, 5 launches, or 6:
 * - dh, which is never stored. The epilogue turns it into dg and du, written over g and u, and computes h again.
 * - dDown. If h does not fit below the peak, dDown comes first and computes h while it loads g and u, so that h is never
 *   stored.
 * - dx in two: that of dg, to which that of du is added.
 * - dGate and dUp in one, as they share x. Or in two, where dg makes room for dUp.
 *
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
  const dDown = (usesHidden(block) ? withHidden : withoutHidden)(block, { g, u }, dy);
  // dx comes first, so that its workspace takes bytes that the gradients of the weights need later.
  const dx = block.emptyInputGradient();
  inputGradient(block, { dg: g, du: u }, { out: dx });
  return {
    dx: dx.tensor,
    dDown,
    ...(oneByOne(block) ? gradientsOneByOne : gradientsTogether)(block, { g, u }),
  };
}

/**
 * From so many tokens, or so large a T D H, one more launch (5 us) takes less than half a percent of a step (18 TDH
 * FLOP at 50 TFLOP/s).
 */
const MANY_TOKENS = 1024;
const MUCH_WORK = 2.8e9;

/**
 * True if the gradients of gate and up are computed one after the other. They reuse dDown's kernel, and dg is freed
 * before dUp is allocated; done only where dUp is not small beside g and u.
 */
function oneByOne({ form, problem: { tokens, dim, hiddenDim } }: Block): boolean {
  const pays = tokens >= MANY_TOKENS || tokens * dim * hiddenDim >= MUCH_WORK;
  return form.parts === "separate" && pays && tokens <= 8 * dim;
}

function gradientsOneByOne(block: Block, { g, u }: PreActivations) {
  const gradient = (label: "dGate" | "dUp", by: Tensor) => {
    const out = block.emptyProjectionGradient(label);
    block.matmul({ label, layout: "tn", a: [block.x], b: [matrix(by)], out: [out] });
    release(by);
    return out.tensor;
  };
  return { dGate: gradient("dGate", g), dUp: gradient("dUp", u) };
}

/** Both in one product. With up to 16 tokens x is so small that the plan makes two launches of it. */
function gradientsTogether(block: Block, { g, u }: PreActivations) {
  const tensors = gateUpGradients(block, { dg: g, du: u });
  release(g, u);
  return tensors;
}

/** True if dDown takes h from the launch of dg and du: both are asked for, and h does not raise the peak. */
function usesHidden(block: Block): boolean {
  const others = gradientNames(block.form).filter((name) => name !== "dDown");
  return block.wants("dDown") && others.some((name) => block.wants(name)) && hiddenFits(block);
}

/**
 * True if h does not raise the peak: dx and the gradients that come later take at least as many bytes. It is stored in any
 * case for weights [out, in], where h is not the operand of dDown that kernels can gate.
 */
function hiddenFits(block: Block): boolean {
  const { tokens, dim, hiddenDim } = block.problem;
  if (block.form.layout === "out,in") return true;
  const [own, weights] = [block.problem.dtype, weightDtypeOf(block.problem)].map(bytesPerElement);
  const made = 2 * Number(block.makes("dGateUp")) + Number(block.makes("dGate")) + Number(block.makes("dUp"));
  const gradients = Math.min(made, oneByOne(block) ? 1 : 2) * hiddenDim * weights;
  return tokens * hiddenDim * own <= dim * (Number(block.makes("dx")) * tokens * own + gradients);
}

/** Computes dDown from a stored h, after dg and du have taken the place of g and u. */
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

/** Computes dDown from g and u, before dg and du take their place. */
function withoutHidden(block: Block, { g, u }: PreActivations, dy: Tensor): Tensor {
  const dDown = (block.form.layout === "out,in" ? downOfStored : downOfGated)(block, { g, u }, dy);
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

/** h is computed while it is loaded, and never stored. */
function downOfGated(block: Block, { g, u }: PreActivations, dy: Tensor): Tensor {
  const dDown = block.emptyDownGradient();
  block.matmul({
    label: "dDown",
    layout: "tn",
    a: [g, u].map(matrix),
    b: [matrix(dy)],
    out: [dDown],
    gatedA: true,
  });
  return dDown.tensor;
}

/** Only where nothing but dDown is asked for, or dDown is not. */
function downOfStored(block: Block, { g, u }: PreActivations, dy: Tensor): Tensor {
  const h = gatedHidden(block, { g, u }, "workspace");
  const dDown = downGradient(block, h, dy);
  release(h);
  return dDown;
}
