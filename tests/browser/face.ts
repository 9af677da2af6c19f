/** Runs in a page of a browser: the public API besides the block, and its errors, which come late there. */
import {
  ActivationError,
  ACTIVATIONS,
  checkActivation,
  countNonFinite,
  gatedLinearUnit,
  Gpu,
  requestGpu,
  swiglu,
  Tensor,
} from "../../mod.ts";
import { combineGateUp, randomInputs } from "../../bench/oracle/data.ts";
import { oracle, relativeFrobeniusError } from "../../bench/oracle/mod.ts";

const NOT_WGSL = { wgsl: "no_such_function(x)", derivative: "x" };

function ensure(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return null;
}

const ones = (gpu: Gpu, ...shape: number[]) =>
  Tensor.from(gpu, new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);

/** Each by the name of its test; it throws where something is wrong, and leaves nothing on the device. */
const checks = {
  async "gatedLinearUnit gives h, of separate and combined weights"(gpu: Gpu, seed: number) {
    const problem = { tokens: 5, dim: 9, hiddenDim: 9, dtype: "float32", activation: "silu" } as const;
    const host = randomInputs(problem, seed);
    const identity = Float32Array.from({ length: 81 }, (_, i) => i % 10 === 0 ? 1 : 0);
    const { y: expected } = oracle(problem, { ...host, down: identity }); // h, as W_down is the identity
    using x = Tensor.from(gpu, host.x, [5, 9]);
    using gate = Tensor.from(gpu, host.gate, [9, 9]);
    using up = Tensor.from(gpu, host.up, [9, 9]);
    using gateUp = Tensor.from(gpu, combineGateUp(host.gate, host.up, 9), [9, 2, 9]);
    for (const weight of [{ gate, up }, gateUp]) {
      using h = gatedLinearUnit(gpu, x, weight);
      const error = relativeFrobeniusError(await h.read(), expected);
      ensure(error < 5e-6, `h is off by ${error}`);
    }
  },

  async "every activation's derivative is that of its values"(gpu: Gpu) {
    for (const name of ACTIVATIONS) await checkActivation(gpu, name);
  },

  async "an activation that is no WGSL is refused"(gpu: Gpu) {
    const error = await errorOf(() => checkActivation(gpu, NOT_WGSL));
    ensure(error instanceof ActivationError && error.message.includes("must compile"), String(error));
  },

  async "a fault that the browser tells later is thrown where values are read"(gpu: Gpu) {
    using x = ones(gpu, 2, 3);
    const weights = { gate: ones(gpu, 3, 4), up: ones(gpu, 3, 4), down: ones(gpu, 4, 3) };
    using y = swiglu(gpu, x, weights, { activation: NOT_WGSL });
    const error = await errorOf(() => y.read());
    for (const tensor of Object.values(weights)) tensor.dispose();
    ensure(error instanceof Error && error.message.includes("no_such_function"), String(error));
  },

  async "numbers that are not finite are counted"(gpu: Gpu) {
    for (const dtype of ["float32", "float16", "bfloat16"] as const) {
      using tensor = Tensor.from(gpu, Float32Array.of(1, NaN, -Infinity, 3, Infinity), [5], { dtype });
      const count = await countNonFinite(gpu, tensor);
      ensure(count === 3, `${count} of ${dtype}`);
    }
  },

  async "work in a caller's encoder waits for its submit"(gpu: Gpu) {
    using x = ones(gpu, 1, 1);
    using weight = ones(gpu, 1, 1);
    const encoder = gpu.device.createCommandEncoder();
    const weights = { gate: weight, up: weight, down: weight };
    using y = swiglu(gpu, x, weights, { encoder, activation: "identity" });
    ensure(await errorOf(() => y.read()) instanceof TypeError, "it was read too early");
    gpu.device.queue.submit([encoder.finish()]);
    gpu.submitted(encoder);
    const [value] = await y.read();
    ensure(value === 1, `y is ${value}`);
  },

  async "a device with no more than WebGPU's least limits will do"() {
    const adapter = await navigator.gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    {
      using gpu = Gpu.from(device);
      using x = ones(gpu, 17, 4);
      const weights = { gateUp: ones(gpu, 4, 2, 8), down: ones(gpu, 8, 4) };
      using y = swiglu(gpu, x, weights, { activation: "identity" });
      const values = await y.read();
      for (const tensor of Object.values(weights)) tensor.dispose();
      ensure(values.every((value) => value === 128), `y is ${values}`);
    }
    device.destroy();
  },
};

/** Name of a check. */
export type Check = keyof typeof checks;

/** The names of all checks. */
export const names = Object.keys(checks) as Check[];

/** Runs a check on a device of its own. */
export async function run(name: Check, seed: number): Promise<void> {
  using gpu = await requestGpu();
  await checks[name](gpu, seed);
  const { liveBytes } = gpu.ledger;
  ensure(liveBytes === 0, `${liveBytes} bytes of tensors that nothing disposed`);
}
