/** The greatest error that an activation in float32 may have, as its source states it. */
import { type ActivationName, CLAMPED_SWIGLU } from "../../kernels/activation.ts";
import { type ScalarActivation, scalarActivation, sigmoid } from "../../bench/oracle/activation.ts";

/** Allowed absolute errors at one x. */
export interface Bounds {
  readonly value: number;
  readonly derivative: number;
}

/** One rounding to nearest. */
const EPS = 2 ** -24;

/** Devices may take what is smaller for 0. */
const SMALLEST_NORMAL = 2 ** -126;

/** Roundings of each value, and of each derivative relative to the larger of its terms. */
const ROUNDINGS: Record<ActivationName, Bounds> = {
  silu: { value: 20, derivative: 32 },
  gelu: { value: 24, derivative: 32 },
  gelu_tanh: { value: 20, derivative: 32 },
  relu: { value: 0, derivative: 0 },
  sigmoid: { value: 10, derivative: 26 },
  tanh: { value: 14, derivative: 26 },
  identity: { value: 0, derivative: 0 },
  clamped_swiglu: { value: 20, derivative: 32 },
};

const SCALE = 2 * Math.sqrt(2 / Math.PI);

/** The second term of a derivative that is a sum and crosses 0. */
function secondTerm(activation: ActivationName, x: number): number {
  switch (activation) {
    case "silu":
      return Math.abs(x) * sigmoid(x) * sigmoid(-x);
    case "gelu":
      return Math.abs(x) * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    case "gelu_tanh": {
      const v = inner(x);
      return Math.abs(x) * sigmoid(v) * sigmoid(-v) * SCALE * (1 + 3 * 0.044715 * x * x);
    }
    case "clamped_swiglu": {
      const v = CLAMPED_SWIGLU.alpha * x;
      return x > CLAMPED_SWIGLU.limit ? 0 : Math.abs(v) * sigmoid(v) * sigmoid(-v);
    }
    default:
      return 0;
  }
}

/** v of gelu_tanh = x s(v). */
const inner = (x: number) => SCALE * (x + 0.044715 * x ** 3);

/** v of an activation that is x s(v) with a v other than x, bounded where exp(-|v|) is 0, and how often it is rounded. */
function argument(activation: ActivationName, x: number): { v: number; rounded: number } {
  switch (activation) {
    case "gelu_tanh":
      return { v: inner(Math.max(-20, Math.min(20, x))), rounded: 6 };
    case "clamped_swiglu":
      return { v: CLAMPED_SWIGLU.alpha * Math.max(-100, Math.min(CLAMPED_SWIGLU.limit, x)), rounded: 4 };
    default:
      return { v: 0, rounded: 0 };
  }
}

/** What an activation at x differs by where a device takes x for 0. */
function apartFromZero({ value, derivative }: ScalarActivation, x: number): Bounds {
  return {
    value: Math.abs(value(x) - value(0)),
    derivative: Math.abs(derivative(x) - derivative(0)),
  };
}

/** Allowed errors of an activation and its derivative at a finite x. */
export function errorBounds(activation: ActivationName, x: number): Bounds {
  const exact = scalarActivation(activation);
  const roundings = ROUNDINGS[activation];
  if (roundings.value === 0) return Math.abs(x) < SMALLEST_NORMAL ? apartFromZero(exact, x) : roundings;
  const term = secondTerm(activation, x);
  // What the rounding of v makes of exp(-|v|), which is all of the result for x < 0, and next to nothing beyond 20.
  const { v, rounded } = argument(activation, x);
  const ofV = rounded * Math.abs(v);
  const value = Math.abs(exact.value(x)), derivative = Math.abs(exact.derivative(x));
  const share = x < 0 ? 1 : sigmoid(-v);
  const larger = Math.max(derivative, term);
  return {
    value: EPS * value * (roundings.value + ofV * share) + SMALLEST_NORMAL,
    derivative: EPS * (larger * roundings.derivative + ofV * (x < 0 ? larger : term)) + SMALLEST_NORMAL,
  };
}
