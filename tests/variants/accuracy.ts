/** The greatest error of a correct variant, derived from the arithmetic of its dtype. */
import type { ActivationName } from "../../kernels/activation.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import { type HostInputs, randomInputs } from "../../bench/oracle/data.ts";
import {
  oracle,
  type OracleOutputs,
  type OracleProblem,
  relativeFrobeniusError,
} from "../../bench/oracle/mod.ts";
import type { Problem } from "../../variants/variant.ts";

/** A problem whose activation has a name, and so an oracle. */
export type NamedProblem = Problem & { readonly activation: ActivationName };

/** Inputs with what must come out, in float64. */
export interface Checked {
  readonly host: HostInputs;
  readonly expected: OracleOutputs;
  readonly seed: number;
}

/** How often the longest way to an output rounds to its dtype: g, act(g), h, y; then dh, d act(g), dg and two of dx. */
const ROUNDINGS = { forward: 4, gradient: 8 };

/**
 * Relative Frobenius error that is allowed.
 *
 * float32: a few units of 6e-8, which sums of some hundred products and an exp of a few units spread. The halves: half a
 * unit in the last place for each rounding is the worst that can happen, 2^-9 for bfloat16; float16's is 2^-12 on
 * average, so 2e-3 leaves eight of them; precisions "tf32" and "fastest" round operands to as many bits. A lone element has no others to average with: it may be off by four times that.
 */
export function tolerance(
  output: keyof OracleOutputs,
  { dtype, precision, tokens, dim, hiddenDim }:
    & Pick<Problem, "dtype" | "tokens" | "dim" | "hiddenDim">
    & Partial<Pick<Problem, "precision">>,
): number {
  const way = output === "y" ? "forward" : "gradient";
  const limits: Record<DType, number> = {
    float32: way === "forward" ? 5e-6 : 1e-5,
    float16: 2e-3,
    bfloat16: 2 ** -9 * ROUNDINGS[way],
  };
  const lone = tokens * dim * hiddenDim === 1;
  return limits[digitsOf({ dtype, precision })] * (lone ? 4 : 1);
}

/** The dtype whose digits the operands of products have: "tf32" and "fastest" may round float32 to as many as float16 has. */
export function digitsOf(
  { dtype, precision = "default" }: Pick<Problem, "dtype"> & Partial<Pick<Problem, "precision">>,
): DType {
  const rounds = precision === "tf32" || precision === "fastest";
  return rounds && dtype === "float32" ? "float16" : dtype;
}

/** A change of x by one part in 2^20 must not change an output by more than this times as much. */
const MOST_AMPLIFICATION = 8;

/**
 * Random inputs with their oracle, drawn again while the problem is ill-conditioned: where act'(g) or a sum happens to
 * vanish, every implementation loses all digits, and the test would say nothing.
 */
export function wellConditioned(
  problem: OracleProblem & Pick<Problem, "dtype">,
  firstSeed: number,
): Checked {
  for (let seed = firstSeed;; seed++) {
    const host = randomInputs(problem, seed);
    const expected = oracle(problem, host);
    const x = host.x.map((value, i) => value * (1 + (i % 2 ? 1 : -1) * 2 ** -20));
    const moved = oracle(problem, { ...host, x });
    const amplification = (Object.keys(expected) as (keyof OracleOutputs)[])
      .map((name) => relativeFrobeniusError(moved[name], expected[name]) * 2 ** 20);
    if (Math.max(...amplification) <= MOST_AMPLIFICATION) return { host, expected, seed };
  }
}
