import { matrix } from "../kernels/view.ts";
import { alphafold3 } from "./alphafold3.ts";
import { projectDown } from "./separate.ts";
import { type Block, type Forward, release, type Variant } from "./variant.ts";

/**
 * AlphaFold3's Triton/Pallas gated linear unit: both projections, activation and product in one kernel that shares
 * the tile of x, with tiles tuned to the hardware. Backward is that of `alphafold3`.
 *
 * Saves g, u, h: 3 TH elements, all written by the one kernel when training; only h otherwise.
 * Forward, 2 launches: h (with g and u), y.
 * Backward, 7 launches: as `alphafold3`.
 * Bottleneck: the products; forward has no element-wise traffic left but the writes of g, u and h.
 */
export const alphafold3Fused: Variant = {
  id: "alphafold3-fused",
  origin: "AlphaFold3, Triton/Pallas gated linear unit",
  idea: "both projections, activation and product in one kernel",
  saves: ["g", "u", "h"],
  weightForm: "either",
  refuses: (_problem, { maxStorageBuffersPerShaderStage: most }) =>
    most < 6 ? `its kernel binds 6 storage buffers and the device allows ${most}` : null,
  forward,
  backward: alphafold3.backward,
};

function forward(block: Block, training: boolean): Forward {
  const h = block.tokensByHidden(training ? "saved" : "workspace", "h");
  const residuals = training
    ? { g: block.tokensByHidden("saved", "g"), u: block.tokensByHidden("saved", "u") }
    : null;
  block.matmul({
    label: training ? "g, u, h" : "h",
    layout: "nn",
    a: [block.x],
    b: [block.gate, block.up],
    out: [h, ...residuals ? [residuals.g, residuals.u] : []].map(matrix),
    columns: 2,
    epilogue: training ? "gated-save" : "gated",
  });
  const y = projectDown(block, h);
  if (residuals) return { y, saved: { ...residuals, h } };
  release(h);
  return { y, saved: {} };
}
