import type { Activation } from "../kernels/activation.ts";
import { readActivation } from "./activation.ts";
import { checkOneOf, isEncoder, kindOf, readOnce } from "../kernels/gpu/arguments.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import { type DType, DTYPES } from "../kernels/gpu/dtype.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { type Precision, PRECISIONS } from "../kernels/matmul/config.ts";
import { checkGpu, checkTensor } from "./checks.ts";
import { checkWeights, readForm, readWeights } from "./check_weights.ts";
import { checkExperts, readTokensPerExpert } from "./check_experts.ts";
import { checkInto, readTargetTypes, readWrt } from "./check_gradients.ts";
import {
  type Asked,
  BLOCK_OUTPUTS,
  type BlockOutput,
  type GradientName,
  gradientNames,
  gradientOf,
  type PlannedAsked,
} from "./gradients.ts";
import { variants } from "./mod.ts";
import type { Options, Recording } from "./options.ts";
import { gradientDtype, type Inputs, type Problem, type Sizes } from "./variant.ts";
import { formOf, namedWeights, type WeightForm, type Weights } from "./weights.ts";

/** The options that say how a block is computed. */
export const OPTIONS = ["activation", "precision", "implementation", "memoryBudget"] as const;

/** What `explain` and `plan` take besides. */
const PLANNED = [
  "training",
  "weightForm",
  "layout",
  "interleaved",
  "output",
  "wrt",
  "into",
  "tokensPerExpert",
] as const;

/** The properties of a problem that `explain` and `plan` take. */
const PROBLEM = ["tokens", "dim", "hiddenDim", "dtype", "weightDtype", "activation", "precision"] as const;

/** The arguments of a call, as the caller gave them. */
export interface Call {
  readonly gpu: Gpu;
  readonly x: Tensor;
  readonly weights: Weights;
  readonly options: Options & Recording;
  /** The tokens of each expert, already read. Default: all tokens have the same weights. */
  readonly tokensPerExpert?: readonly number[];
}

/**
 * Options, checked and with their defaults. They are a copy, because the caller's own may change before backward, or
 * have getters that give another value the next time.
 */
export interface Settings {
  readonly activation: Activation;
  readonly precision: Precision;
  readonly implementation: string | null;
  readonly memoryBudget: number | null;
  readonly encoder: GPUCommandEncoder | undefined;
}

/** A call that was checked. The caller's own objects are not read again. */
export interface CheckedCall {
  readonly problem: Problem;
  readonly inputs: Inputs;
  readonly settings: Settings;
  /** The tokens of each expert. Default: all tokens have the same weights. */
  readonly tokensPerExpert?: readonly number[];
}

/**
 * Checks a call before anything is allocated, and gives its problem, inputs and settings.
 *
 * @throws {TypeError} If an argument is of another kind, device, dtype, or disposed, or has an unknown name.
 * @throws {RangeError} If shapes do not fit together, or an option has no such value.
 */
export function checkCall({ gpu, x, weights, options, tokensPerExpert }: Call): CheckedCall {
  checkGpu(gpu);
  checkTensor(gpu, x, "x");
  const inputs = { x, weights: readWeights("weights", weights) };
  const sizes = checkInputs(gpu, inputs, tokensPerExpert);
  const settings = checkOptions(options);
  if (tokensPerExpert) checkExperts(tokensPerExpert, sizes);
  const { activation, precision } = settings;
  return { problem: { ...sizes, activation, precision }, inputs, settings, tokensPerExpert };
}

/**
 * The sizes and the dtypes that inputs have.
 *
 * @throws {TypeError | RangeError} If one is not usable, or they do not fit together.
 */
export function checkInputs(
  gpu: Gpu,
  { x, weights }: Inputs,
  tokensPerExpert?: readonly number[],
): Sizes & Required<Pick<Problem, "dtype" | "weightDtype">> {
  checkTensor(gpu, x, "x");
  const checked = checkWeights(gpu, {
    called: (name) => `weights.${name}`,
    form: formOf(weights),
    tensors: namedWeights(weights),
    x,
    experts: tokensPerExpert?.length,
  });
  return { tokens: x.rows, dim: x.columns, dtype: x.dtype, ...checked };
}

/** What a call reads, by the names of its arguments. */
export function namedInputs({ x, weights }: Inputs): Record<string, Tensor> {
  const parts = Object.entries(namedWeights(weights)).map(([name, tensor]) => [`weights.${name}`, tensor]);
  return { x, ...Object.fromEntries(parts) };
}

