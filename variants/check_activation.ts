import type { Activation } from "../kernels/activation.ts";
import { type Expression, parseExpression } from "./expression.ts";
import { gateFormulas } from "../kernels/activation_wgsl.ts";
import { elementwise } from "../kernels/elementwise.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { checkGpu } from "./checks.ts";
import { recorded } from "./recorded.ts";
import { checkOptions } from "./validate.ts";

/** The largest float16. Up to here, value and derivative must be finite wherever the mathematics is. */
const FINITE_RANGE = 65504;

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/**
 * Points that float64 judges. There are 16 for each power of two and sign, so that each is 1.044 times as far from 0 as
 * its neighbour. Up to 128, where activations bend and exponentials end, there is also one every 1/16.
 */
const WIDE = Float32Array.from(
  [
    ...Array.from({ length: 2048 }, (_, i) => (i + 0.5) / 16),
    ...Array.from({ length: 4000 }, (_, i) => 2 ** (-122 + i / 16)),
    LARGEST,
  ].filter((x) => x <= LARGEST).flatMap((x) => [x, -x]),
);

/**
 * Points for differences on the device. They are 1/64 apart and as far from 0 as activations bend. None is 0, where
 * some activations have no derivative.
 */
const POINTS = Float32Array.from({ length: 1280 }, (_, i) => (i - 639.5) / 64);

/** Allowed error of `derivative` against float64's slopes, relative to the steepest. Constants of four digits pass. */
const SLOPE_TOLERANCE = 1e-3;

/**
 * Allowed error of the device's result, relative to 1 + |result|. As large a relative error of x is allowed beside it.
 */
const DEVICE_TOLERANCE = 1e-2;

/**
 * Half the width of a numeric derivative in float32. Its rounding error, 2^-24 |act| / STEP, is below the tolerance.
 */
const STEP = 1 / 256;

/** Allowed error of `derivative` against differences on the device, relative to the steepest slope. */
const TOLERANCE = 2e-3;

/** Allowed error relative to act(x): its rounding to float32, divided by STEP, for expressions of up to 8 roundings. */
const ROUNDING = 8 * 2 ** -24 / STEP;

/**
 * The least slope that errors are relative to. It serves where the derivative is nearly 0: an activation bends by less
 * between two points.
 */
const LEAST_SLOPE = 1e-2;

/**
 * An activation cannot be used: its WGSL does not compile, or its derivative is another function's.
 *
 * @example A derivative that is wrong
 * ```ts
 * import { ActivationError, checkActivation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * try {
 *   await checkActivation(gpu, { wgsl: "x * x", derivative: "x" });
 * } catch (error) {
 *   if (!(error instanceof ActivationError)) throw error;
 *   console.log(error.message); // an x, with both slopes
 * }
 * ```
 */
export class ActivationError extends Error {
  /** Tells this error from others. */
  override name = "ActivationError";
}

/**
 * What {@linkcode checkActivation} looked at.
 *
 * @example How far the check went
 * ```ts
 * import { type ActivationCheck, checkActivation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const check: ActivationCheck = await checkActivation(gpu, { wgsl: "x * x", derivative: "2 * x" });
 * console.log(check.judge, check.slopes, check.finite); // float64 3.4e38 65504
 * ```
 */
export interface ActivationCheck {
  /** What `derivative` was compared with: float64's slopes of `wgsl`, or differences that the device computed. */
  readonly judge: "float64" | "device";
  /** The largest |x| where `derivative` was compared. */
  readonly slopes: number;
  /** The largest |x| where a NaN was refused, and, by float64, an infinity that float32 could do without. */
  readonly finite: number;
}

/**
 * Checks that an activation can be used. Its WGSL must compile and keep NaN, and `derivative` must be the derivative of
 * `wgsl`.
 *
 * An expression of arithmetic, comparisons, select and built-in functions is judged in float64, from the smallest float32
 * to the largest (3.4e38), of both signs. `derivative` must be the slope of `wgsl`, and the device must compute nearly
 * the same values. For |x| up to 65,504 they must be finite wherever float64's are and float32 could hold them. Beyond
 * that, only finite values are compared.
 *
 * A name, or an expression with other parts (bits, swizzles), is compared with differences that the device computes,
 * for x in [-10, 10], and must be finite there. For |x| up to 65,504 it must not become NaN, which is what overflow makes
 * of a formula such as x / (1 + exp(-x)).
 *
 * Parameters are checked with the values that they have. Clamped SwiGLU is checked for each operand, the gate and up.
 *
 * At a kink, the slope of either side passes, and so does any value between.
 *
 * @returns The ranges that were looked at.
 * @throws {ActivationError} If the WGSL does not compile, the two disagree, or a result is not finite or drops NaN, naming x.
 *
 * @example Squared ReLU
 * ```ts
 * import { checkActivation, requestGpu } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const squaredRelu = {
 *   wgsl: "select(x * x, vec4f(0), x < vec4f(0))",
 *   derivative: "select(2 * x, vec4f(0), x < vec4f(0))",
 * };
 * await checkActivation(gpu, squaredRelu);
 * ```
 */
