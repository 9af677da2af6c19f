import { assert } from "@std/assert";
import { type CombinedWeights, type Gpu, requestGpu, type SeparateWeights, Tensor } from "../../mod.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { combineGateUp, type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import { relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { freshSeed } from "../gpu.ts";

/** Sizes of a block. */
export interface Sizes {
  readonly tokens: number;
  readonly dim: number;
  readonly hiddenDim: number;
}

/** A block's tensors on the device and their values on the CPU. */
export interface Fixture {
  readonly host: HostInputs;
  readonly x: Tensor;
  readonly dy: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
  readonly gateUp: Tensor;
  /** Both forms of the weights. */
  readonly forms: readonly [SeparateWeights, CombinedWeights];
}

/** Uploads fresh random inputs; x and dy have the shape [..., D] if `leading` is given. */
export function blockOf(
  gpu: Gpu,
  { tokens, dim, hiddenDim }: Sizes,
  { dtype = "float32", leading = [tokens] }: { dtype?: DType; leading?: number[] } = {},
): Fixture {
  const host = randomInputs({ tokens, dim, hiddenDim, dtype }, freshSeed());
  const make = (values: Float32Array, shape: number[], label: string) =>
    Tensor.from(gpu, values, shape, { dtype, label });
  const gate = make(host.gate, [dim, hiddenDim], "gate");
  const up = make(host.up, [dim, hiddenDim], "up");
  const down = make(host.down, [hiddenDim, dim], "down");
  const gateUp = make(combineGateUp(host.gate, host.up, hiddenDim), [dim, 2, hiddenDim], "gateUp");
  return {
    host,
    x: make(host.x, [...leading, dim], "x"),
    dy: make(host.dy, [...leading, dim], "dy"),
    ...{ gate, up, down, gateUp },
    forms: [{ gate, up, down }, { gateUp, down }],
  };
}

/** Disposes every tensor among the values. */
export function disposeAll(tensors: object): void {
  for (const tensor of Object.values(tensors)) if (tensor instanceof Tensor) tensor.dispose();
}

/** Runs with a device, and asserts that nothing is live on it in the end. */
export async function withGpu(work: (gpu: Gpu) => Promise<void> | void): Promise<void> {
  const gpu = await requestGpu();
  try {
    await work(gpu);
    gpu.check();
  } finally {
    gpu.dispose();
  }
  const live = gpu.memory.ledger.liveBytes;
  assert(live === 0, `${live} bytes are live`);
}

/** Asserts that a tensor is near the oracle's values. */
export async function assertNear(tensor: Tensor, expected: Float64Array, tolerance = 1e-5): Promise<void> {
  const error = relativeFrobeniusError(await tensor.read(), expected);
  assert(error < tolerance, `${tensor.label}: error ${error}`);
}