/** The arguments of `explain` or `plan`, checked and with their defaults. */
export interface CheckedProblem {
  readonly problem: Problem;
  readonly settings: Settings;
  readonly training: boolean;
  readonly form: WeightForm;
  /** Where the block ends. */
  readonly output: BlockOutput;
  /** The tokens of each expert. Default: all tokens have the same weights. */
  readonly tokensPerExpert?: readonly number[];
  /** What is asked of the gradients, and the types of tensors that they are added to. */
  readonly asked: PlannedAsked;
}

/**
 * Checks the arguments of `explain` and `plan`.
 *
 * @throws {TypeError} If it is no object, has another name, or an option is of another kind.
 * @throws {RangeError} If a size is no whole number, or one but tokens is 0, or an option has no such value.
 */
export function checkProblem(
  asked: Partial<Problem> & Sizes,
  options: Options & Partial<Record<typeof PLANNED[number], unknown>>,
): CheckedProblem {
  const { dtype = "float32", weightDtype = dtype, ...given } = readOnce("problem", asked, PROBLEM);
  const [tokens, dim, hiddenDim] = (["tokens", "dim", "hiddenDim"] as const).map((name) =>
    checkedSize(`problem.${name}`, given[name], { least: name === "tokens" ? 0 : 1 })
  );
  checkOneOf("problem.dtype", dtype, DTYPES);
  checkOneOf("problem.weightDtype", weightDtype, DTYPES);
  if (weightDtype !== dtype && weightDtype !== "float32" && dtype !== "float32") {
    throw new RangeError(
      `Cannot use problem.weightDtype as it must be dtype, ${dtype}, or one of both float32: current value is ${weightDtype}`,
    );
  }
  const {
    training = true,
    weightForm = "separate",
    layout,
    interleaved,
    output = "y",
    tokensPerExpert,
    wrt,
    into,
    ...rest
  } = readOnce("options", options, [...OPTIONS, ...PLANNED]);
  checkOneOf("output", output, BLOCK_OUTPUTS);
  checkOneOf("weightForm", weightForm, ["separate", "combined"]);
  const form = { parts: weightForm as WeightForm["parts"], ...readForm("", { layout, interleaved }) };
  if (form.interleaved && form.parts === "separate") {
    throw new RangeError(
      `Cannot use interleaved as weightForm must be combined: current value is ${form.parts}`,
    );
  }
  if (typeof training !== "boolean") {
    throw new TypeError(
      `Cannot use training as it must be true or false: current value is ${kindOf(training)}`,
    );
  }
  const { activation = rest.activation, precision = rest.precision } = given;
  const settings = checkSettings({ ...rest, activation, precision });
  const sizes = { tokens, dim, hiddenDim, dtype: dtype as DType, weightDtype: weightDtype as DType };
  const problem = { ...sizes, activation: settings.activation, precision: settings.precision };
  if (output === "h") checkUnitSettings(settings);
  const experts = tokensPerExpert === undefined ? undefined : readTokensPerExpert(tokensPerExpert);
  if (experts) checkExperts(experts, { tokens, output: output as BlockOutput });
  return {
    problem,
    settings,
    training,
    form,
    output: output as BlockOutput,
    tokensPerExpert: experts,
    asked: readPlannedAsked({ wrt, into, training }, { form, output: output as BlockOutput, problem }),
  };
}

/**
 * Checks the options of a gated linear unit, which has no implementations and no memory to choose.
 *
 * @throws {RangeError} If one is given that only a whole block has.
 */
export function checkUnitSettings(
  { implementation, memoryBudget }: Pick<Settings, "implementation" | "memoryBudget">,
): void {
  for (const [name, value] of Object.entries({ implementation, memoryBudget })) {
    if (value === null) continue;
    throw new RangeError(
      `Cannot use ${name} here as a gated linear unit, which ends at h, has neither variants nor a budget: current value is ${value}`,
    );
  }
}

function readPlannedAsked(
  { wrt, into, training }: { wrt: unknown; into: unknown; training: boolean },
  { form, output, problem }: { form: WeightForm; output: BlockOutput; problem: Problem },
): PlannedAsked {
  for (const [name, value] of Object.entries({ wrt, into })) {
    if (training || value === undefined) continue;
    throw new RangeError(`Cannot use ${name} as training must be true: current value is false`);
  }
  const { wanted, of } = readTargets(wrt, { form, output, problem });
  return { wanted, into: readTargetTypes(into, of) };
}

