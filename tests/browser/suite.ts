/** Runs in a page of a browser: computes a group of cases with the public API, and compares them with the oracle. */
import {
  type Gpu,
  type Gradients,
  requestGpu,
  swiglu,
  swigluWithGrad,
  Tensor,
  type Weights,
} from "../../mod.ts";
import { combineGateUp, type HostInputs, splitGateUp } from "../../bench/oracle/data.ts";
import { type OracleOutputs, relativeFrobeniusError } from "../../bench/oracle/mod.ts";
import { tolerance, wellConditioned } from "../variants/accuracy.ts";
import { AS_A_GPU, type Case, type Group, groups } from "./cases.ts";

/** What a case gave: plain data, as it leaves the page as JSON. */
export interface Outcome {
  readonly name: string;
  /** Relative Frobenius errors, which JSON makes null where they are NaN, and what is allowed. */
  readonly errors: readonly { output: string; error: number | null; limit: number }[];
  /** What was thrown, null if nothing. */
  readonly thrown: string | null;
}

/** Runs a group on a device of its own; the last outcome is the device's: nothing is left on it. */
export async function run(group: Group, seed: number): Promise<Outcome[]> {
  const gpu = await requestGpu();
  if (group === AS_A_GPU) Object.assign(gpu, { capabilities: { ...gpu.capabilities, software: false } });
  const outcomes: Outcome[] = [];
  for (const one of groups[group]) outcomes.push(await attempt(one.name, () => check(gpu, one, seed)));
  outcomes.push(await attempt("the device afterwards", () => checkNothingLeft(gpu)));
  gpu.dispose();
  return outcomes;
}

async function attempt(name: string, work: () => Promise<Outcome["errors"]>): Promise<Outcome> {
  try {
    return { name, errors: await work(), thrown: null };
  } catch (error) {
    return { name, errors: [], thrown: String(error) };
  }
}

async function check(gpu: Gpu, one: Case, firstSeed: number): Promise<Outcome["errors"]> {
  const { host, expected } = wellConditioned(one.problem, firstSeed);
  const outputs = await compute(gpu, one, host);
  return Object.entries(outputs).map(([output, values]) => {
    const of = (output === "inference" ? "y" : output) as keyof OracleOutputs;
    return { output, error: relativeFrobeniusError(values, expected[of]), limit: tolerance(of, one.problem) };
  });
}

type Outputs = Record<keyof OracleOutputs | "inference", Float32Array>;

async function compute(gpu: Gpu, one: Case, host: HostInputs): Promise<Outputs> {
  const { tokens, dim, hiddenDim, dtype } = one.problem;
  const tensor = (values: Float32Array, ...shape: number[]) => Tensor.from(gpu, values, shape, { dtype });
  using x = tensor(host.x, tokens, dim);
  using dy = tensor(host.dy, tokens, dim);
  const down = tensor(host.down, hiddenDim, dim);
  const weights: Weights = one.form === "combined"
    ? { gateUp: tensor(combineGateUp(host.gate, host.up, hiddenDim), dim, 2, hiddenDim), down }
    : { gate: tensor(host.gate, dim, hiddenDim), up: tensor(host.up, dim, hiddenDim), down };
  const { implementation, activation, precision } = one;
  const options = { implementation, activation, precision };
  const block = swigluWithGrad(gpu, x, weights, options);
  const inference = swiglu(gpu, x, weights, options);
  const gradients = block.backward(dy);
  try {
    const { y } = block;
    return {
      y: await y.read(),
      inference: await inference.read(),
      ...await readGradients(gradients, hiddenDim),
    };
  } finally {
    const made = [block.y, inference, ...Object.values(gradients), ...Object.values(weights)];
    for (const tensor of made) tensor.dispose();
  }
}

async function readGradients(
  gradients: Gradients,
  hiddenDim: number,
): Promise<Omit<Outputs, "y" | "inference">> {
  const [dx, dDown] = [await gradients.dx.read(), await gradients.dDown.read()];
  if ("dGateUp" in gradients) {
    const { gate: dGate, up: dUp } = splitGateUp(await gradients.dGateUp.read(), hiddenDim);
    return { dx, dGate, dUp, dDown };
  }
  return { dx, dGate: await gradients.dGate.read(), dUp: await gradients.dUp.read(), dDown };
}

async function checkNothingLeft(gpu: Gpu): Promise<Outcome["errors"]> {
  await gpu.idle();
  gpu.check();
  const { liveBytes } = gpu.ledger;
  if (liveBytes > 0) throw new Error(`${liveBytes} bytes of tensors that nothing disposed`);
  gpu.trim();
  return [];
}
