/** What the arithmetic of a problem allows its outputs to differ from the reference. */
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Precision } from "../../variants/variant.ts";
import type { Errors, ProblemSpec } from "./job.ts";
import { type Lines, type Norms, total } from "./norms.ts";

/** An output, or a gradient of the inputs. */
export type OutputName = keyof Errors;

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

/**
 * As {@linkcode tolerancesOf}, for the error of a row or a column of `length` elements relative to its own norm.
 *
 * Roundings are independent, so those of storage add up as the root of their number: 4 forward, 8 backward. The norm of
 * n errors is above its mean by a factor of 1 + 4 / sqrt(n) in less than one of 10,000 lines.
 */
export function lineTolerance(problem: ProblemSpec, name: OutputName, length: number): number {
  const { y, gradients } = tolerancesOf({ ...problem, dtype: "float32" });
  const storage = problem.dtype === "float32" ? 0 : UNIT_ROUNDOFF[problem.dtype];
  const { dtype, precision } = problem;
  const fast = dtype === "float32" ? 0 : extra(precision, dtype);
  const sums = name === "y" ? y + 2 * storage : gradients + Math.sqrt(8) * storage;
  return (sums + fast) * (1 + 4 / Math.sqrt(length));
}

/**
 * What relu adds to the error of dx and dGate: its derivative jumps at 0, so a gate that is 0 within float32's rounding
 * takes either value, and a term is there or not.
 *
 * @param terms How many gates a line depends on; Infinity for all.
 */
function kink(
  { activation, tokens, hiddenDim, precision }: ProblemSpec,
  name: OutputName,
  terms: number,
): number {
  if (activation !== "relu" || name !== "dx" && name !== "dGate") return 0;
  const gates = tokens * hiddenDim, part = 1e-6 + extra(precision, "float32"); // of the gates, that are so near 0
  if (gates * part < RARE) return 0;
  const among = Math.min(terms, gates);
  return 6 * Math.sqrt((1 + 3 * among * part) / among);
}

/** Fewer gates than this are not expected at all. */
const RARE = 1e-3;

/** A matrix that was compared. */
export interface Compared {
  readonly name: OutputName;
  readonly norms: Norms;
  /** The root mean square of its elements if no sum cancelled. */
  readonly scale: number;
  /** What it was compared with; the float64 oracle if not given. */
  readonly against?: string;
  /** How rows and columns are called: those of a sampled weight gradient are swapped. */
  readonly lines?: readonly [row: string, column: string];
}

/** The first output whose relative Frobenius error is beyond what its arithmetic allows, as a sentence; null for none. */
export function faultOf(errors: Errors, problem: ProblemSpec): string | null {
  const { y, gradients } = tolerancesOf(problem);
  for (const [name, error] of Object.entries(errors) as [OutputName, number | null][]) {
    const limit = name === "y" ? y : gradients;
    if (error !== null && !(error <= limit)) return missing(name, error, limit);
  }
  return null;
}

/** Why a matrix is wrong, as a sentence; null where it and its lines are within what their arithmetic allows. */
export function faultIn(problem: ProblemSpec, compared: Compared): string | null {
  const { name, norms } = compared;
  const { y, gradients } = tolerancesOf(problem);
  const whole = {
    what: name,
    lines: total(norms),
    limit: (name === "y" ? y : gradients) + kink(problem, name, Infinity),
    length: norms.rows.own.length * norms.columns.own.length,
  };
  const faults = [whole, ...linesOf(problem, compared)].map((kind) => worstOf(kind, compared.scale));
  const worst = faults.filter((fault) => fault !== null).toSorted((a, b) =>
    b.error / b.limit - a.error / a.limit
  ).at(0);
  if (worst === undefined) return null;
  const { what, line, error, limit } = worst;
  const where = what === name ? name : `${what} ${line} of ${name}`;
  return missing(where, error, limit, compared.against);
}

/** Lines of one kind, each of `length` elements, and the relative error that each may have. */
interface Kind {
  readonly what: string;
  readonly lines: Lines;
  readonly limit: number;
  readonly length: number;
}

function linesOf(problem: ProblemSpec, { name, norms, lines = ["row", "column"] }: Compared): Kind[] {
  const { tokens, hiddenDim } = problem;
  const kind = (one: string, lines: Lines, length: number): Kind => {
    const terms = `${one} ${name}` === "row dx"
      ? hiddenDim
      : `${one} ${name}` === "column dGate"
      ? tokens
      : Infinity;
    const limit = lineTolerance(problem, name, length) + kink(problem, name, terms);
    return { what: one, lines, limit, length };
  };
  const { rows, columns } = norms;
  return [kind(lines[0], rows, columns.own.length), kind(lines[1], columns, rows.own.length)];
}

/** A line that is wrong. */
interface Fault extends Pick<Kind, "what" | "limit"> {
  readonly line: number;
  readonly error: number;
}

/** The line that is the most above its limit; null where none is. */
function worstOf({ what, lines: { error, own }, limit, length }: Kind, scale: number): Fault | null {
  let worst = { line: -1, error: limit };
  for (let line = 0; line < own.length; line++) {
    const norm = Math.max(own[line], length * scale ** 2);
    const relative = error[line] === 0 ? 0 : Math.sqrt(error[line] / norm);
    // NaN is no smaller than anything.
    if (!(relative <= worst.error)) worst = { line, error: Number.isNaN(relative) ? Infinity : relative };
  }
  return worst.line < 0 ? null : { what, limit, ...worst };
}

function missing(what: string, error: number, limit: number, against = "float64 oracle"): string {
  return `${what} misses the ${against}: relative error ${error.toExponential(1)}, allowed are ${
    limit.toExponential(1)
  }`;
}
