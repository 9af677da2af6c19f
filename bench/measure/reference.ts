import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { type HostInputs, sampleIndices, splitGateUp } from "../oracle/data.ts";
import {
  type Numbers,
  oracle,
  oracleRows,
  oracleUnits,
  pickColumns,
  pickRows,
  relativeFrobeniusError,
} from "../oracle/mod.ts";
import type { Precision } from "../../variants/variant.ts";
import type { Outputs } from "./execution.ts";
import type { Errors, ProblemSpec } from "./job.ts";

/** Up to so many multiply-adds the whole reference is computed, in about a second; above it, samples. */
const WHOLE = 4e8;

/** Tokens whose rows of y and dx are sampled; each costs 6DH multiply-adds. */
const SAMPLED_ROWS = 6;

/** Hidden units whose gradients are sampled; each costs 6TD multiply-adds. */
const SAMPLED_UNITS = 8;

/** What every variant's outputs are compared with: the float64 oracle, whole or at sampled tokens and units. */
export interface Reference {
  readonly problem: ProblemSpec;
  /** Indices of the tokens that are compared; null for all. */
  readonly rows: readonly number[] | null;
  /** Indices of the hidden units that are compared; null for all. */
  readonly units: readonly number[] | null;
  readonly expected: Readonly<Record<keyof Errors, Numbers>>;
}

/** How a reference is made. */
export interface ReferenceOptions {
  /** Decides which tokens and units are sampled. */
  seed: number;
  /** Multiply-adds up to which nothing is sampled. */
  whole?: number;
}

/** Computes the reference of a problem: whole where that is quick, else at the first, the last and random places. */
export function referenceOf(problem: ProblemSpec, inputs: HostInputs, options: ReferenceOptions): Reference {
  const { tokens, dim, hiddenDim } = problem;
  const { seed, whole = WHOLE } = options;
  if (9 * tokens * dim * hiddenDim <= whole) {
    return { problem, rows: null, units: null, expected: { ...oracle(problem, inputs) } };
  }
  const rows = sampleIndices(tokens, seed, { count: SAMPLED_ROWS });
  const units = sampleIndices(hiddenDim, seed, { count: SAMPLED_UNITS });
  const expected = { ...oracleRows(problem, inputs, rows), ...oracleUnits(problem, inputs, units) };
  return { problem, rows, units, expected };
}

/** Reads a run's outputs, where the reference wants them, and tells how far they are from it. */
export async function errorsOf({ y, gradients }: Outputs, reference: Reference): Promise<Errors> {
  const { expected, problem: { hiddenDim } } = reference;
  const rowsOf = (tensor: Tensor, rows: readonly number[] | null) => readRows(tensor, rows);
  const errors = {
    y: relativeFrobeniusError(await rowsOf(y, reference.rows), expected.y),
    dx: null,
    dGate: null,
    dUp: null,
    dDown: null,
  };
  if (gradients === null) return errors;
  const weights = "dGateUp" in gradients
    ? await readCombined(gradients.dGateUp, { hiddenDim, units: reference.units })
    : {
      gate: await readColumns(gradients.dGate, reference.units),
      up: await readColumns(gradients.dUp, reference.units),
    };
  return {
    ...errors,
    dx: relativeFrobeniusError(await rowsOf(gradients.dx, reference.rows), expected.dx),
    dGate: relativeFrobeniusError(weights.gate, expected.dGate),
    dUp: relativeFrobeniusError(weights.up, expected.dUp),
    dDown: relativeFrobeniusError(await rowsOf(gradients.dDown, reference.units), expected.dDown),
  };
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

/** Half the distance from 1 to the next number, for storage narrower than the accumulators. */
const UNIT_ROUNDOFF: Record<DType, number> = { float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 };

/** Sums longer than this make float32's own rounding, which grows as their root, the larger part. */
const LONG_SUM = 16384;

/**
 * The relative Frobenius error that the arithmetic allows: `y` and `gradients` apart.
 *
 * float32 errs by 5e-6 at most forward and 1e-5 backward, more as the root of a sum's length where that is above
 * 16,384. Narrower storage adds a rounding for each tensor between the products: 4 forward and 8 backward, each below
 * its unit roundoff. "strassen" and "float16-sums" add what their methods do to the types that take them.
 */
export function tolerancesOf(problem: ProblemSpec): { y: number; gradients: number } {
  const { tokens, dim, hiddenDim, dtype, precision } = problem;
  const growth = (length: number) => Math.sqrt(Math.max(1, length / LONG_SUM));
  const storage = dtype === "float32" ? 0 : UNIT_ROUNDOFF[dtype];
  const fast = extra(precision, dtype);
  return {
    y: 5e-6 * growth(Math.max(dim, hiddenDim)) + 4 * storage + fast,
    gradients: 1e-5 * growth(Math.max(tokens, dim, hiddenDim)) + 8 * storage + fast,
  };
}

function extra(precision: Precision, dtype: DType): number {
  // Operands may be rounded to 11 bits, as float16 is stored: as many roundings as a tensor of that type has.
  if ((precision === "tf32" || precision === "fastest") && dtype === "float32") {
    return 4 * UNIT_ROUNDOFF.float16;
  }
  // The error of a level of Strassen's method is a small multiple of the plain one's.
  if (precision === "strassen" && dtype === "float32") return 5e-5;
  if (precision === "float16-sums" && dtype === "float16") return 16 * UNIT_ROUNDOFF.float16;
  return 0;
}

/** The first output whose error is beyond what its arithmetic allows, as a sentence; null where all are within. */
export function faultOf(errors: Errors, problem: ProblemSpec): string | null {
  const { y, gradients } = tolerancesOf(problem);
  for (const [name, error] of Object.entries(errors) as [keyof Errors, number | null][]) {
    const limit = name === "y" ? y : gradients;
    if (error === null || error <= limit) continue;
    return `${name} misses the float64 oracle: relative error ${error.toExponential(1)}, allowed are ${
      limit.toExponential(1)
    }`;
  }
  return null;
}
