import { activationKey } from "../kernels/activation.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import { checkGpu } from "./checks.ts";
import { tuningRevision } from "../kernels/matmul/tuning.ts";
import { DEFAULT_VARIANT, FALLBACKS, variants } from "./mod.ts";
import { gatedUnit } from "./gated_unit.ts";
import { ALL, type Asked, askedKey, type GradientName } from "./gradients.ts";
import type { Options } from "./options.ts";
import type { TokensPerExpert } from "./check_experts.ts";
import { choose, type ChosenVariant, type Explanation, type Plan } from "./block_plan.ts";
import { type CheckedCall, checkProblem } from "./validate.ts";
import type { Problem, Sizes, Variant } from "./variant.ts";
import { formOf, type WeightLayout } from "./weights.ts";

/**
 * Options of {@linkcode explain} and {@linkcode plan}.
 *
 * @example Inference with combined weights
 * ```ts
 * import { explain, type ExplainOptions, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const options: ExplainOptions = { training: false, weightForm: "combined", implementation: "alphafold3-combined" };
 * console.log(explain(gpu, { tokens: 16, dim: 32, hiddenDim: 96 }, options).savedBytes); // 0
 * ```
 */
export interface ExplainOptions extends Options {
  /** Whether backward follows. Default: true. */
  readonly training?: boolean;
  /** Whether gate and up are two tensors or one. Default: "separate". */
  readonly weightForm?: "separate" | "combined";
  /** The layout of the weights. Default: "in,out". */
  readonly layout?: WeightLayout;
  /** Whether outputs of gate and up take turns in a combined weight. Default: false. */
  readonly interleaved?: boolean;
  /**
   * Where the block ends: at y, or at h, as {@linkcode gatedLinearUnit} and its gradients do. At h there are no variants:
   * `implementation` tells "gated linear unit", and nothing is `rejected`. Default: "y".
   */
  readonly output?: "y" | "h";
  /**
   * The tokens of each expert, as {@linkcode swigluExperts} takes them. The launches are those of one expert after another.
   * Default: all tokens have the same weights.
   */
  readonly tokensPerExpert?: TokensPerExpert;
  /** What is differentiated by, as {@linkcode GradientOptions.wrt}. Default: all inputs. */
  readonly wrt?: readonly string[];
  /** The types of tensors that gradients are added to, as {@linkcode GradientOptions.into}. Default: none. */
  readonly into?: Partial<Readonly<Record<GradientName, DType>>>;
}

/**
 * Tells which implementation would run a problem on a device, with its tiles and bytes, and why each other one would
 * not. If no implementation is named, the default variant runs; if that cannot run or exceeds the budget, the first of
 * its fallbacks that can. Nothing is allocated.
 *
 * @throws {TypeError | RangeError} If the problem or an option is malformed.
 * @throws {NoImplementationError} If none can run.
 *
 * @example Which implementation would run, and why no other one
 * ```ts
 * import { explain, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const { implementation, peakBytes, launches, rejected } = explain(gpu, { tokens: 512, dim: 64, hiddenDim: 172 });
 * console.log(implementation, `${peakBytes} bytes at peak`);
 * for (const { label, tile, flops } of launches) console.log(label, tile, `${flops} FLOP`);
 * for (const { implementation, reason } of rejected) console.log(`not ${implementation}: ${reason}`);
 * ```
 */
export function explain(
  gpu: Gpu,
  problem: Partial<Problem> & Sizes,
  options: ExplainOptions = {},
): Explanation {
  checkGpu(gpu);
  const { problem: whole, settings, output, ...asked } = checkProblem(problem, options);
  const { variant, explanation } = choose(whole, {
    capabilities: gpu.capabilities,
    options: settings,
    ...asked,
    ...output === "h" && { candidates: [gatedUnit] },
  });
  if (output === "h") return explanation;
  const known = new Set([variant.id, ...explanation.rejected.map(({ implementation }) => implementation)]);
  const untried = [...new Set([DEFAULT_VARIANT, ...FALLBACKS, ...variants])].filter(({ id }) =>
    !known.has(id)
  );
  const later = untried.map((other) => ({
    implementation: other.id,
    chunkTokens: null,
    reason: whyUntried(other, { taken: variant.id, named: settings.implementation !== null }),
  }));
  return { ...explanation, rejected: [...explanation.rejected, ...later] };
}

function whyUntried(other: Variant, { taken, named }: { taken: string; named: boolean }): string {
  if (named) return `implementation names ${taken}`;
  const isTried = other === DEFAULT_VARIANT || FALLBACKS.includes(other);
  return isTried
    ? `${taken} can run and is tried before it`
    : `${taken} can run, and ${other.id} runs only where implementation names it`;
}

/**
 * Tells how a problem would be computed within `memoryBudget`: the launches, and the bytes that are saved and at peak.
 * This is {@linkcode explain} without the variants that were passed over.
 *
 * @throws {NoImplementationError} If none fits; the message states the least bytes that would do.
 *
 * @example Within a budget
 * ```ts
 * import { plan, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const sizes = { tokens: 1024, dim: 64, hiddenDim: 172 };
 * const { peakBytes } = plan(gpu, sizes);
 * const smaller = plan(gpu, sizes, { memoryBudget: 0.7 * peakBytes });
 * console.log(smaller.chunkTokens, smaller.peakBytes <= 0.7 * peakBytes); // tokens at a time, true
 * ```
 */
export function plan(gpu: Gpu, problem: Partial<Problem> & Sizes, options: ExplainOptions = {}): Plan {
  const { rejected: _, ...chosen } = explain(gpu, problem, options);
  return chosen;
}

/** Choices kept for each device: a model has few shapes, and planning one takes about a millisecond. */
const MOST_CHOICES = 256;

const choices = new WeakMap<Gpu, Map<string, ChosenVariant>>();

/** Chooses how the problem of a call is computed. Choices are kept, so that the same question is answered once. */
export function choiceFor(
  gpu: Gpu,
  { problem, inputs: { weights }, settings, tokensPerExpert }: CheckedCall,
  { training, asked = ALL }: { training: boolean; asked?: Asked },
): ChosenVariant {
  const form = formOf(weights);
  const { implementation, memoryBudget } = settings;
  const key = JSON.stringify([
    { ...problem, activation: activationKey(problem.activation) },
    implementation,
    memoryBudget,
    training && askedKey(asked),
    form,
    tokensPerExpert,
    tuningRevision(),
  ]);
  const known = choices.get(gpu) ?? new Map<string, ChosenVariant>();
  choices.set(gpu, known);
  const found = known.get(key);
  if (found) return found;
  const { wanted, into = {} } = asked;
  const types = Object.fromEntries(Object.entries(into).map(([name, { dtype }]) => [name, dtype]));
  const choice = choose(problem, {
    capabilities: gpu.capabilities,
    training,
    form,
    asked: { wanted, into: types },
    options: settings,
    tokensPerExpert,
  });
  if (known.size >= MOST_CHOICES) known.clear();
  known.set(key, choice);
  return choice;
}
