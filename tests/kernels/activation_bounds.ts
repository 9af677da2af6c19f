/** How far an activation in float32 may be from the truth, from the accuracy that WGSL demands of its parts. */
import type { ActivationName } from "../../kernels/activation.ts";
import { erfc, sigmoid } from "../../bench/oracle/activation.ts";

/** Allowed absolute errors at one x. */
export interface Bounds {
  readonly value: number;
  readonly derivative: number;
}

/** One rounding to nearest. */
const EPS = 2 ** -24;

/** Devices may take what is smaller for 0. */
const SMALLEST_NORMAL = 2 ** -126;

/** WGSL: exp is off by 3 + 2|x| units in the last place, each two roundings. */
const expError = (exponent: number) => EPS * (6 + 4 * Math.abs(exponent));

/** Relative error of sigmoid(v) as exp(-|v|) and a division, where exp is off by `exponential`; 1 - s scales it. */
const sigmoidError = (v: number, exponential = expError(v)) => 8 * EPS + exponential * sigmoid(-v);

/** Absolute error of the normal distribution function: the fit's 1.2e-7, its polynomial and its exponential. */
function normalError(x: number): number {
  const tail = erfc(Math.abs(x) * Math.SQRT1_2) / 2;
  const exponent = x * x / 2 + 1.3;
  return tail * (1.2e-7 + EPS * (16 + 2 * x * x) + expError(exponent)) + (x > 0 ? EPS : 0);
}

function silu(x: number): Bounds {
  const s = sigmoid(x), rest = sigmoid(-x), error = sigmoidError(x);
  return {
    value: Math.abs(x) * s * (error + EPS),
    // s (1 + x (1 - s)): 1 - s is off by what s is, and by a rounding.
    derivative: s * (1 + Math.abs(x) * rest) * (error + 4 * EPS) + s * Math.abs(x) * (s * error + EPS),
  };
}

function gelu(x: number): Bounds {
  const density = Math.abs(x) * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  const normal = erfc(-x * Math.SQRT1_2) / 2;
  return {
    value: Math.abs(x) * (normalError(x) + EPS * normal),
    derivative: normalError(x) + density * (EPS * (8 + x * x) + expError(x * x / 2)) + EPS * normal,
  };
}

function geluTanh(x: number): Bounds {
  const y = Math.min(20, Math.max(-20, x));
  const scale = 2 * Math.sqrt(2 / Math.PI);
  const v = scale * (y + 0.044715 * y ** 3);
  // Five roundings on the way to v become an error of its exponential.
  const error = sigmoidError(v, expError(v) + 5 * EPS * Math.abs(v));
  const s = sigmoid(v), rest = sigmoid(-v);
  // 1 - s is off by what s is, until s is 1 and nothing rounds any more.
  const restError = v > 18 ? rest : rest * error + s * error + EPS;
  const slope = Math.abs(y) * s * scale * (1 + 3 * 0.044715 * y * y);
  return {
    value: Math.abs(x) * s * (error + EPS),
    derivative: s * (error + EPS) + slope * (rest * (error + 8 * EPS) + restError),
  };
}

const EXACT = { value: 0, derivative: 0 };

const BOUNDS: Record<ActivationName, (x: number) => Bounds> = {
  silu,
  gelu,
  gelu_tanh: geluTanh,
  relu: () => EXACT,
  sigmoid: (x) => {
    const s = sigmoid(x), rest = sigmoid(-x);
    const errors = sigmoidError(x) + sigmoidError(-x) + EPS;
    return { value: s * sigmoidError(x), derivative: s * rest * errors };
  },
  // The built-in function: WGSL allows 1e-5, this library a tenth of it. Its slope is 1 - tanh^2.
  tanh: () => ({ value: 1e-6, derivative: 2e-6 + 2 * EPS }),
  identity: () => EXACT,
};

/** Allowed errors of an activation and its derivative at a finite x. */
export function errorBounds(activation: ActivationName, x: number): Bounds {
  const bounds = BOUNDS[activation](x);
  if (bounds === EXACT) return EXACT;
  // Where an exponential underflows it is multiplied by x, in gelu_tanh's slope by a cubic; further out it is 0 anyway.
  const far = Math.min(Math.abs(x), 110), inner = Math.min(Math.abs(x), 20);
  return {
    value: bounds.value + SMALLEST_NORMAL * (1 + far),
    derivative: bounds.derivative + SMALLEST_NORMAL * (1 + far + inner ** 3),
  };
}
