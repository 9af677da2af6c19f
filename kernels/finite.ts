import { countElements } from "./count.ts";
import { assertGpu, type Gpu } from "./gpu/device.ts";
import type { Tensor } from "./gpu/tensor.ts";

/**
 * Counts the elements of a tensor that are infinite or NaN. Values beyond float16's range are stored as infinities. A
 * count above 0 after a float16 product thus means that it overflowed.
 *
 * @throws {TypeError} If the tensor is disposed, or is not of this Gpu.
 * @throws {LimitError} If it is larger than one binding.
 *
 * @example An overflow of float16
 * ```ts
 * import { countNonFinite, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using tensor = Tensor.from(gpu, Float32Array.of(1, 70000), [2], { dtype: "float16" }); // above 65504
 * console.log(await countNonFinite(gpu, tensor)); // 1
 * ```
 */
export function countNonFinite(gpu: Gpu, tensor: Tensor): Promise<number> {
  assertGpu(gpu);
  if (tensor?.memory !== gpu.memory) {
    throw new TypeError("Cannot count as tensor must be a Tensor of this Gpu: current value is none");
  }
  // Tests bits, because a compiler may assume that no float is infinite.
  const where = "(bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u";
  return countElements(gpu, { label: "non-finite elements", inputs: { x: tensor }, where });
}