export async function checkActivation(gpu: Gpu, activation: Activation): Promise<ActivationCheck> {
  checkGpu(gpu);
  const own = checkOptions({ activation }).activation;
  const exact = expressionsOf(own);
  for (const operand of gateFormulas(own).ofBoth ? [GATE, UP] : [GATE]) {
    await checkOperand(gpu, own, { ...operand, exact });
  }
  return exact
    ? { judge: "float64", slopes: LARGEST, finite: FINITE_RANGE }
    : { judge: "device", slopes: Math.max(...POINTS), finite: FINITE_RANGE };
}

/** The functions that a kernel calls with an operand: what the activation makes of it, and its derivative. */
interface Operand {
  readonly act: string;
  readonly derivative: string;
}

const GATE: Operand = { act: "activate", derivative: "activate_derivative" };
const UP: Operand = { act: "activate_up", derivative: "activate_up_derivative" };

async function checkOperand(
  gpu: Gpu,
  activation: Activation,
  { act, derivative, exact }: Operand & { readonly exact: Exact | null },
): Promise<void> {
  const [at, slopeAt] = [`${act}(x)`, `${derivative}(x)`];
  const [value, slope] = await evaluated(gpu, activation, { points: WIDE, values: [at, slopeAt] });
  if (exact) checkExact(exact, { value, slope });
  else {
    checkNumbers({ value, slope });
    const values = [...[-2, -1, 0, 1, 2].map((steps) => `${act}(x + ${steps * STEP})`), slopeAt];
    const around = await evaluated(gpu, activation, { points: POINTS, values });
    checkSlopes({ values: around.slice(0, -1), slope: around.at(-1)! });
  }
  const [[ofNaN]] = await evaluated(gpu, activation, { points: Float32Array.of(NaN), values: [at] });
  if (!Number.isNaN(ofNaN)) refuse("wgsl must keep NaN", `${ofNaN} at x = NaN`);
}

/** Both expressions, evaluated in float64. */
interface Exact {
  readonly value: Expression;
  readonly derivative: Expression;
}

function expressionsOf(activation: Activation): Exact | null {
  if (typeof activation === "string" || "name" in activation) return null;
  const { wgsl, derivative, parameters } = activation;
  const [value, slope] = [wgsl, derivative].map((text) => parseExpression(text, parameters));
  return value && slope && { value, derivative: slope };
}

