import type { Capabilities, SubgroupMatrixConfig } from "../../gpu/capabilities.ts";
import type { DType } from "../../gpu/dtype.ts";
import type { Precision, SubgroupOperands } from "../config.ts";

/**
 * What operands may become on subgroup matrices, or null where the precision asks for multiply-adds. bfloat16 has 8
 * significant bits, which float16 holds exactly once a scale has brought them into its range.
 */
export function subgroupOperandsOf(precision: Precision, dtype: DType): SubgroupOperands | null {
  if (precision === "highest") return null;
  if (dtype === "float16") return "float16";
  if (dtype === "bfloat16" || precision === "tf32" || precision === "fastest") return "rounded";
  return precision === "default" ? "split" : null;
}

/** Matrices of float16 with float32 sums, the largest first: they take the fewest instructions. */
export function matricesOf({ subgroupMatrices }: Capabilities): SubgroupMatrixConfig[] {
  return subgroupMatrices
    .filter(({ componentType, resultComponentType }) =>
      componentType === "f16" && resultComponentType === "f32"
    )
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
}
