/**
 * SwiGLU and other gated linear units on WebGPU, forward and backward, from JavaScript. They run on this project's own
 * kernels, or on any of seven other implementations that it reproduces, chosen by name.
 *
 * ```ts
 * import { requestGpu, swigluWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const random = (...shape: number[]) => {
 *   const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
 *   return Tensor.from(gpu, values, shape);
 * };
 * const [x, gate, up, down] = [random(2, 8, 16), random(16, 48), random(16, 48), random(48, 16)];
 * const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down });
 * const { dx, dDown } = backward(y); // the gradient of y.y / 2
 * console.log(y.shape, await dx.read(), await dDown.read());
 * ```
 *
 * @module
 */

export {
  type Activation,
  type ActivationName,
  ACTIVATIONS,
  type ClampedSwiglu,
  type CustomActivation,
} from "./kernels/activation.ts";
export { countNonFinite } from "./kernels/finite.ts";
export type { Capabilities, SubgroupMatrixConfig } from "./kernels/gpu/capabilities.ts";
export { type AdapterChoice, Gpu, NoAdapterError, requestGpu } from "./kernels/gpu/device.ts";
export type { DType } from "./kernels/gpu/dtype.ts";
export type { Elements } from "./kernels/gpu/elements.ts";
export type { Ledger, Purpose } from "./kernels/gpu/ledger.ts";
export { OutOfMemoryError } from "./kernels/gpu/memory.ts";
export type { SubgroupTileName } from "./kernels/matmul/subgroup/tile.ts";
export { type TileName, TILES } from "./kernels/matmul/tiles.ts";
export { Tensor } from "./kernels/gpu/tensor.ts";
export { type Precision, PRECISIONS } from "./kernels/matmul/config.ts";
export {
  parseTuning,
  type TunedChoice,
  TUNING_SCHEMA,
  type TuningEntry,
  TuningError,
  type TuningTable,
  useTuning,
} from "./kernels/matmul/tuning.ts";
export { LimitError } from "./kernels/gpu/limits.ts";
export { type ActivationCheck, ActivationError, checkActivation } from "./variants/check_activation.ts";
export { catalog as variants } from "./variants/catalog.ts";
export { elementwise, type ElementwiseOptions } from "./variants/elementwise.ts";
export type { Options, Recording } from "./variants/options.ts";
export { type Explanation, NoImplementationError, type Plan, type Rejected } from "./variants/block_plan.ts";
export { explain, type ExplainOptions, plan } from "./variants/explain.ts";
export {
  gatedLinearUnit,
  gatedLinearUnitWithGrad,
  type UnitGradients,
  type UnitWeights,
  type UnitWithGradients,
  type UnitWrt,
} from "./variants/gated_linear_unit.ts";
export { swiglu, swigluWithGrad, type WithGradients } from "./variants/swiglu.ts";
export type { TokensPerExpert } from "./variants/check_experts.ts";
export { swigluExperts, swigluExpertsWithGrad } from "./variants/swiglu_experts.ts";
export type { GradientName, GradientOptions, Gradients, GradientsBy, Wrt } from "./variants/gradients.ts";
export type { Problem, Sizes, VariantInfo } from "./variants/variant.ts";
export {
  type CombinedWeights,
  type SeparateWeights,
  WEIGHT_LAYOUTS,
  type WeightLayout,
  type Weights,
} from "./variants/weights.ts";
