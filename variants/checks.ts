import { assertGpu, type Gpu } from "../kernels/gpu/device.ts";
import type { DType } from "../kernels/gpu/dtype.ts";
import { kindOf } from "../kernels/gpu/arguments.ts";
import { notSubmitted } from "../kernels/gpu/memory.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";

/**
 * Checks the device argument.
 *
 * @throws {TypeError} If it is none, or disposed.
 */
export function checkGpu(gpu: unknown): asserts gpu is Gpu {
  assertGpu(gpu);
  if (gpu.disposed) {
    throw new TypeError("Cannot use gpu as it must not be disposed: current value is disposed");
  }
  if (gpu.lost !== null) throw new Error(`Cannot use gpu as its device is lost: ${gpu.lost}`);
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

/** Whether a tensor has a shape. */
export function hasShape(tensor: Tensor, shape: readonly number[]): boolean {
  return tensor.shape.length === shape.length && tensor.shape.every((size, i) => size === shape[i]);
}

/**
 * Checks a tensor's shape.
 *
 * @throws {RangeError} If it is another.
 */
export function checkShape(tensor: Tensor, name: string, shape: readonly number[]): void {
  if (hasShape(tensor, shape)) return;
  throw new RangeError(
    `Cannot use ${name} as its shape must be [${shape}]: current value is [${tensor.shape}]`,
  );
}

/**
 * Checks a tensor's dtype.
 *
 * @throws {TypeError} If it is another.
 */
export function checkDtype(tensor: Tensor, name: string, dtype: DType, whose = "x's"): void {
  if (tensor.dtype === dtype) return;
  throw new TypeError(
    `Cannot use ${name} as its dtype must be ${whose}, ${dtype}: current value is ${tensor.dtype}`,
  );
}

/**
 * Checks that what earlier work writes is there when a recording runs.
 *
 * @throws {TypeError} If the work is in another caller's encoder that is not submitted.
 */
export function checkWritten(
  gpu: Gpu,
  tensors: Readonly<Record<string, Tensor>>,
  encoder: GPUCommandEncoder | undefined,
): void {
  const missing = Object.entries(tensors).find(([, { buffer }]) =>
    gpu.memory.pending.isUnwritten(buffer, encoder)
  );
  if (missing) throw notSubmitted(`use ${missing[0]}`);
}
