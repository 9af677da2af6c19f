import type { Activation } from "../kernels/activation.ts";
import { elementwise } from "../kernels/elementwise.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import { Tensor } from "../kernels/gpu/tensor.ts";
import { matrix } from "../kernels/view.ts";
import { checkGpu } from "./checks.ts";
import { recorded } from "./recorded.ts";
import { checkOptions } from "./validate.ts";

/** Points are 1/64 apart and as far from zero as activations bend, never on it, where some have no derivative. */
const POINTS = Float32Array.from({ length: 1280 }, (_, i) => (i - 639.5) / 64);

/** Half the width of a numeric derivative: float32's rounding, 2^-24 |act| / STEP, stays below the tolerance. */
const STEP = 1 / 256;

/** Of the derivative. */
const TOLERANCE = 2e-3;

/** Of act(x): what its rounding to float32 does to a difference over STEP, and expressions of a few roundings more. */
const ROUNDING = 8 * 2 ** -24 / STEP;

/** Where the derivative is all but zero: an activation bends by less between two points. */
const LEAST_SLOPE = 1e-2;

/**
 * An activation cannot be used: its WGSL does not compile, or its derivative is another function's.
 *
 * @example A derivative that is wrong
 * ```ts
 * import { ActivationError, checkActivation, requestGpu } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * try {
 *   await checkActivation(gpu, { wgsl: "x * x", derivative: "x" });
 * } catch (error) {
 *   if (!(error instanceof ActivationError)) throw error;
 *   console.log(error.message); // the worst x, with both slopes
 * }
 * ```
 */
export class ActivationError extends Error {
  /** Tells this error from others. */
  override name = "ActivationError";
}

/**
 * Checks an activation's derivative against differences of the activation itself, on the device, for x in [-10, 10].
 * At a kink either side's slope, and all between, will do.
 *
 * @throws {ActivationError} If the WGSL does not compile, or the two disagree, naming the worst x and both slopes.
 *
 * @example Squared ReLU
 * ```ts
 * import { checkActivation, requestGpu } from "../mod.ts";
 *
 * using gpu = await requestGpu();
 * const squaredRelu = { wgsl: "select(x * x, vec4f(0), x < vec4f(0))", derivative: "select(2 * x, vec4f(0), x < vec4f(0))" };
 * await checkActivation(gpu, squaredRelu);
 * ```
 */
export async function checkActivation(gpu: Gpu, activation: Activation): Promise<void> {
  checkGpu(gpu);
  checkOptions({ activation });
  const { device } = gpu;
  device.pushErrorScope("validation");
  let values: Tensor[] = [];
  let popped: Promise<GPUError | null>;
  try {
    values = evaluated(gpu, activation);
  } finally {
    popped = device.popErrorScope();
  }
  try {
    const error = await popped;
    if (error) {
      gpu.distrust();
      throw new ActivationError(
        `Cannot use activation as its WGSL must compile: current value is ${error.message}`,
      );
    }
    const [left, middle, right, slope] = await Promise.all(values.map((tensor) => tensor.read()));
    checkSlopes({ left, middle, right, slope });
  } finally {
    for (const tensor of values) tensor.dispose();
  }
}

/** act(x - STEP), act(x), act(x + STEP) and act'(x) at every point. */
function evaluated(gpu: Gpu, activation: Activation): Tensor[] {
  using x = Tensor.from(gpu, POINTS, [1, POINTS.length], { label: "points" });
  return recorded(
    gpu,
    undefined,
    (recorder) =>
      [`activate(x - ${STEP})`, "activate(x)", `activate(x + ${STEP})`, "activate_derivative(x)"].map(
        (value) => {
          const out = recorder.empty(x.shape, "float32", { purpose: "internal", label: value });
          const outputs = [{ to: matrix(out), value }];
          elementwise(recorder, { label: "activation check", inputs: { x: matrix(x) }, outputs, activation });
          return out;
        },
      ),
  );
}

function checkSlopes(at: Record<"left" | "middle" | "right" | "slope", Float32Array>): void {
  let worst = { excess: TOLERANCE, text: "" };
  POINTS.forEach((x, i) => {
    const [left, middle, right, slope] = [at.left[i], at.middle[i], at.right[i], at.slope[i]];
    const sides = [(middle - left) / STEP, (right - middle) / STEP];
    const steepest = Math.max(LEAST_SLOPE, Math.abs(slope), ...sides.map(Math.abs));
    const scale = steepest + ROUNDING / TOLERANCE * Math.abs(middle);
    const distance = Math.max(Math.min(...sides) - slope, slope - Math.max(...sides)) / scale;
    const excess = Number.isFinite(distance) ? distance : Infinity;
    if (excess <= worst.excess) return;
    const numeric = (sides[0] + sides[1]) / 2;
    worst = { excess, text: `${slope} at x = ${x}, where differences give ${numeric}` };
  });
  if (worst.text === "") return;
  throw new ActivationError(
    `Cannot use activation as derivative must be that of wgsl: current value is ${worst.text}`,
  );
}
