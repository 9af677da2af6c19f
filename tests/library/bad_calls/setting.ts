// deno-lint-ignore-file no-explicit-any -- bad calls are those that the types forbid
import { requestGpu, swiglu, Tensor } from "../../../mod.ts";
import { blockOf } from "../fixture.ts";

/** A call, the class of its error, and the message after "Cannot ". */
export type Bad = [call: () => unknown, kind: new (...args: any[]) => Error, message: string];

export const gpu = await requestGpu();
export const other = await requestGpu();
export const gone = await requestGpu();
gone.dispose();

export const { forms: [weights, combined], ...block } = blockOf(gpu, { tokens: 12, dim: 20, hiddenDim: 36 }, {
  leading: [3, 4],
});
export const half = Tensor.from(gpu, new Float32Array(36 * 20), [36, 20], { dtype: "float16" });
export const halfGate = Tensor.from(gpu, new Float32Array(20 * 36), [20, 36], { dtype: "float16" });
export const halfX = Tensor.from(gpu, new Float32Array(12 * 20), [12, 20], { dtype: "bfloat16" });
export const foreign = Tensor.from(other, new Float32Array(240), [12, 20]);
export const disposed = Tensor.from(gpu, new Float32Array(240), [12, 20]);
disposed.dispose();

export const call = (...args: any[]) => () => (swiglu as any)(gpu, ...args);
export const option = (options: any) => call(block.x, weights, options);
export const names = "silu, gelu, gelu_tanh, relu, sigmoid, tanh, identity, clamped_swiglu";
