import { type Activation, type ActivationName, parametersOf } from "./activation.ts";
import { ownName, withOwnNames } from "./text.ts";

interface Source {
  /** WGSL functions that the expressions may call. */
  readonly helpers?: string;
  /** act(x). */
  readonly wgsl: string;
  /** act'(x). */
  readonly derivative: string;
  /** What up becomes before it is multiplied by act(g), and its derivative, both expressions of `u`. Default: u itself. */
  readonly up?: { readonly wgsl: string; readonly derivative: string };
}

/**
 * exp(-z) for z >= 0, given as scale (1 + rest). z comes in two parts, whose sum is more exact than one float32.
 *
 * WGSL allows its exp an error of 3 + 2 |z| units in the last place, and its tanh one of 1e-5. These functions are
 * therefore made of additions, products and bits alone.
 *
 * - exp(-z) = 2^-n exp(r), where n = round(z / ln 2) and r = n ln 2 - z. ln 2 is split in two parts, and n times the
 * first   (355/512) is exact.
 * - A polynomial of degree 6 gives exp(r) - 1 with a relative error of 1.4e-8, so that the whole is good to 2^-22.
 * - From z = 126.5 ln 2 = 87.68 on, float32 has no normal numbers left, and scale is 0.
 * - The lesser of z and 127 ln 2 is taken by comparing bits, as min() of floats may drop NaN. For a NaN rest is NaN
 * too.
 */
const EXPONENTIAL = `
struct Exponential { scale: vec4f, rest: vec4f }
fn exponential(z: vec4f, more: vec4f) -> Exponential {
  let y = bitcast<vec4f>(min(bitcast<vec4u>(z), vec4u(0x42b00f34u)));
  let n = min(round((y + more) * 1.44269504), vec4f(127));
  let r = (n * 0.693359375 - y) - (n * 2.12194440e-4 + more);
  let tail = 0.49999998 + r * (0.16666539 + r * (0.041667223 + r * (0.0083671808 + r * 0.0013882396)));
  let nan = bitcast<vec4u>(z) > vec4u(0x7f800000u);
  return Exponential(bitcast<vec4f>((vec4u(127) - vec4u(n)) << vec4u(23)), select(r + r * r * tail, z, nan));
}
fn exp_minus(z: vec4f) -> vec4f {
  let e = exponential(z, vec4f(0));
  return e.scale + e.scale * e.rest;
}`;

/**
 * x s(v) and its derivative, where v has the sign of x. They take root = exp(-|v| / 2) and slope = v'(x). exp(-|v|)
 * itself would become 0 too early; x times the root, times the root again, reaches down to the smallest numbers. 1 -
 * s(v) is computed as s(-v), which does not cancel.
 */
const GATED = `
fn gate_value(x: vec4f, root: vec4f) -> vec4f {
  let top = select(root, vec4f(1), x >= vec4f(0));
  return (x * top) * top / (1 + root * root);
}
fn gate_slope(x: vec4f, root: vec4f, slope: vec4f) -> vec4f {
  let e = root * root;
  let top = select(root, vec4f(1), x >= vec4f(0));
  let other = select(vec4f(1), e, x >= vec4f(0)) / (1 + e);
  return (top + (top * x) * other * slope) * top / (1 + e);
}`;

/**
 * Phi(-y) = exp(-y^2 / 2) normal_tail(y) for y >= 0. normal_tail is a polynomial in t = 1 / (1 + 0.35 y), fitted to
 * erfcx(y / sqrt 2) / 2 with a relative error of 4.4e-8 for all y. gauss_root is exp(-y^2 / 4). It takes y^2 in two
 * parts, because rounding y^2 alone would make an error of 5e-6 at y = 13. The upper 12 bits of y have an exact square.
 */
