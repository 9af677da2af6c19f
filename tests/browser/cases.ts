/** The cases that run in a browser. They are small, because SwiftShader compiles and computes on the CPU. */
import { type Activation, ACTIVATIONS } from "../../kernels/activation.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Precision } from "../../kernels/matmul/config.ts";
import { type VariantInfo, variants } from "../../mod.ts";
import type { OracleProblem } from "../../bench/oracle/mod.ts";

/** One block to compute, and the activation that the oracle computes it with. */
export interface Case {
  readonly name: string;
  readonly implementation: string;
  readonly form: "separate" | "combined";
  readonly activation: Activation;
  readonly precision: Precision;
  readonly problem: OracleProblem & { readonly dtype: DType };
}

type Sizes = readonly [tokens: number, dim: number, hiddenDim: number];

/** Nothing a multiple of anything, so that rows of 16 bits share words; what vectors fit; more rows than a stream. */
const ODD: Sizes = [5, 7, 9];
const ALIGNED: Sizes = [8, 32, 48];
const LONG: Sizes = [17, 32, 48];
/** A large GPU splits K. */
const SPLIT: Sizes = [33, 260, 264];
/** Few rows, of which a large GPU keeps two tiles on their way; nothing a multiple of anything. */
const FEW: Sizes = [13, 131, 133];

/** What a case is but for its variant; float32, silu and the default precision where it does not say. */
interface Choice {
  readonly sizes: Sizes;
  readonly dtype?: DType;
  readonly precision?: Precision;
  readonly forms?: readonly Case["form"][];
  readonly activation?: Activation;
  /** The activation in float64, where it has no name. */
  readonly reference?: OracleProblem["activation"];
}

const FORMS = ["separate", "combined"] as const;

/** A variant's cases: one for each form of the weights. */
function casesOf({ id }: VariantInfo, choice: Choice): Case[] {
  const { sizes: [tokens, dim, hiddenDim], dtype = "float32", precision = "default", forms = FORMS } = choice;
  const { activation = "silu", reference = activation as OracleProblem["activation"] } = choice;
  const what = typeof activation === "string" ? activation : "custom";
  return forms.map((form) => ({
    name: `${id} of ${form} weights, ${dtype}, ${what}, ${precision}, ${tokens} x ${dim} x ${hiddenDim}`,
    ...{ implementation: id, form, activation, precision },
    problem: { tokens, dim, hiddenDim, dtype, activation: reference },
  }));
}

/** Every variant. */
const everyVariant = (choice: Choice) => variants.flatMap((variant) => casesOf(variant, choice));

/** Those whose kernels hold the activation: apart, in one with all that has no product, and within products. */
function gates(choice: Omit<Choice, "sizes">): Case[] {
  const ids = ["pytorch", "unsloth", "tuned"];
  return variants.filter(({ id }) => ids.includes(id))
    .flatMap((variant) => casesOf(variant, { ...choice, sizes: ODD, forms: ["separate"] }));
}

/** x^2 where x is positive. */
const squaredRelu: Omit<Choice, "sizes"> = {
  activation: {
    wgsl: "select(x * x, vec4f(0), x < vec4f(0))",
    derivative: "select(2 * x, vec4f(0), x < vec4f(0))",
  },
  reference: { value: (x) => Math.max(x, 0) ** 2, derivative: (x) => 2 * Math.max(x, 0) },
};

const tuned = variants.find(({ id }) => id === "tuned")!;

/** Storage of 16 bits, whose kernels take longer to compile. Without f16 in the shader, no precision changes them. */
function halves(dtype: DType, form: Case["form"]): Case[] {
  const choice = { dtype, forms: [form] };
  const precisions = (["highest", "float16-sums"] as const).flatMap((precision) =>
    casesOf(tuned, { ...choice, sizes: ALIGNED, precision })
  );
  return [...[ODD, ALIGNED].flatMap((sizes) => everyVariant({ ...choice, sizes })), ...precisions];
}

/** The group whose kernels are chosen as for a GPU. */
export const AS_A_GPU = "kernels of a large GPU";

/** The cases of each group, by the name of its test. */
export const groups = {
  "float32": [ODD, ALIGNED, LONG].flatMap((sizes) => everyVariant({ sizes })),
  "float16": halves("float16", "separate"),
  "bfloat16": halves("bfloat16", "combined"),
  "activations": [
    ...ACTIVATIONS.filter((name) => name !== "silu").flatMap((activation) => gates({ activation })),
    ...gates(squaredRelu),
  ],
  [AS_A_GPU]: [SPLIT, FEW].flatMap((sizes) => casesOf(tuned, { sizes, forms: ["separate"] })),
} satisfies Record<string, readonly Case[]>;

/** Name of a group. */
export type Group = keyof typeof groups;