/**
 * The gradients that are wanted, undefined for all of a block's, and what tensors that they are added to must fit. Those of a
 * block that ends at h are always named, because all gradients would include dDown.
 */
function readTargets(
  wrt: unknown,
  { form, output, problem }: { form: WeightForm; output: BlockOutput; problem: Problem },
) {
  const names = gradientNames(form, output);
  const chosen = readWrt(wrt, names);
  const wanted = chosen ?? (output === "h" ? new Set(names) : undefined);
  const dtypeOf = (name: GradientName) => gradientDtype(name, problem);
  return { wanted, of: { wanted: names.filter((name) => wanted?.has(name) ?? true), dtypeOf } };
}

/**
 * Checks which gradients a call asks for, and where they go.
 *
 * @throws {TypeError | RangeError} If wrt or into does not fit the call.
 */
export function checkAsked(
  gpu: Gpu,
  { wrt, into }: Readonly<Record<"wrt" | "into", unknown>>,
  { problem, inputs, named, output }: Pick<CheckedCall, "problem" | "inputs"> & {
    /** The tensors that the call reads, by the names of its arguments. */
    readonly named: Readonly<Record<string, Tensor>>;
    readonly output: BlockOutput;
  },
): Asked {
  const { x, weights } = inputs;
  const { wanted, of } = readTargets(wrt, { form: formOf(weights), output, problem });
  const tensors: Record<string, Tensor | undefined> = { x, ...namedWeights(weights) }; // a unit has no down
  const shapes = Object.entries(tensors).flatMap(([name, tensor]) =>
    tensor ? [[gradientOf(name), tensor.shape] as const] : []
  );
  return {
    wanted,
    into: checkInto(gpu, into, {
      ...of,
      shapes: Object.fromEntries(shapes),
      inputs: named,
    }),
  };
}

/**
 * Checks the options of a call that records work.
 *
 * @throws {TypeError} If options is no object or has another name, or one of them is of another kind.
 * @throws {RangeError} If one of them has no such value.
 */
export function checkOptions(options: Options & Recording): Settings {
  return checkSettings(readOptions(options, [...OPTIONS, "encoder"]));
}

/**
 * The options of a call, read once.
 *
 * @throws {TypeError} If options is no object or has another name; one that belongs to the weights is told so.
 */
export function readOptions<Name extends string>(
  options: unknown,
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  const misplaced = ["layout", "interleaved"].find((name) =>
    typeof options === "object" && options !== null && Object.hasOwn(options, name)
  );
  if (misplaced === undefined) return readOnce("options", options, names);
  throw new TypeError(
    `Cannot use options.${misplaced} as it belongs to the weights: { gate, up, down, ${misplaced} }`,
  );
}

function checkSettings(given: Partial<Record<keyof Settings, unknown>>): Settings {
  const { activation = "silu", precision = "default", encoder } = given;
  const read = readActivation(activation);
  checkOneOf("precision", precision, PRECISIONS);
  const implementation = checkedImplementation(given.implementation ?? null);
  const memoryBudget = checkedBudget(given.memoryBudget ?? null);
  if (encoder !== undefined && !isEncoder(encoder)) {
    throw new TypeError(
      `Cannot use encoder as it must be a GPUCommandEncoder: current value is ${kindOf(encoder)}`,
    );
  }
  return { activation: read, precision: precision as Precision, implementation, memoryBudget, encoder };
}

function checkedSize(name: string, size: unknown, { least }: { least: number }): number {
  if (Number.isSafeInteger(size) && size as number >= least) return size as number;
  throw new RangeError(
    `Cannot use ${name} as it must be a whole number from ${least} up: current value is ${kindOf(size)}`,
  );
}

function checkedImplementation(implementation: unknown): string | null {
  const ids = variants.map(({ id }) => id);
  if (implementation === null || ids.some((id) => id === implementation)) {
    return implementation as string | null;
  }
  throw new RangeError(
    `Cannot use implementation as it must be null or one of ${ids.join(", ")}: current value is ${
      kindOf(implementation)
    }`,
  );
}

function checkedBudget(memoryBudget: unknown): number | null {
  if (memoryBudget === null || Number.isFinite(memoryBudget) && memoryBudget as number > 0) {
    return memoryBudget as number | null;
  }
  throw new RangeError(
    `Cannot use memoryBudget as it must be null or bytes above 0: current value is ${kindOf(memoryBudget)}`,
  );
}