const NORMAL = `
fn normal_tail(y: vec4f) -> vec4f {
  let t = 1 / (1 + 0.35 * y);
  return t * (0.13962258 + t * (0.13983604 + t * (0.12006172 + t * (0.104427472 + t * (-0.020117657
    + t * (0.15416621 + t * (-0.25073755 + t * (0.14127229 - t * 0.028531099))))))));
}
fn gauss_root(x: vec4f) -> vec4f {
  let y = bitcast<vec4f>(min(bitcast<vec4u>(abs(x)), vec4u(0x41a00000u)));
  let top = bitcast<vec4f>(bitcast<vec4u>(y) & vec4u(0xfffff000u));
  let e = exponential(0.25 * top * top, 0.25 * (y - top) * (y + top));
  return e.scale + e.scale * e.rest;
}`;

/**
 * Clamps that keep NaN, which min() and clamp() may drop. They compare bits: those of positive floats are in the order of
 * the floats, infinity, 0x7f800000, is the last of them, and negative floats are negative integers.
 */
const CLAMPS = `
fn is_nan(x: vec4f) -> vec4<bool> { return bitcast<vec4u>(abs(x)) > vec4u(0x7f800000u); }
fn beyond(x: vec4f, limit: f32) -> vec4<bool> {
  let bits = bitcast<vec4i>(x);
  return (bits > vec4i(bitcast<i32>(limit))) & (bits <= vec4i(0x7f800000));
}
fn clamp_above(x: vec4f, limit: f32) -> vec4f { return select(x, vec4f(limit), beyond(x, limit)); }
fn clamp_both(x: vec4f, limit: f32) -> vec4f {
  let sign = bitcast<vec4u>(x) & vec4u(0x80000000u);
  let bound = bitcast<vec4f>(vec4u(bitcast<u32>(limit)) | sign);
  return select(x, bound, beyond(abs(x), limit));
}
fn clamped_gate(x: vec4f, alpha: f32, limit: f32) -> vec4f {
  let c = clamp_above(x, limit);
  return gate_value(c, exp_minus(0.5 * alpha * abs(c)));
}
fn clamped_gate_slope(x: vec4f, alpha: f32, limit: f32) -> vec4f {
  let slope = gate_slope(x, exp_minus(0.5 * alpha * abs(x)), vec4f(alpha));
  return select(slope, vec4f(0), beyond(x, limit));
}`;

/**
 * The formulas, with s(x) = 1 / (1 + exp(-x)). Each keeps NaN, by arithmetic or by its bits. For infinity each gives
 * what float64 gives.
 *
 * Errors are relative to the result, in units of 2^-24 (6e-8), and hold for all of float32. A result that is no normal
 * number may become 0. The errors add up what WGSL allows (5 for a division), 4 for an exponential and 8 for its
 * square: sigmoid 10, tanh 14, silu 20, gelu 24, tanh' and sigmoid' 26.
 *
 * The derivatives of silu, gelu and gelu_tanh cross 0. Each is a sum of two terms, and its error is 32, relative to the
 * larger term. In gelu_tanh the rounding of v adds 6 |v| for x < 0, where the result is proportional to exp(-|v|); in
 * clamped_swiglu, where v = alpha x, it adds 4 |v|.
 */
