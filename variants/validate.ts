import { type Activation, ACTIVATIONS } from "../kernels/activation.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { PRECISIONS } from "../kernels/matmul/config.ts";
import type { Options } from "./options.ts";
import type { Problem, Weights } from "./variant.ts";

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
  checkTensor(gpu, x, "x");
  const parts = partsOf(weights);
  for (const [name, tensor] of Object.entries(parts)) checkTensor(gpu, tensor, `weights.${name}`);
  const dim = x.columns;
  const hiddenDim = hiddenOf(weights, dim);
  checkShape(weights.down, "weights.down", [hiddenDim, dim]);
  for (const [name, tensor] of Object.entries(parts)) {
    if (tensor.dtype !== x.dtype) {
      throw new TypeError(
        `Cannot use weights.${name} as its dtype must be x's, ${x.dtype}: current value is ${tensor.dtype}`,
      );
    }
  }
  const { activation = "silu", precision = "default" } = options;
  checkActivationOption(activation);
  checkOneOf("precision", precision, PRECISIONS);
  return { tokens: x.rows, dim, hiddenDim, dtype: x.dtype, activation, precision };
}

/** The tensors of a block's weights by name. */
export function partsOf(weights: Weights): Record<string, Tensor> {
  if (typeof weights !== "object" || weights === null) {
    throw new TypeError(
      `Cannot use weights as they must be { gate, up, down } or { gateUp, down }: current value is ${weights}`,
    );
  }
  const combined = "gateUp" in weights;
  if (combined && ("gate" in weights || "up" in weights)) {
    throw new TypeError(
      "Cannot use weights as they must have either gateUp or gate and up: current value has both",
    );
  }
  return combined
    ? { gateUp: weights.gateUp, down: weights.down }
    : { gate: weights.gate, up: weights.up, down: weights.down };
}

/**
 * Checks one tensor argument.
 *
 * @throws {TypeError} If it is none, disposed, or of another device.
 */
export function checkTensor(gpu: Gpu, tensor: unknown, name: string): asserts tensor is Tensor {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`Cannot use ${name} as it must be a Tensor: current value is ${kindOf(tensor)}`);
  }
  if (tensor.disposed) {
    throw new TypeError(`Cannot use ${name} as it must not be disposed: current value is disposed`);
  }
  if (tensor.memory !== gpu.memory) {
    throw new TypeError(`Cannot use ${name} as it must be of this Gpu: current value is of another`);
  }
}

/**
 * Checks a tensor's shape.
 *
 * @throws {RangeError} If it is another.
 */
export function checkShape(tensor: Tensor, name: string, shape: readonly number[]): void {
  if (tensor.shape.length === shape.length && tensor.shape.every((size, i) => size === shape[i])) return;
  throw new RangeError(
    `Cannot use ${name} as its shape must be [${shape}]: current value is [${tensor.shape}]`,
  );
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

function checkActivationOption(activation: Activation): void {
  if (typeof activation === "string") return checkOneOf("activation", activation, ACTIVATIONS);
  const { wgsl, derivative } = activation ?? {};
  if (
    typeof wgsl === "string" && wgsl.trim() !== "" && typeof derivative === "string" &&
    derivative.trim() !== ""
  ) return;
  throw new TypeError(
    `Cannot use activation as it must be a name or have wgsl and derivative, both expressions of x: current value is ${
      kindOf(activation)
    }`,
  );
}

function checkOneOf(name: string, value: unknown, values: readonly string[]): void {
  if (typeof value === "string" && values.includes(value)) return;
  throw new RangeError(
    `Cannot use ${name} as it must be one of ${values.join(", ")}: current value is ${String(value)}`,
  );
}

function kindOf(value: unknown): string {
  return value === null
    ? "null"
    : typeof value === "object"
    ? value.constructor?.name ?? "object"
    : String(value);
}
