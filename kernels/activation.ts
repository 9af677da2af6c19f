/**
 * Activations by name: silu = x s(x) (https://arxiv.org/abs/1702.03118), gelu = x Phi(x) and gelu_tanh, its form with
 * tanh(sqrt(2/pi) (x + 0.044715 x^3)) (https://arxiv.org/abs/1606.08415), relu = max(x, 0), sigmoid = s(x) =
 * 1 / (1 + exp(-x)), tanh, and identity, which makes the unit bilinear (https://arxiv.org/abs/2002.05202).
 * clamped_swiglu acts on both operands, with the values of gpt-oss: see {@linkcode ClampedSwiglu}.
 *
 * @example All of them
 * ```ts
 * import { ACTIVATIONS, checkActivation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * for (const name of ACTIVATIONS) await checkActivation(gpu, name);
 * ```
 */
export const ACTIVATIONS = [
  "silu",
  "gelu",
  "gelu_tanh",
  "relu",
  "sigmoid",
  "tanh",
  "identity",
  "clamped_swiglu",
] as const;

/**
 * Name of a built-in activation.
 *
 * @example An option of a model
 * ```ts
 * import { type ActivationName, ACTIVATIONS } from "@swiglu/webgpu";
 *
 * const isActivation = (text: string): text is ActivationName => ACTIVATIONS.some((name) => name === text);
 * console.log(isActivation("gelu"), isActivation("swish")); // true false
 * ```
 */
export type ActivationName = typeof ACTIVATIONS[number];

/**
 * SwiGLU with clamped operands: h = c s(alpha c) (clamp(u, -limit, limit) + shift), where c = min(g, limit) and s is the
 * logistic function. Beyond the limits the derivative is 0, at them it is that of the inside. NaN stays NaN.
 *
 * gpt-oss has alpha 1.702, limit 7 and shift 1 (https://github.com/openai/gpt-oss, `swiglu`); DeepSeek's has alpha 1 and
 * shift 0. The values are uniforms: a new one compiles nothing. Their own gradients are not computed.
 *
 * @example The defaults are those of gpt-oss
 * ```ts
 * import type { ClampedSwiglu } from "@swiglu/webgpu";
 *
 * const gptOss: ClampedSwiglu = { name: "clamped_swiglu" };
 * const deepSeek: ClampedSwiglu = { name: "clamped_swiglu", alpha: 1, limit: 10, shift: 0 };
 * console.log(gptOss, deepSeek);
 * ```
 */
export interface ClampedSwiglu {
  /** Which activation it is. */
  readonly name: "clamped_swiglu";
  /** What the gate is multiplied by inside s, above 0. Default: 1.702. */
  readonly alpha?: number;
  /** The largest gate, and the largest magnitude of up: above 0, Infinity for none. Default: 7. */
  readonly limit?: number;
  /** What is added to up after it is clamped. Default: 1. */
  readonly shift?: number;
}