const SOURCES: Record<ActivationName, Source> = {
  // silu(x) = x s(x), silu'(x) = s(x) (1 + x s(-x)). https://arxiv.org/abs/1702.03118
  silu: {
    helpers: EXPONENTIAL + GATED,
    wgsl: "gate_value(x, exp_minus(0.5 * abs(x)))",
    derivative: "gate_slope(x, exp_minus(0.5 * abs(x)), vec4f(1))",
  },
  // gelu(x) = x Phi(x), gelu'(x) = Phi(x) + x phi(x) = 1 - gelu'(-x). https://arxiv.org/abs/1606.08415
  gelu: {
    helpers: `${EXPONENTIAL}${NORMAL}
fn gelu(x: vec4f) -> vec4f {
  let root = gauss_root(x);
  let tail = normal_tail(abs(x));
  return select(((x * root) * tail) * root, x * (1 - root * tail * root), x >= vec4f(0));
}
fn gelu_slope(x: vec4f) -> vec4f {
  let root = gauss_root(x);
  let left = (root * normal_tail(abs(x)) - (abs(x) * root) * 0.39894228) * root;
  return select(left, 1 - left, x >= vec4f(0));
}`,
    wgsl: "gelu(x)",
    derivative: "gelu_slope(x)",
  },
  // x s(v), v = 2k (x + c x^3), k = sqrt(2/pi), c = 0.044715: the tanh form with tanh(z) = 2 s(2z) - 1.
  // |x| is bounded at 20, where exp(-|v|) is 0 already, so that the cubic stays finite.
  gelu_tanh: {
    helpers: `${EXPONENTIAL}${GATED}
fn gelu_bounded(x: vec4f) -> vec4f {
  return bitcast<vec4f>(min(bitcast<vec4u>(abs(x)), vec4u(0x41a00000u)));
}
fn gelu_root(y: vec4f) -> vec4f { return exp_minus(y * (0.7978845608 + 0.035677408137 * y * y)); }
fn gelu_slope(x: vec4f) -> vec4f {
  let y = gelu_bounded(x);
  return gate_slope(x, gelu_root(y), 1.5957691216 + 0.21406444882 * y * y);
}`,
    wgsl: "gate_value(x, gelu_root(gelu_bounded(x)))",
    derivative: "gelu_slope(x)",
  },
  // Compares bits, as a compiler may turn select(x, 0, x < 0) into max(x, 0), which may drop NaN.
  // Bits up to 0x7f800000, infinity, are no NaN.
  relu: {
    wgsl: "select(x, vec4f(0), bitcast<vec4u>(x) - vec4u(0x80000000u) <= vec4u(0x7f800000u))",
    derivative:
      "select(select(vec4f(0), vec4f(1), x > vec4f(0)), x, bitcast<vec4u>(abs(x)) > vec4u(0x7f800000u))",
  },
  // s'(x) = s(x) s(-x) = r^2 / (1 + r^2)^2, r = exp(-|x| / 2).
  sigmoid: {
    helpers: `${EXPONENTIAL}
fn sigmoid(x: vec4f) -> vec4f {
  let e = exp_minus(abs(x));
  return select(e, vec4f(1), x >= vec4f(0)) / (1 + e);
}
fn sigmoid_slope(x: vec4f) -> vec4f {
  let root = exp_minus(0.5 * abs(x));
  let product = root / (1 + root * root);
  return product * product;
}`,
    wgsl: "sigmoid(x)",
    derivative: "sigmoid_slope(x)",
  },
  // tanh|x| = -m / (2 + m), m = exp(-2|x|) - 1. It does not cancel near 0.
  // tanh'(x) = (2r / (1 + r^2))^2, r = exp(-|x|). 1 - tanh^2 would lose all digits beyond x = 9.
  tanh: {
    helpers: `${EXPONENTIAL}
fn own_tanh(x: vec4f) -> vec4f {
  let e = exponential(2 * abs(x), vec4f(0));
  let m = e.scale * e.rest + (e.scale - 1);
  let sign = bitcast<vec4u>(x) & vec4u(0x80000000u);
  return bitcast<vec4f>(bitcast<vec4u>(-m / (2 + m)) | sign);
}
fn tanh_slope(x: vec4f) -> vec4f {
  let root = exp_minus(abs(x));
  let secant = 2 * root / (1 + root * root);
  return secant * secant;
}`,
    wgsl: "own_tanh(x)",
    derivative: "tanh_slope(x)",
  },
  identity: { wgsl: "x", derivative: "vec4f(1)" },
  // c s(alpha c), c = min(x, limit); up is clamp(u, -limit, limit) + shift. https://github.com/openai/gpt-oss
  clamped_swiglu: {
    helpers: EXPONENTIAL + GATED + CLAMPS,
    wgsl: "clamped_gate(x, alpha, limit)",
    derivative: "clamped_gate_slope(x, alpha, limit)",
    up: {
      wgsl: "clamp_both(u, limit) + shift",
      derivative: "select(select(vec4f(1), vec4f(0), beyond(abs(u), limit)), u, is_nan(u))",
    },
  },
};

