/**
 * The stages of a block. Charts colour each kernel by its stage.
 *
 * @module
 */

import type { KernelReport } from "../report/schema.ts";
import type { Spec } from "./chart.ts";

/** The stages of a block: what their kernels write, and their colours, which are the same in every picture. */
const STAGES: readonly { name: string; outputs: readonly string[]; color: string }[] = [
  { name: "g, u, h", outputs: ["g", "u", "gu", "h"], color: "#0072b2" },
  { name: "y", outputs: ["y"], color: "#8cd17d" },
  { name: "dh, dg, du", outputs: ["dh", "dg", "du", "dgu"], color: "#9c755f" },
  { name: "gradients of weights", outputs: ["dDown", "dGate", "dUp", "dGateUp"], color: "#e0ac1c" },
  { name: "dx", outputs: ["dx"], color: "#56b4e9" },
];
const WITHOUT_ARITHMETIC = { name: "element-wise, sums", color: "#44248c" };
const OTHER = { name: "other", color: "#b0b0b0" };

/** The stage of a whole row, where its kernels are not known. */
export const ALL_KERNELS = { name: "all kernels", color: "#444444" };

/** Stages in the order of the legend. */
export const ALL_STAGES = [...STAGES, WITHOUT_ARITHMETIC, OTHER, ALL_KERNELS];

/** The stage of a kernel. Its label begins with its main output. Only products have FLOPs. */
export function stageOf({ label, flops }: KernelReport): { name: string; color: string } {
  if (!flops) return WITHOUT_ARITHMETIC;
  const [first] = label.split(/,|:| \+?= | of | from | \+ /);
  return STAGES.find(({ outputs }) => outputs.includes(first.trim())) ?? OTHER;
}

/** The channel that colours stages. It holds only the stages that a chart uses, which are given by their names. */
export function stageColor(used: Iterable<string>, legend: Spec): Spec {
  const names = new Set(used);
  const stages = ALL_STAGES.filter(({ name }) => names.has(name));
  return {
    field: "stage",
    type: "nominal",
    scale: { domain: stages.map(({ name }) => name), range: stages.map(({ color }) => color) },
    legend,
  };
}
