/** Gradients of a block's loss by central differences of the float64 oracle. */
import { oracle, type OracleInputs, type OracleProblem } from "../../../bench/oracle/mod.ts";

/** A power of two: it is exact, and its error of 2^-34 is as small as that of rounding. */
const STEP = 2 ** -17;

/** What dy is the gradient of: sum over y . dy. */
export function loss(problem: OracleProblem, inputs: OracleInputs): number {
  return oracle(problem, inputs).y.reduce((sum, value, i) => sum + value * inputs.dy[i], 0);
}

/** The slope of a function of these values by each of them. The function reads them; they are as before in the end. */
export function centralDifferences(values: Float64Array, of: (values: Float64Array) => number): Float64Array {
  return Float64Array.from(values, (kept, i) => {
    values[i] = kept + STEP;
    const above = of(values);
    values[i] = kept - STEP;
    const below = of(values);
    values[i] = kept;
    return (above - below) / (2 * STEP);
  });
}