/**
 * A caller's own activation: two WGSL expressions of `x`, and of parameters if it has any. x and both results are
 * `vec4f`, each parameter is an `f32`.
 *
 * Values of parameters are uniforms: a new value compiles nothing. `backward` does not compute their gradients, but two
 * calls do. The gradient of a parameter b is the sum of dh u (d act / d b)(g) over all tokens and hidden units. That is
 * the inner product of W_up with dUp of the same block with d act / d b for its activation, as the last example has it.
 *
 * @example Squared ReLU
 * ```ts
 * import { type CustomActivation, explain, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const activation: CustomActivation = {
 *   wgsl: "select(x * x, vec4f(0), x < vec4f(0))", // select keeps NaN, max(x, 0) may make 0 of it
 *   derivative: "select(2 * x, vec4f(0), x < vec4f(0))",
 * };
 * console.log(explain(gpu, { tokens: 4, dim: 8, hiddenDim: 24, activation }).implementation);
 * ```
 *
 * @example Swish, x s(beta x), with a beta that may change at each step
 * ```ts
 * import { checkActivation, type CustomActivation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const e = "exp(-abs(beta * x))"; // cannot overflow
 * const s = `(select(${e}, vec4f(1), beta * x >= vec4f(0)) / (1 + ${e}))`;
 * const swish = (beta: number): CustomActivation => ({
 *   wgsl: `x * ${s}`,
 *   derivative: `${s} + beta * x * ${e} / ((1 + ${e}) * (1 + ${e}))`,
 *   parameters: { beta },
 * });
 * await checkActivation(gpu, swish(1.5));
 * ```
 *
 * @example The gradient of beta, for a beta that is trained
 * ```ts
 * import { type CustomActivation, type Gpu, requestGpu, swigluWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * async function gradientOfBeta(gpu: Gpu, { x, gate, up, down, dy }: Record<string, Tensor>, beta: number) {
 *   const e = "exp(-abs(beta * x))";
 *   const byBeta: CustomActivation = {
 *     wgsl: `x * x * ${e} / ((1 + ${e}) * (1 + ${e}))`, // the derivative of x s(beta x) by beta
 *     derivative: "vec4f(0)", // only dGate and dx need it, and they are not asked for
 *     parameters: { beta },
 *   };
 *   const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down }, { activation: byBeta, wrt: ["up"] });
 *   const { dUp } = backward(dy);
 *   const [weights, slopes] = await Promise.all([up.read(), dUp.read()]);
 *   for (const tensor of [y, dUp]) tensor.dispose();
 *   return weights.reduce((sum, weight, i) => sum + weight * slopes[i], 0);
 * }
 *
 * using gpu = await requestGpu();
 * const one = Tensor.from(gpu, Float32Array.of(1), [1, 1]);
 * console.log(await gradientOfBeta(gpu, { x: one, gate: one, up: one, down: one, dy: one }, 1.5)); // 0.149
 * one.dispose();
 * ```
 */
export interface CustomActivation {
  /** act(x). */
  readonly wgsl: string;
  /** act'(x). */
  readonly derivative: string;
  /** Values of the names that the expressions use besides x: finite numbers, at most 16. Default: none. */
  readonly parameters?: Readonly<Record<string, number>>;
}

/**
 * The activation of a gated linear unit.
 *
 * @example A name, values for a name, or expressions
 * ```ts
 * import type { Activation } from "@swiglu/webgpu";
 *
 * const activations: Activation[] = [
 *   "silu",
 *   { name: "clamped_swiglu", limit: 10 },
 *   { wgsl: "x * x", derivative: "2 * x" },
 * ];
 * console.log(activations.length);
 * ```
 */
export type Activation = ActivationName | ClampedSwiglu | CustomActivation;

/** Values of clamped SwiGLU that a caller leaves out: those of gpt-oss. */
export const CLAMPED_SWIGLU = { alpha: 1.702, limit: 7, shift: 1 } as const;

/** The values that an activation computes with, by name; the names in alphabetical order, so that any order is one. */
export function parametersOf(activation: Activation): [name: string, value: number][] {
  const values = valuesOf(activation);
  return Object.keys(values).sort().map((name) => [name, values[name]]);
}

function valuesOf(activation: Activation): Readonly<Record<string, number>> {
  if (typeof activation === "string") return activation === "clamped_swiglu" ? CLAMPED_SWIGLU : {};
  if ("wgsl" in activation) return activation.parameters ?? {};
  const { name: _, ...given } = activation;
  return { ...CLAMPED_SWIGLU, ...given };
}

/** Names an activation in kernel keys and reports: all that decides its text, so not the values of its parameters. */
export function activationKey(activation: Activation): string {
  if (typeof activation === "string") return activation;
  if ("name" in activation) return activation.name;
  const names = parametersOf(activation).map(([name]) => name);
  return `custom${[activation.wgsl, activation.derivative, ...names].map((part) => `(${part})`).join("")}`;
}
