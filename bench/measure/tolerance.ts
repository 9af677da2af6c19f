/** How far the outputs of a problem may be from the reference: what rounding explains, and no more. */
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Precision } from "../../variants/variant.ts";
import type { Errors, ProblemSpec } from "./job.ts";
import { type Lines, type Norms, total } from "./norms.ts";

/** An output, or a gradient of the inputs. */
export type OutputName = keyof Errors;

/** Unit roundoff: half the distance from 1 to the next number. */
const UNIT_ROUNDOFF: Record<DType, number> = { float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 };

/** float32's rounding grows as the root of a sum's length. It matters from this length on. */
const LONG_SUM = 16384;

/**
 * The relative Frobenius error that the arithmetic allows, of y and of the gradients.
 *
 * In float32 it is 5e-6 forward and 1e-5 backward. Sums of more than 16,384 terms may err more, as the root of their
 * length. Narrower storage adds one rounding for each tensor between the products, which are 4 forward and 8 backward. Each
 * rounding is at most the unit roundoff. Some precisions add what their methods cost.
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
  // Operands may be rounded to the 11 bits that float16 has: as many roundings as float16 storage has forward.
  if ((precision === "tf32" || precision === "fastest") && dtype === "float32") {
    return 4 * UNIT_ROUNDOFF.float16;
  }
  // One level of Strassen's method errs a few times as much as the plain method.
  if (precision === "strassen" && dtype === "float32") return 5e-5;
  if (precision === "float16-sums" && dtype === "float16") return 16 * UNIT_ROUNDOFF.float16;
  return 0;
}

/**
 * The relative error that the arithmetic allows in one row or column of `length` elements.
 *
 * Roundings are independent, so those of storage (4 forward, 8 backward) add up as the root of their number. A short line
 * may be unlucky: the norm of n errors exceeds its mean by a factor of 1 + 4 / sqrt(n), but in less than one of 10,000
 * lines by more.
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
 * What relu adds to the error of dx and dGate. Its derivative jumps at 0. If rounding decides on which side of 0 a gate is,
 * a term of a sum is there in one computation and not in the other.
 *
 * @param terms How many gates a line depends on; Infinity for all.
 */
function kink(
  { activation, tokens, hiddenDim, precision }: ProblemSpec,
  name: OutputName,
  terms: number,
): number {
  if (activation !== "relu" || name !== "dx" && name !== "dGate") return 0;
  const gates = tokens * hiddenDim, part = 1e-6 + extra(precision, "float32"); // the part of the gates that is so near 0
  if (gates * part < RARE) return 0;
  const among = Math.min(terms, gates);
  return 6 * Math.sqrt((1 + 3 * among * part) / among);
}

/** If fewer gates than this are expected so near 0, there are none. */
const RARE = 1e-3;

/** A matrix that was compared. */
export interface ComparedMatrix {
  readonly name: OutputName;
  readonly norms: Norms;
  /** The root mean square of its elements if no sum cancelled. */
  readonly scale: number;
  /** What it was compared with. Default: the float64 oracle. */
  readonly against?: string;
  /** What to call its rows and columns. Default: row, column. Those of a sampled weight gradient are swapped. */
  readonly lines?: readonly [row: string, column: string];
}

/** Names the first output whose relative Frobenius error is more than its arithmetic allows, in a sentence; null if none is. */
export function faultOf(errors: Errors, problem: ProblemSpec): string | null {
  const { y, gradients } = tolerancesOf(problem);
  for (const [name, error] of Object.entries(errors) as [OutputName, number | null][]) {
    const limit = name === "y" ? y : gradients;
    if (error !== null && !(error <= limit)) return missing(name, error, limit);
  }
  return null;
}

/** Why a matrix is wrong, as a sentence. Null if its error, and that of each row and column, is within what rounding explains. */
export function faultIn(problem: ProblemSpec, compared: ComparedMatrix): string | null {
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
interface LineKind {
  readonly what: string;
  readonly lines: Lines;
  readonly limit: number;
  readonly length: number;
}

function linesOf(
  problem: ProblemSpec,
  { name, norms, lines = ["row", "column"] }: ComparedMatrix,
): LineKind[] {
  const { tokens, hiddenDim } = problem;
  const kind = (one: string, lines: Lines, length: number): LineKind => {
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
interface Fault extends Pick<LineKind, "what" | "limit"> {
  readonly line: number;
  readonly error: number;
}

/** The line that exceeds its limit most; null if none does. */
function worstOf({ what, lines: { error, own }, limit, length }: LineKind, scale: number): Fault | null {
  let worst = { line: -1, error: limit };
  for (let line = 0; line < own.length; line++) {
    const norm = Math.max(own[line], length * scale ** 2);
    const relative = error[line] === 0 ? 0 : Math.sqrt(error[line] / norm);
    // Written so that NaN counts as worse.
    if (!(relative <= worst.error)) worst = { line, error: Number.isNaN(relative) ? Infinity : relative };
  }
  return worst.line < 0 ? null : { what, limit, ...worst };
}

function missing(what: string, error: number, limit: number, against = "float64 oracle"): string {
  return `${what} misses the ${against}: relative error ${error.toExponential(1)}, allowed are ${
    limit.toExponential(1)
  }`;
}