/** WGSL of the uniform block: words by name, then the values of an activation's parameters if the kernel has one. */
export function uniformsWgsl(words: readonly string[], activation: Activation | null): string {
  const values = activation === null ? [] : parametersOf(activation).map((_, i) => `parameter_${i}: f32`);
  return `struct Params { ${[...words.map((word) => `${word}: u32`), ...values].join(", ")} }`;
}

/**
 * WGSL text that declares `activate(x)` and `activate_derivative(x)`, both vec4f -> vec4f; also `activate_up(u)` and
 * `activate_up_derivative(u)` if it acts on both operands. The module has the uniforms of {@linkcode uniformsWgsl} as `p`.
 */
export function activationWgsl(activation: Activation): string {
  const { helpers, wgsl, derivative, up } = sourceOf(activation);
  const declared = [
    functionWgsl(activation, "activate", { of: "x", is: wgsl }),
    functionWgsl(activation, "activate_derivative", { of: "x", is: derivative }),
    ...up
      ? [
        functionWgsl(activation, "activate_up", { of: "u", is: up.wgsl }),
        functionWgsl(activation, "activate_up_derivative", { of: "u", is: up.derivative }),
      ]
      : [],
  ];
  return [helpers ?? "", ...declared].join("\n");
}

function sourceOf(activation: Activation): Source {
  if (typeof activation === "string") return SOURCES[activation];
  return "name" in activation ? SOURCES[activation.name] : activation;
}

/** A function of one operand; the parameters are arguments of a function behind it. */
function functionWgsl(
  activation: Activation,
  name: string,
  { of, is }: { of: string; is: string },
): string {
  const names = parametersOf(activation).map(([name]) => name);
  if (names.length === 0) return `fn ${name}(${of}: vec4f) -> vec4f { return ${is}; }`;
  const declared = names.map((name) => `${ownName(name)}: f32`).join(", ");
  const values = names.map((_, i) => `p.parameter_${i}`).join(", ");
  return `fn ${name}_with(${of}: vec4f, ${declared}) -> vec4f { return ${withOwnNames(is, names)}; }
fn ${name}(${of}: vec4f) -> vec4f { return ${name}_with(${of}, ${values}); }`;
}

/** The formulas of a gated linear unit as WGSL expressions. `a` is the text of act(g). */
export interface GateFormulas {
  /** Whether the activation acts on both operands, so that du depends on u too. */
  readonly ofBoth: boolean;
  /** h = act(g) u. */
  hidden(a: string, u: string): string;
  /** dh u, the gradient of act(g). */
  activated(dh: string, u: string): string;
  /** dg = dh u act'(g). */
  gate(dh: string, g: string, u: string): string;
  /** du = dh act(g). */
  up(dh: string, a: string, u: string): string;
}

/** The formulas with an activation: where it acts on both operands, u is what it makes of u. */
export function gateFormulas(activation: Activation): GateFormulas {
  const ofBoth = sourceOf(activation).up !== undefined;
  const lifted = (u: string) => ofBoth ? `activate_up(${u})` : u;
  const activated = (dh: string, u: string) => `${dh} * ${lifted(u)}`;
  return {
    ofBoth,
    hidden: (a, u) => `${a} * ${lifted(u)}`,
    activated,
    gate: (dh, g, u) => `${activated(dh, u)} * activate_derivative(${g})`,
    up: (dh, a, u) => `${dh} * ${a}${ofBoth ? ` * activate_up_derivative(${u})` : ""}`,
  };
}