/** Evaluates WGSL expressions at points on the device. An element that it does not write stays NaN. */
async function evaluated(
  gpu: Gpu,
  activation: Activation,
  { points, values }: { points: Float32Array; values: readonly string[] },
): Promise<Float32Array[]> {
  const { device } = gpu;
  const shape = [1, points.length];
  const made: Tensor[] = [];
  const tensor = (data: Float32Array, label: string) => {
    made.push(Tensor.from(gpu, data, shape, { label }));
    return made.at(-1)!;
  };
  try {
    const x = matrix(tensor(points, "points"));
    const outputs = values.map((value) => ({ to: matrix(tensor(points.map(() => NaN), value)), value }));
    device.pushErrorScope("validation");
    let popped: Promise<GPUError | null>;
    try {
      recorded(gpu, undefined, (recorder) => {
        for (const output of outputs) {
          elementwise(recorder, { label: "activation check", inputs: { x }, outputs: [output], activation });
        }
        return [];
      });
    } finally {
      popped = device.popErrorScope();
    }
    const error = await popped;
    if (error) {
      gpu.distrust();
      refuse("its WGSL must compile", error.message);
    }
    return await Promise.all(made.slice(1).map((output) => output.read()));
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

function refuse(rule: string, current: string): never {
  throw new ActivationError(`Cannot use activation as ${rule}: current value is ${current}`);
}

/** Refuses NaN where x is a number. An infinity may be right, as in exp(x), and only float64 could tell. */
function checkNumbers(device: Record<"value" | "slope", Float32Array>): void {
  for (const [name, values] of [["wgsl", device.value], ["derivative", device.slope]] as const) {
    const at = values.findIndex((value, i) => Number.isNaN(value) && Math.abs(WIDE[i]) <= FINITE_RANGE);
    if (at >= 0) refuse(`${name} must be a number for |x| up to ${FINITE_RANGE}`, `NaN at x = ${WIDE[at]}`);
  }
}

/** Judges by float64: compares `derivative` with the slope of `wgsl`, and the device's values with both. */
function checkExact(exact: Exact, device: Record<"value" | "slope", Float32Array>): void {
  WIDE.forEach((x, i) => {
    const [left, right] = slopesAt(exact.value, x);
    const slope = exact.derivative(x);
    const steepest = Math.max(Math.abs(left), Math.abs(right), Math.abs(slope));
    const middle = exact.value(x);
    // What float64's own rounding does to a slope. Parts of wgsl may be as large as x and 1.
    const rounding = 16 * 2 ** -53 * (Math.abs(middle) + Math.abs(x) + 1) / stepAt(x);
    const excess = Math.max(Math.min(left, right) - slope, slope - Math.max(left, right));
    const judged = Number.isFinite(slope) && Number.isFinite(excess);
    if (Number.isNaN(middle) || judged && excess > SLOPE_TOLERANCE * steepest + rounding) {
      refuse(
        "derivative must be that of wgsl",
        `${slope} at x = ${x}, where differences give ${(left + right) / 2}`,
      );
    }
    checkDevice("wgsl", { x, actual: device.value[i], exact: middle, change: Math.abs(x) * steepest });
    const expected = Number.isFinite(slope) ? slope : (left + right) / 2;
    const bends = slopesAt(exact.derivative, x).map(Math.abs);
    checkDevice("derivative", {
      ...{ x, actual: device.slope[i], exact: expected },
      change: Math.abs(x) * Math.max(...bends, 0),
    });
  });
}

/** The slopes on both sides of x, in float64. */
function slopesAt(value: Expression, x: number): [number, number] {
  const step = stepAt(x), middle = value(x);
  return [(middle - value(x - step)) / step, (value(x + step) - middle) / step];
}

/** The step of a difference at x. It is a power of two, so that x +- step is exact. */
function stepAt(x: number): number {
  return 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), 2 ** -6))) - 17);
}

function checkDevice(
  name: "wgsl" | "derivative",
  { x, actual, exact, change }: { x: number; actual: number; exact: number; change: number },
): void {
  if (Number.isNaN(exact) || Math.abs(exact) > LARGEST && !Number.isNaN(actual)) return;
  if (!Number.isFinite(actual)) {
    if (Math.abs(x) > FINITE_RANGE) return;
    refuse(
      `${name} must be finite on the device for |x| up to ${FINITE_RANGE}`,
      `${actual} at x = ${x}, not ${exact}`,
    );
  }
  if (Math.abs(actual - exact) <= DEVICE_TOLERANCE * (1 + Math.abs(exact) + change) || Number.isNaN(change)) {
    return;
  }
  refuse(`${name} must be right on the device`, `${actual} at x = ${x}, where float64 gives ${exact}`);
}

/** @param at Values of act at -2, -1, 0, 1 and 2 steps from each point, and its derivative at the point. */
function checkSlopes(at: { values: readonly Float32Array[]; slope: Float32Array }): void {
  let worst = { excess: TOLERANCE, text: "" };
  POINTS.forEach((x, i) => {
    const [farLeft, left, middle, right, farRight] = at.values.map((values) => values[i]);
    const slope = at.slope[i];
    // Where a kink lies within a step of x, only differences of the other side are near the slope. The difference of two
    // values misses it by the bend of half a step, which may be more than is allowed. That of three values does not.
    const sides = [
      (middle - left) / STEP,
      (right - middle) / STEP,
      (3 * middle - 4 * left + farLeft) / (2 * STEP),
      (4 * right - 3 * middle - farRight) / (2 * STEP),
    ];
    const steepest = Math.max(LEAST_SLOPE, Math.abs(slope), ...sides.map(Math.abs));
    const scale = steepest + ROUNDING / TOLERANCE * Math.abs(middle);
    const distance = Math.max(Math.min(...sides) - slope, slope - Math.max(...sides)) / scale;
    const excess = Number.isFinite(distance) ? distance : Infinity;
    if (excess <= worst.excess) return;
    const numeric = (sides[0] + sides[1]) / 2;
    worst = { excess, text: `${slope} at x = ${x}, where differences give ${numeric}` };
  });
  if (worst.text !== "") refuse("derivative must be that of wgsl", worst.text);
}
