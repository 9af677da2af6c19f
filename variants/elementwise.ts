import { elementwise as recordElementwise } from "../kernels/elementwise.ts";
import { kindOf, readOnce } from "../kernels/gpu/arguments.ts";
import type { Gpu } from "../kernels/gpu/device.ts";
import type { Tensor } from "../kernels/gpu/tensor.ts";
import { oneRow } from "../kernels/view.ts";
import { checkExpression, checkNames, isText, readParameters } from "./activation.ts";
import { checkGpu, checkTensor, checkWritten } from "./checks.ts";
import type { Recording } from "./options.ts";
import { recordedAndGuarded } from "./recorded.ts";
import { checkOptions } from "./validate.ts";

/**
 * Options of {@linkcode elementwise}.
 *
 * @example A learning rate that may change at each step
 * ```ts
 * import type { ElementwiseOptions } from "@swiglu/webgpu";
 *
 * const options = (step: number): ElementwiseOptions => ({ parameters: { rate: 1e-3 * Math.min(1, step / 100) } });
 * console.log(options(1), options(200));
 * ```
 */
export interface ElementwiseOptions extends Recording {
  /** Values of the names that the expressions use besides the tensors', each an `f32`. A new value compiles nothing. */
  readonly parameters?: Readonly<Record<string, number>>;
}

/**
 * Computes tensors from tensors, element by element, on the device: an optimizer's step, a loss's gradient, a sum.
 *
 * Each update is a WGSL expression of the names of tensors, each a `vec4f` of four elements in float32, and of parameters.
 * All values are computed from what the tensors held before, then stored, rounded once to the tensor's dtype. One launch
 * reads each tensor once and writes those that are updated.
 *
 * @param tensors All that is read or written, by name; of one number of elements, whatever their shapes and dtypes.
 * @param updates The new elements of some of them.
 * @throws {TypeError | RangeError} If an argument does not fit; nothing is recorded then. WGSL that does not compile is
 * reported by the next `read` or `gpu.check`.
 * @throws {LimitError} If there are more tensors than a launch of the device binds.
 *
 * @example Training on the device: AdamW, with the loss read every tenth step
 * ```ts
 * import { elementwise, requestGpu, swiglu, swigluWithGrad, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const [T, D, H] = [8, 4, 12];
 * const random = (...shape: number[]) =>
 *   Tensor.from(gpu, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() - 0.5), shape);
 * const zeros = ({ shape, length }: Tensor) => Tensor.from(gpu, new Float32Array(length), shape);
 * const [x, gate, up, down] = [random(T, D), random(D, H), random(D, H), random(H, D)];
 * using target = swiglu(gpu, x, { gate: random(D, H), up: random(D, H), down: random(H, D) });
 *
 * // https://arxiv.org/abs/1711.05101. m and v are means of the gradient and of its square.
 * const mean = "(b1 * m + (1 - b1) * g)", square = "(b2 * v + (1 - b2) * g * g)";
 * const adamW = {
 *   m: mean,
 *   v: square,
 *   w: `w - rate * (${mean} / c1 / (sqrt(${square} / c2) + 1e-8) + decay * w)`,
 * };
 * const state = [gate, up, down].map((w) => ({ w, m: zeros(w), v: zeros(w) }));
 *
 * const losses: number[] = [];
 * for (let step = 1; step <= 100; step++) {
 *   const { y, backward } = swigluWithGrad(gpu, x, { gate, up, down });
 *   elementwise(gpu, { y, target }, { y: "y - target" }); // dy of the loss |y - target|^2 / 2
 *   const { dx, dGate, dUp, dDown } = backward(y);
 *   const [b1, b2] = [0.9, 0.999];
 *   const parameters = { rate: 0.02, decay: 0.01, b1, b2, c1: 1 - b1 ** step, c2: 1 - b2 ** step };
 *   [dGate, dUp, dDown].forEach((g, i) => elementwise(gpu, { ...state[i], g }, adamW, { parameters }));
 *   if (step % 10 === 0) losses.push((await y.read()).reduce((sum, value) => sum + value * value / 2, 0));
 *   for (const tensor of [y, dx, dGate, dUp, dDown]) tensor.dispose();
 * }
 * console.log(`loss ${losses[0]} to ${losses[9]}`);
 * if (!(losses[9] < losses[0])) throw new Error("the loss did not fall");
 * ```
 */
export function elementwise(
  gpu: Gpu,
  tensors: Readonly<Record<string, Tensor>>,
  updates: Readonly<Record<string, string>>,
  options: ElementwiseOptions = {},
): void {
  checkGpu(gpu);
  const given = readTensors(gpu, tensors);
  const expressions = readUpdates(updates, Object.keys(given));
  const { parameters = {}, ...recording } = readOnce("options", options, ["parameters", "encoder"]);
  const values = readParameters("parameters", parameters, Object.keys(given));
  const { encoder } = checkOptions(recording as Recording);
  const entries = Object.entries(given);
  checkWritten(
    gpu,
    Object.fromEntries(entries.map(([name, tensor]) => [`tensors.${name}`, tensor])),
    encoder,
  );
  const views = Object.fromEntries(entries.map(([name, tensor]) => [name, oneRow(tensor)]));
  recordedAndGuarded(gpu, encoder, (recorder) =>
    recordElementwise(recorder, {
      label: Object.keys(expressions).join(", "),
      inputs: views,
      outputs: Object.entries(expressions).map(([name, value]) => ({ to: views[name], value })),
      parameters: values,
    }));
}

function readTensors(gpu: Gpu, tensors: unknown): Record<string, Tensor> {
  const given = readAll("tensors", tensors);
  for (const [name, tensor] of Object.entries(given)) checkTensor(gpu, tensor, `tensors.${name}`);
  const [[first, { length }], ...others] = Object.entries(given as Record<string, Tensor>);
  const other = others.find(([_, tensor]) => tensor.length !== length);
  if (!other) return given as Record<string, Tensor>;
  throw new RangeError(
    `Cannot use tensors.${
      other[0]
    } as it must have as many elements as tensors.${first}, ${length}: current value is ${other[1].length}`,
  );
}

function readUpdates(updates: unknown, tensors: readonly string[]): Record<string, string> {
  const given = readAll("updates", updates);
  for (const [name, value] of Object.entries(given)) {
    if (!tensors.includes(name)) {
      throw new RangeError(
        `Cannot use updates.${name} as it must be one of tensors, ${
          tensors.join(", ")
        }: current value is ${name}`,
      );
    }
    if (!isText(value)) {
      throw new TypeError(
        `Cannot use updates.${name} as it must be a WGSL expression: current value is ${kindOf(value)}`,
      );
    }
    checkExpression(`updates.${name}`, value);
  }
  return given as Record<string, string>;
}

/** Copies the properties of an object that names things in expressions. */
function readAll(argument: string, value: unknown): Record<string, unknown> {
  const names = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const given = readOnce(argument, value, names);
  if (names.length === 0) {
    throw new RangeError(`Cannot use ${argument} as there must be at least one: current value has none`);
  }
  checkNames(argument, names);
  return given;
}
