/**
 * The reference that every variant is checked against: forward and backward in float64 on the CPU, straight from the
 * formulas.
 *
 *     g = x W_gate    u = x W_up    h = act(g) u    y = h W_down
 *     dh = dy W_down^T    dg = dh u act'(g)    du = dh act(g)    dx = dg W_gate^T + du W_up^T
 *     dGate = x^T dg      dUp = x^T du         dDown = h^T dy
 *
 * A token needs all weights but no other token, a hidden unit needs all tokens but no other unit. So a few rows of y
 * and dx, and a few units of the weights' gradients, can be had exactly at a small part of the whole's cost.
 */
import { type Numbers, pickColumns, pickRows, relativeFrobeniusError, rowsOf } from "./math.ts";
import { Magnitudes, type Scales } from "./magnitudes.ts";
import { type OracleInputs, type OracleProblem, TokenWalk, UnitWalk } from "./walk.ts";

export { Magnitudes, pickColumns, pickRows, relativeFrobeniusError };
export type { Numbers, OracleInputs, OracleProblem, Scales };
export type { ScalarActivation } from "./activation.ts";

/** Everything that forward and backward give, row-major. */
export interface OracleOutputs {
  /** [T, D]. */
  readonly y: Float64Array;
  /** [T, D]. */
  readonly dx: Float64Array;
  /** [D, H]. */
  readonly dGate: Float64Array;
  /** [D, H]. */
  readonly dUp: Float64Array;
  /** [H, D]. */
  readonly dDown: Float64Array;
}

/** Rows of y and dx, in the order asked for: each [rows, D]. */
export type OracleRows = Pick<OracleOutputs, "y" | "dx">;

/** Columns of dGate and dUp and rows of dDown, in the order asked for, a unit in a row: each [units, D]. */
export type OracleUnits = Pick<OracleOutputs, "dGate" | "dUp" | "dDown">;

/**
 * Computes everything, in 9TDH multiplications and additions.
 *
 * @param magnitudes Told of every unit of every token.
 * @throws {RangeError} If an input's length disagrees with the sizes.
 */
export function oracle(
  problem: OracleProblem,
  inputs: OracleInputs,
  magnitudes?: Magnitudes,
): OracleOutputs {
  checkLengths(problem, inputs);
  const { tokens, dim, hiddenDim } = problem;
  const y = new Float64Array(tokens * dim), dx = new Float64Array(tokens * dim);
  const [dGate, dUp, dDown] = Array.from({ length: 3 }, () => new Float64Array(dim * hiddenDim));
  const gradients = {
    dGate: rowsOf(dGate, hiddenDim),
    dUp: rowsOf(dUp, hiddenDim),
    dDown: rowsOf(dDown, dim),
  };
  const yRows = rowsOf(y, dim), dxRows = rowsOf(dx, dim);
  const walk = new TokenWalk(problem, inputs, magnitudes);
  for (let token = 0; token < tokens; token++) {
    walk.run(token, yRows[token], dxRows[token]);
    walk.addWeightGradients(token, gradients);
  }
  return { y, dx, dGate, dUp, dDown };
}

/**
 * Computes some tokens' rows of y and dx, at 6DH multiplications and additions each.
 *
 * @param rows Indices of tokens; of a result, pick the same with {@linkcode pickRows}.
 * @throws {RangeError} If an input's length disagrees with the sizes, or a row is not a token's.
 */
export function oracleRows(
  problem: OracleProblem,
  inputs: OracleInputs,
  rows: readonly number[],
  magnitudes?: Magnitudes,
): OracleRows {
  checkLengths(problem, inputs);
  checkIndices("row", rows, problem.tokens);
  const { dim } = problem;
  const y = new Float64Array(rows.length * dim), dx = new Float64Array(rows.length * dim);
  const yRows = rowsOf(y, dim), dxRows = rowsOf(dx, dim);
  const walk = new TokenWalk(problem, inputs, magnitudes);
  rows.forEach((token, i) => walk.run(token, yRows[i], dxRows[i]));
  return { y, dx };
}

/**
 * Computes some hidden units' gradients of the weights, at 6TD multiplications and additions each.
 *
 * @param units Indices of hidden units; of dGate and dUp pick the same with {@linkcode pickColumns}, of dDown with
 * {@linkcode pickRows}.
 * @throws {RangeError} If an input's length disagrees with the sizes, or a unit is not below the hidden width.
 */
export function oracleUnits(
  problem: OracleProblem,
  inputs: OracleInputs,
  units: readonly number[],
): OracleUnits {
  checkLengths(problem, inputs);
  checkIndices("unit", units, problem.hiddenDim);
  const { tokens, dim } = problem;
  const walks = units.map((unit) => new UnitWalk(problem, inputs, unit));
  // float64 once per token, not once per unit.
  const x = new Float64Array(dim), dy = new Float64Array(dim);
  for (let token = 0; token < tokens; token++) {
    x.set(inputs.x.subarray(token * dim, (token + 1) * dim));
    dy.set(inputs.dy.subarray(token * dim, (token + 1) * dim));
    for (const walk of walks) walk.add(x, dy);
  }
  return {
    dGate: join(walks.map((walk) => walk.dGate), dim),
    dUp: join(walks.map((walk) => walk.dUp), dim),
    dDown: join(walks.map((walk) => walk.dDown), dim),
  };
}

function join(rows: Float64Array[], width: number): Float64Array {
  const matrix = new Float64Array(rows.length * width);
  rows.forEach((row, i) => matrix.set(row, i * width));
  return matrix;
}

function checkLengths({ tokens, dim, hiddenDim }: OracleProblem, inputs: OracleInputs): void {
  const weight = dim * hiddenDim;
  const expected = { x: tokens * dim, gate: weight, up: weight, down: weight, dy: tokens * dim };
  for (const name of ["x", "gate", "up", "down", "dy"] as const) {
    if (inputs[name].length === expected[name]) continue;
    throw new RangeError(
      `Cannot compute the reference as ${name} must have ${expected[name]} elements: ` +
        `current value is ${inputs[name].length}`,
    );
  }
}

function checkIndices(name: string, indices: readonly number[], limit: number): void {
  for (const index of indices) {
    if (Number.isInteger(index) && index >= 0 && index < limit) continue;
    throw new RangeError(
      `Cannot sample the reference as ${name} must be a whole number below ${limit}: current value is ${index}`,
    );
  }
}
