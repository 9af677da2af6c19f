import type { Gpu } from "../../kernels/gpu/device.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { type HostInputs, sampleIndices, splitGateUp } from "../oracle/data.ts";
import {
  Magnitudes,
  type Numbers,
  oracle,
  oracleRows,
  oracleUnits,
  pickColumns,
  pickRows,
  type Scales,
} from "../oracle/mod.ts";
import type { Outputs } from "./execution.ts";
import type { Errors, ProblemSpec } from "./job.ts";
import { normsOf, relativeError } from "./norms.ts";
import { type DeviceProblem, DeviceReference } from "./device_reference.ts";
import { type ComparedMatrix, faultIn, type OutputName } from "./tolerance.ts";

/** Up to so many multiply-adds, which take about a second, the whole reference is computed. Above, only samples of it. */
const WHOLE_UP_TO = 4e8;

/** Tokens whose rows of y and dx are sampled; each costs 6DH multiply-adds. */
const SAMPLED_ROWS = 6;

/** Hidden units whose gradients are sampled; each costs 6TD multiply-adds. */
const SAMPLED_UNITS = 8;

/** What every variant's outputs are compared with: those of the float64 oracle, all of them or some tokens and hidden units. */
export interface Reference {
  readonly problem: ProblemSpec;
  /** Indices of the tokens that are compared; null for all. */
  readonly rows: readonly number[] | null;
  /** Indices of the hidden units that are compared; null for all. */
  readonly units: readonly number[] | null;
  readonly expected: Readonly<Record<OutputName, Numbers>>;
  /** How large the terms of an element are. Its rounding errors are in proportion to that. */
  readonly scales: Scales;
  /** All outputs on the device. Null if the oracle computed them all, or the device had no room. The caller frees it. */
  readonly device: DeviceReference | null;
  /** Why not all rows and columns are compared; null where they are. */
  readonly gap: string | null;
}

/** What a reference on the device is computed from. */
export type DeviceInit = Omit<DeviceProblem, "problem">;

/** How a reference is made. */
export interface ReferenceOptions {
  /** Decides which tokens and units are sampled. */
  seed: number;
  /** Multiply-adds up to which nothing is sampled. */
  wholeUpTo?: number;
}

/** Whether the oracle computes all of a problem's outputs: if that takes at most so many multiply-adds. */
export function isWhole({ tokens, dim, hiddenDim }: ProblemSpec, wholeUpTo: number = WHOLE_UP_TO): boolean {
  return 9 * tokens * dim * hiddenDim <= wholeUpTo;
}

/** Computes the reference of a problem on the CPU: whole if that is quick, else at the first, the last and random places. */
export function referenceOf(problem: ProblemSpec, inputs: HostInputs, options: ReferenceOptions): Reference {
  const { tokens, hiddenDim } = problem;
  const { seed, wholeUpTo } = options;
  const magnitudes = new Magnitudes(problem, inputs);
  if (isWhole(problem, wholeUpTo)) {
    const expected = { ...oracle(problem, inputs, magnitudes) };
    return { problem, rows: null, units: null, expected, scales: magnitudes.scales, device: null, gap: null };
  }
  const rows = sampleIndices(tokens, seed, { count: SAMPLED_ROWS });
  const units = sampleIndices(hiddenDim, seed, { count: SAMPLED_UNITS });
  const expected = {
    ...oracleRows(problem, inputs, rows, magnitudes),
    ...oracleUnits(problem, inputs, units),
  };
  const gap = `only ${rows.length} tokens and ${units.length} hidden units are compared`;
  return { problem, rows, units, expected, scales: magnitudes.scales, device: null, gap };
}

/**
 * Adds all outputs to a sampled reference. The device computes them in float32, and they must agree with the samples. If the
 * device has no room for them, or a binding is too small for a matrix, the samples must do, and `gap` says why.
 *
 * @throws {Error} If they do not agree with the samples.
 */
export async function completed(gpu: Gpu, reference: Reference, of: DeviceInit): Promise<Reference> {
  const { problem, rows, gap } = reference;
  if (rows === null) return reference;
  const device = await DeviceReference.create(gpu, { problem, ...of }).catch((error) => {
    if (error instanceof OutOfMemoryError || error instanceof LimitError) return error.message;
    throw error;
  });
  if (typeof device === "string") return { ...reference, gap: `${gap}: ${device}` };
  const plain = { ...problem, dtype: "float32", precision: "highest" } as const;
  const faults = (await compared(device.outputs, reference)).map((one) => faultIn(plain, one));
  const fault = faults.find((fault) => fault !== null) ?? null;
  if (fault === null) return { ...reference, device, gap: null };
  device.dispose();
  throw new Error(`Cannot check the outputs as the reference on the device is wrong: ${fault}`);
}

/** Compares all that a run left: on the device if the reference has all outputs there, else as {@linkcode compared} does. */
export async function comparedWhole(outputs: Outputs, reference: Reference): Promise<ComparedMatrix[]> {
  const { device, scales } = reference;
  return device === null ? await compared(outputs, reference) : await device.compare(outputs, scales);
}

/** Reads what the oracle computed of a run's outputs, all or some tokens and units, and compares it with the oracle's. */
export async function compared({ y, gradients }: Outputs, reference: Reference): Promise<ComparedMatrix[]> {
  const { expected, scales, rows, units, problem: { dim, hiddenDim } } = reference;
  const compare = (
    name: OutputName,
    actual: Numbers,
    as: Pick<ComparedMatrix, "lines"> & { width: number },
  ) => ({
    ...{ name, lines: as.lines, scale: scales[name] },
    norms: normsOf(actual, expected[name], as.width),
  });
  const forward = compare("y", await readRows(y, rows), { width: dim });
  if (gradients === null) return [forward];
  const weights = "dGateUp" in gradients
    ? await readCombined(gradients.dGateUp, { hiddenDim, units })
    : { gate: await readColumns(gradients.dGate, units), up: await readColumns(gradients.dUp, units) };
  // A hidden unit is a column of dGate and dUp. Sampled columns are read as the rows of a smaller matrix.
  const projection = units === null
    ? { width: hiddenDim }
    : { width: dim, lines: ["column", "row"] as const };
  return [
    forward,
    compare("dx", await readRows(gradients.dx, rows), { width: dim }),
    compare("dGate", weights.gate, projection),
    compare("dUp", weights.up, projection),
    compare("dDown", await readRows(gradients.dDown, units), { width: dim }),
  ];
}

/** The relative Frobenius error of each output that was compared. */
export function errorsOf(all: readonly ComparedMatrix[]): Errors {
  const none = { y: null, dx: null, dGate: null, dUp: null, dDown: null };
  return { ...none, ...Object.fromEntries(all.map(({ name, norms }) => [name, relativeError(norms)])) };
}

async function readRows(tensor: Tensor, rows: readonly number[] | null): Promise<Numbers> {
  const all = await tensor.read();
  return rows === null ? all : pickRows(all, tensor.columns, rows);
}

async function readColumns(tensor: Tensor, columns: readonly number[] | null): Promise<Numbers> {
  const all = await tensor.read();
  return columns === null ? all : pickColumns(all, tensor.columns, columns);
}

async function readCombined(
  tensor: Tensor,
  { hiddenDim, units }: { hiddenDim: number; units: readonly number[] | null },
): Promise<{ gate: Numbers; up: Numbers }> {
  const all = await tensor.read();
  if (units === null) return splitGateUp(all, hiddenDim);
  const pick = (offset: number) => pickColumns(all, 2 * hiddenDim, units.map((unit) => offset + unit));
  return { gate: pick(0), up: pick(hiddenDim) };
}
