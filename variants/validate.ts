import { type Activation, ACTIVATIONS } from "../kernels/activation.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import { DTYPES } from "../kernels/gpu/dtype.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { PRECISIONS } from "../kernels/matmul/config.ts";
import { checkDtype, checkGpu, checkOneOf, checkShape, checkTensor, kindOf } from "./checks.ts";
import { namedWeights } from "./form.ts";
import type { Options, Recording } from "./options.ts";
import type { Problem, Sizes, Weights } from "./variant.ts";

/** What a block may be told about how it is computed. */
const OPTIONS = ["activation", "precision", "implementation", "memoryBudget"];

/** What a question about a block may hold, beside {@linkcode OPTIONS}. */
const PROBLEM = ["tokens", "dim", "hiddenDim", "dtype", "activation", "precision"];

/** Of an activation's expression: ten times what the formulas of known activations take. */
const MOST_CHARACTERS = 4000;

/** Brackets within brackets of an activation's expression. */
const MOST_NESTED = 100;

/** What a call computes from, as the caller gave it. */
export interface Call {
  readonly gpu: Gpu;
  readonly x: Tensor;
  readonly weights: Weights;
  readonly options: Options;
}

/**
 * The problem that a call states, checked before anything is allocated.
 *
 * @throws {TypeError} If an argument is of another kind, device, dtype, or disposed.
 * @throws {RangeError} If shapes do not fit together, or an option has no such value.
 */
export function problemOf({ gpu, x, weights, options }: Call): Problem {
  checkGpu(gpu);
  checkTensor(gpu, x, "x");
  const parts = partsOf(weights);
  for (const [name, tensor] of Object.entries(parts)) checkTensor(gpu, tensor, `weights.${name}`);
  const dim = x.columns;
  const hiddenDim = hiddenOf(weights, dim);
  checkShape(weights.down, "weights.down", [hiddenDim, dim]);
  for (const [name, tensor] of Object.entries(parts)) checkDtype(tensor, `weights.${name}`, x.dtype);
  return { tokens: x.rows, dim, hiddenDim, dtype: x.dtype, ...checkOptions(options) };
}

/** What a call reads, by the names of its arguments. */
export function inputsOf({ x, weights }: Pick<Call, "x" | "weights">): Record<string, Tensor> {
  const parts = Object.entries(partsOf(weights)).map(([name, tensor]) => [`weights.${name}`, tensor]);
  return { x, ...Object.fromEntries(parts) };
}

/**
 * The problem that is asked about, with its defaults filled in.
 *
 * @throws {TypeError} If it is no object, has another name, or an option is of another kind.
 * @throws {RangeError} If a size is no whole number from 1 up, or an option has no such value.
 */
export function checkProblem(
  problem: Partial<Problem> & Sizes,
  options: Options & { readonly weightForm?: unknown },
): Problem {
  checkObject("problem", problem, PROBLEM);
  const { tokens, dim, hiddenDim, dtype = "float32" } = problem;
  for (const [name, size] of Object.entries({ tokens, dim, hiddenDim })) {
    if (Number.isSafeInteger(size) && size >= 1) continue;
    throw new RangeError(
      `Cannot use problem.${name} as it must be a whole number from 1 up: current value is ${kindOf(size)}`,
    );
  }
  checkOneOf("problem.dtype", dtype, DTYPES);
  checkObject("options", options, [...OPTIONS, "training", "weightForm"]);
  checkOneOf("weightForm", options.weightForm ?? "separate", ["separate", "combined"]);
  const { activation = options.activation, precision = options.precision } = problem;
  return { tokens, dim, hiddenDim, dtype, ...checkOptions({ activation, precision }) };
}

/**
 * Activation and precision with their defaults, of the options of a call that records work.
 *
 * @throws {TypeError} If options is no object or has another name, or activation is neither a name nor expressions.
 * @throws {RangeError} If there is no such activation or precision, or an expression is too long or nested too deep.
 */
export function checkOptions(options: Options): Pick<Problem, "activation" | "precision"> {
  checkObject("options", options, [...OPTIONS, "encoder"]);
  const { activation = "silu", precision = "default" } = options;
  checkOneOf("precision", precision, PRECISIONS);
  return { activation: activationOption(activation), precision };
}

/**
 * The caller's encoder, if there is one.
 *
 * @throws {TypeError} If it is none.
 */
export function checkEncoder(recording: Recording): GPUCommandEncoder | undefined {
  checkObject("options", recording, [...OPTIONS, "encoder"]);
  const { encoder } = recording;
  if (encoder === undefined || typeof encoder?.beginComputePass === "function") return encoder;
  throw new TypeError(
    `Cannot use encoder as it must be a GPUCommandEncoder: current value is ${kindOf(encoder)}`,
  );
}

function partsOf(weights: Weights): Record<string, Tensor> {
  if (typeof weights !== "object" || weights === null) {
    throw new TypeError(
      `Cannot use weights as they must be { gate, up, down } or { gateUp, down }: current value is ${
        kindOf(weights)
      }`,
    );
  }
  if ("gateUp" in weights && ("gate" in weights || "up" in weights)) {
    throw new TypeError(
      "Cannot use weights as they must have either gateUp or gate and up: current value has both",
    );
  }
  return namedWeights(weights);
}

function hiddenOf(weights: Weights, dim: number): number {
  if ("gateUp" in weights) {
    const hidden = weights.gateUp.columns;
    checkShape(weights.gateUp, "weights.gateUp", [dim, 2, hidden]);
    return hidden;
  }
  const hidden = weights.gate.columns;
  checkShape(weights.gate, "weights.gate", [dim, hidden]);
  checkShape(weights.up, "weights.up", [dim, hidden]);
  return hidden;
}

/** A copy, each text read once: the caller's own may change before backward, or answer by getters. */
function activationOption(activation: Activation): Activation {
  if (typeof activation === "string") {
    checkOneOf("activation", activation, ACTIVATIONS);
    return activation;
  }
  const { wgsl, derivative } = activation ?? {};
  const isText = (value: unknown) => typeof value === "string" && value.trim() !== "";
  if (!isText(wgsl) || !isText(derivative)) {
    throw new TypeError(
      `Cannot use activation as it must be a name or have wgsl and derivative, both expressions of x: current value is ${
        kindOf(activation)
      }`,
    );
  }
  checkExpression("activation.wgsl", wgsl);
  checkExpression("activation.derivative", derivative);
  return { wgsl, derivative };
}

/** Compilers call themselves for each operator and bracket: what is too long or deep ends the process, uncatchably. */
function checkExpression(name: string, text: string): void {
  if (text.length > MOST_CHARACTERS) {
    throw new RangeError(
      `Cannot use ${name} as it must have at most ${MOST_CHARACTERS} characters: current value has ${text.length}`,
    );
  }
  let depth = 0, deepest = 0;
  for (const character of text) {
    if ("([{".includes(character)) deepest = Math.max(deepest, ++depth);
    else if (")]}".includes(character)) depth--;
  }
  if (deepest <= MOST_NESTED) return;
  throw new RangeError(
    `Cannot use ${name} as its brackets must be nested at most ${MOST_NESTED} deep: current value is ${deepest}`,
  );
}

/** Without `names` the object may hold anything. */
function checkObject(name: string, value: unknown, names?: readonly string[]): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Cannot use ${name} as it must be an object: current value is ${kindOf(value)}`);
  }
  const stray = names && Object.keys(value).find((key) => !names.includes(key));
  if (stray === undefined) return;
  throw new TypeError(
    `Cannot use ${name}.${stray.slice(0, 80)} as ${name} may have ${names!.join(", ")} only`,
  );
}
