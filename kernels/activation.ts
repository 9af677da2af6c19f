/**
 * Activations by name: silu = x s(x) (https://arxiv.org/abs/1702.03118), gelu = x Phi(x) and gelu_tanh, its form with
 * tanh(sqrt(2/pi) (x + 0.044715 x^3)) (https://arxiv.org/abs/1606.08415), relu = max(x, 0), sigmoid = s(x) =
 * 1 / (1 + exp(-x)), tanh, and identity, which makes the unit bilinear (https://arxiv.org/abs/2002.05202).
 *
 * @example All of them
 * ```ts
 * import { ACTIVATIONS, checkActivation, requestGpu } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * for (const name of ACTIVATIONS) await checkActivation(gpu, name);
 * ```
 */
export const ACTIVATIONS = ["silu", "gelu", "gelu_tanh", "relu", "sigmoid", "tanh", "identity"] as const;

/**
 * Name of a built-in activation.
 *
 * @example An option of a model
 * ```ts
 * import { type ActivationName, ACTIVATIONS } from "../mod.ts";
 *
 * const isActivation = (text: string): text is ActivationName => ACTIVATIONS.some((name) => name === text);
 * console.log(isActivation("gelu"), isActivation("swish")); // true false
 * ```
 */
export type ActivationName = typeof ACTIVATIONS[number];

/**
 * An activation of one's own: two WGSL expressions of `x`, a `vec4f`, each a `vec4f`.
 *
 * @example Squared ReLU
 * ```ts
 * import { type CustomActivation, explain, requestGpu } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * const activation: CustomActivation = {
 *   wgsl: "max(x, vec4f(0)) * max(x, vec4f(0))",
 *   derivative: "2 * max(x, vec4f(0))",
 * };
 * console.log(explain(gpu, { tokens: 4, dim: 8, hiddenDim: 24, activation }).implementation);
 * ```
 */
export interface CustomActivation {
  /** act(x). */
  readonly wgsl: string;
  /** act'(x). */
  readonly derivative: string;
}

/**
 * The activation of a gated linear unit.
 *
 * @example A name or an expression
 * ```ts
 * import type { Activation } from "../mod.ts";
 *
 * const activations: Activation[] = ["silu", { wgsl: "x * x", derivative: "2 * x" }];
 * console.log(activations.length);
 * ```
 */
export type Activation = ActivationName | CustomActivation;

interface Source {
  /** WGSL functions that both expressions may call. */
  readonly helpers?: string;
  readonly wgsl: string;
  readonly derivative: string;
}

/** exp never sees a positive argument, so no intermediate overflows for any finite x. */
const SIGMOID = `
fn sigmoid4(x: vec4f) -> vec4f {
  let e = exp(-abs(x));
  return select(e, vec4f(1), x >= vec4f(0)) / (1 + e);
}`;

/**
 * tanh through sigmoid would cancel near 0; the built-in overflows on some drivers beyond |x| = 44. NaN, known by its
 * bits as compilers take x == x for granted, comes back as it is: clamp may make a bound of it, and a fault would look
 * like a result.
 */
const TANH = `
fn tanh4(x: vec4f) -> vec4f {
  let nan = (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
  return select(tanh(clamp(x, vec4f(-15), vec4f(15))), x, nan);
}`;

/**
 * Phi, the normal distribution function, by erfc of Numerical Recipes (3rd ed., section 6.2.2): relative error below
 * 1.2e-7, to which float32 adds the rounding of exp's argument, 3e-6 at x = -10.
 */
const NORMAL = `
fn normal4(x: vec4f) -> vec4f {
  let z = abs(x) * 0.70710678;
  let t = 1 / (1 + 0.5 * z);
  let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
    + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  let half_erfc = 0.5 * t * exp(p - z * z);
  return select(half_erfc, 1 - half_erfc, x >= vec4f(0));
}`;

const SOURCES: Record<ActivationName, Source> = {
  // silu(x) = x s, silu'(x) = s (1 + x (1 - s)), s = sigmoid(x). https://arxiv.org/abs/1702.03118
  silu: {
    helpers: `${SIGMOID}
fn silu_slope(x: vec4f, s: vec4f) -> vec4f { return s * (1 + x * (1 - s)); }`,
    wgsl: "x * sigmoid4(x)",
    derivative: "silu_slope(x, sigmoid4(x))",
  },
  // gelu(x) = x Phi(x), gelu'(x) = Phi(x) + x phi(x). https://arxiv.org/abs/1606.08415
  gelu: {
    helpers: NORMAL,
    wgsl: "x * normal4(x)",
    // exp(-105) is 0 in float32, so that the largest x leaves nothing of it.
    derivative: "normal4(x) + x * 0.39894228 * exp(-0.5 * min(x * x, vec4f(210)))",
  },
  // x s(2k(x + c x^3)), k = sqrt(2/pi), c = 0.044715: the tanh form with tanh(z) = 2 s(2z) - 1.
  gelu_tanh: {
    helpers: `${SIGMOID}
fn gelu_inner(x: vec4f) -> vec4f {
  let y = clamp(x, vec4f(-20), vec4f(20));
  return 1.5957691216 * (y + 0.044715 * y * y * y);
}
fn gelu_slope(x: vec4f) -> vec4f {
  let s = sigmoid4(gelu_inner(x));
  let y = clamp(x, vec4f(-20), vec4f(20));
  return s + y * s * (1 - s) * 1.5957691216 * (1 + 0.134145 * y * y);
}`,
    wgsl: "x * sigmoid4(gelu_inner(x))",
    derivative: "gelu_slope(x)",
  },
  // Not max(), which may drop NaN.
  relu: { wgsl: "select(x, vec4f(0), x < vec4f(0))", derivative: "select(vec4f(0), vec4f(1), x > vec4f(0))" },
  sigmoid: { helpers: SIGMOID, wgsl: "sigmoid4(x)", derivative: "sigmoid4(x) * sigmoid4(-x)" },
  tanh: { helpers: TANH, wgsl: "tanh4(x)", derivative: "1 - tanh4(x) * tanh4(x)" },
  identity: { wgsl: "x", derivative: "vec4f(1)" },
};

/** Names an activation in kernel keys and reports. */
export function activationKey(activation: Activation): string {
  return typeof activation === "string" ? activation : `custom(${activation.wgsl})(${activation.derivative})`;
}

/** WGSL text that declares `activate(x)` and `activate_derivative(x)`, both vec4f -> vec4f. */
export function activationWgsl(activation: Activation): string {
  const source: Source = typeof activation === "string" ? SOURCES[activation] : activation;
  return `${source.helpers ?? ""}
fn activate(x: vec4f) -> vec4f { return ${source.wgsl}; }
fn activate_derivative(x: vec4f) -> vec4f { return ${source.derivative}; }`;
}
