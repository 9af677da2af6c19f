/** What is run in the browser: small, as SwiftShader computes and compiles on the CPU. */
import type { Activation } from "../../kernels/activation.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Precision } from "../../kernels/matmul/config.ts";
import { type VariantInfo, variants } from "../../mod.ts";
import type { OracleProblem } from "../../variants/oracle.ts";

/** One block to compute, and the activation that the oracle computes it with. */
export interface Case {
  readonly name: string;
  readonly implementation: string;
  readonly form: "separate" | "combined";
  readonly activation: Activation;
  readonly precision: Precision;
  readonly problem: OracleProblem & { readonly dtype: DType };
}

/** T, D, H: where rows share words and nothing is a multiple of anything, and where vectors fit. */
const ODD = [5, 7, 9] as const;
const ALIGNED = [16, 32, 48] as const;

/** What differs between the cases of a group; the rest is the default. */
interface Choice {
  readonly sizes: readonly [number, number, number];
  readonly dtype?: DType;
  readonly precision?: Precision;
  readonly activation?: Activation;
  readonly reference?: OracleProblem["activation"];
}

function casesOf({ id, weightForm }: VariantInfo, choice: Choice): Case[] {
  const { sizes: [tokens, dim, hiddenDim], dtype = "float32", precision = "default" } = choice;
  const { activation = "silu", reference = activation as OracleProblem["activation"] } = choice;
  const forms = weightForm === "either" ? ["separate", "combined"] as const : [weightForm];
  return forms.map((form) => ({
    name: `${id}, ${form} weights, ${tokens} x ${dim} x ${hiddenDim}`,
    ...{ implementation: id, form, activation, precision },
    problem: { tokens, dim, hiddenDim, dtype, activation: reference },
  }));
}

/** The cases of each group, by its name. */
export const groups: Readonly<Record<string, readonly Case[]>> = {
  float32: variants.flatMap((variant) => [ODD, ALIGNED].flatMap((sizes) => casesOf(variant, { sizes }))),
};
