import type { Capabilities, SubgroupMatrixConfig } from "../../gpu/capabilities.ts";
import type { DType } from "../../gpu/dtype.ts";
import type { Precision, SubgroupOperands } from "../config.ts";

/** What matrices multiply, the best first: float16 on NVIDIA, AMD and Intel, float32 on Apple. Sums are float32. */
const COMPONENTS = ["f16", "f32"] as const;

/** Type of the elements that matrices multiply. */
export type Component = typeof COMPONENTS[number];

/** What a device's matrices multiply into float32 sums, or null if it has none that do. */
export function componentOn({ subgroupMatrices }: Pick<Capabilities, "subgroupMatrices">): Component | null {
  return COMPONENTS.find((component) => subgroupMatrices.some((matrix) => isOf(component, matrix))) ?? null;
}

/** What matrices multiply when operands have become this. */
export function componentOf(operands: SubgroupOperands): Component {
  return operands === "float32" ? "f32" : "f16";
}

function isOf(component: Component, { componentType, resultComponentType }: SubgroupMatrixConfig): boolean {
  return componentType === component && resultComponentType === "f32";
}

/**
 * What operands may become on matrices that multiply `component`, or null where the precision asks for multiply-adds.
 * bfloat16 has 8 significant bits, which float16 holds exactly once a scale has brought them into its range.
 */
export function subgroupOperandsOf(
  component: Component,
  { precision, dtype }: { precision: Precision; dtype: DType },
): SubgroupOperands | null {
  if (precision === "highest") return null;
  if (component === "f32") return "float32";
  if (dtype === "float16") return "float16";
  if (dtype === "bfloat16" || precision === "tf32" || precision === "fastest") return "rounded";
  return precision === "default" ? "split" : null;
}

/** Matrices of a device's {@linkcode componentOn} with float32 sums, the largest first: they take the fewest instructions. */
export function matricesOf(
  { subgroupMatrices }: Pick<Capabilities, "subgroupMatrices">,
): SubgroupMatrixConfig[] {
  const component = componentOn({ subgroupMatrices });
  return subgroupMatrices
    .filter((matrix) => component !== null && isOf(component, matrix))
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
}
