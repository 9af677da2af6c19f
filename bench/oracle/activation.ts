import { type ActivationName, CLAMPED_SWIGLU, type ClampedSwiglu } from "../../kernels/activation.ts";

/** An activation in float64: act(x) and act'(x). */
export interface ScalarActivation {
  /** act(x). */
  value(x: number): number;
  /** act'(x). */
  derivative(x: number): number;
  /** What u becomes before it is multiplied by act(g). Default: u itself. */
  up?(u: number): number;
  /** Its derivative. Default: 1. */
  upDerivative?(u: number): number;
}

/** 1 / (1 + exp(-x)). It cannot overflow, because the argument of exp is never positive. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/**
 * The complementary error function, 1 - erf(x). Its absolute error is below 1e-15. From x = 2 on, where it is small, its
 * relative error is below 2e-14.
 *
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 (series) and 7.1.14 (continued fraction).
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (1 3 ... (2n+1)). All terms are positive, so nothing cancels. */
function erfSeries(x: number): number {
  let term = x, sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

/** sqrt(pi) exp(x^2) erfc(x) = 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/...))). From x = 2 on, 60 levels suffice. */
function erfcFraction(x: number): number {
  let denominator = x;
  for (let level = 60; level >= 1; level--) denominator = x + level / 2 / denominator;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * denominator);
}

/** Phi(x), the normal distribution function. */
function normal(x: number): number {
  return erfc(-x * Math.SQRT1_2) / 2;
}

/** phi(x), the density of the normal distribution. */
function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** 2 sqrt(2/pi) and the cubic coefficient of GELU's tanh form. It is computed with tanh(z) = 2 sigmoid(2z) - 1. */
const GELU_SCALE = 2 * Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

const ACTIVATIONS: Record<ActivationName, ScalarActivation> = {
  // https://arxiv.org/abs/1702.03118
  silu: {
    value: (x) => x * sigmoid(x),
    derivative: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
  },
  // https://arxiv.org/abs/1606.08415
  gelu: {
    value: (x) => x * normal(x),
    derivative: (x) => normal(x) + x * normalDensity(x),
  },
  gelu_tanh: {
    value: (x) => x * sigmoid(GELU_SCALE * (x + GELU_CUBIC * x ** 3)),
    derivative: (x) => {
      const z = GELU_SCALE * (x + GELU_CUBIC * x ** 3);
      return sigmoid(z) * (1 + x * sigmoid(-z) * GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x));
    },
  },
  relu: {
    value: (x) => Math.max(x, 0),
    derivative: (x) => x > 0 ? 1 : x <= 0 ? 0 : NaN,
  },
  sigmoid: {
    value: sigmoid,
    derivative: (x) => sigmoid(x) * sigmoid(-x),
  },
  tanh: {
    value: Math.tanh,
    derivative: (x) => 1 / Math.cosh(x) ** 2,
  },
  identity: {
    value: (x) => x,
    derivative: () => 1,
  },
  clamped_swiglu: clampedSwiglu(CLAMPED_SWIGLU),
};

/** c s(alpha c), c = min(x, limit), of up clamped to [-limit, limit] and shifted; the values as float32 holds them. */
function clampedSwiglu(given: Omit<ClampedSwiglu, "name">): ScalarActivation {
  const [alpha, limit, shift] = (["alpha", "limit", "shift"] as const).map((name) =>
    Math.fround(given[name] ?? CLAMPED_SWIGLU[name])
  );
  return {
    value: (x) => Math.min(x, limit) * sigmoid(alpha * Math.min(x, limit)),
    derivative: (x) => x > limit ? 0 : sigmoid(alpha * x) * (1 + alpha * x * sigmoid(-alpha * x)),
    up: (u) => Math.min(Math.max(u, -limit), limit) + shift,
    upDerivative: (u) => Math.abs(u) > limit ? 0 : Number.isNaN(u) ? NaN : 1,
  };
}

/** The activation of that name in float64. A custom activation is returned as it is. */
export function scalarActivation(
  activation: ActivationName | ClampedSwiglu | ScalarActivation,
): ScalarActivation {
  if (typeof activation === "string") return ACTIVATIONS[activation];
  return "name" in activation ? clampedSwiglu(activation) : activation;
}
