import type { ActivationName, ClampedSwiglu } from "../../kernels/activation.ts";
import type { Sizes } from "../../variants/variant.ts";
import { type ScalarActivation, scalarActivation } from "./activation.ts";
import type { Magnitudes } from "./magnitudes.ts";
import { addScaled, dot, type Numbers, pickColumns, pickRows, rowsOf } from "./math.ts";

/** A block's sizes and its activation, by name or as two functions of a number. */
export interface OracleProblem extends Sizes {
  readonly activation: ActivationName | ClampedSwiglu | ScalarActivation;
}

/** What the oracle computes from, row-major: x, dy [T, D]; gate, up [D, H]; down [H, D]. */
export type OracleInputs = Readonly<Record<"x" | "gate" | "up" | "down" | "dy", Numbers>>;

/** A row of each matrix for each model dimension (dGate, dUp) or hidden unit (dDown). */
export type WeightGradientRows = Readonly<Record<"dGate" | "dUp" | "dDown", readonly Float64Array[]>>;

/** Walks one token after another forward and backward: every weight row is read in order, none by columns. */
export class TokenWalk {
  readonly #act: ScalarActivation;
  readonly #inputs: OracleInputs;
  readonly #magnitudes: Magnitudes | undefined;
  readonly #gate: Numbers[];
  readonly #up: Numbers[];
  readonly #down: Numbers[];
  /** The last token's intermediates, each [H]. */
  readonly #g: Float64Array;
  readonly #u: Float64Array;
  readonly #h: Float64Array;
  readonly #dg: Float64Array;
  readonly #du: Float64Array;

  constructor(
    { activation, dim, hiddenDim }: OracleProblem,
    inputs: OracleInputs,
    magnitudes?: Magnitudes,
  ) {
    this.#magnitudes = magnitudes;
    this.#act = scalarActivation(activation);
    this.#inputs = inputs;
    this.#gate = rowsOf(inputs.gate, hiddenDim);
    this.#up = rowsOf(inputs.up, hiddenDim);
    this.#down = rowsOf(inputs.down, dim);
    [this.#g, this.#u, this.#h, this.#dg, this.#du] = Array.from(
      { length: 5 },
      () => new Float64Array(hiddenDim),
    );
  }

  /** Adds a token's y and dx to zeros, each [D]. */
  run(token: number, y: Float64Array, dx: Float64Array): void {
    this.#project(this.#row("x", token));
    this.#hidden(this.#row("dy", token), y);
    for (let d = 0; d < dx.length; d++) dx[d] = dot(this.#dg, this.#gate[d]) + dot(this.#du, this.#up[d]);
  }

  /** Adds the last token's part to the weights' gradients, given by rows. */
  addWeightGradients(token: number, { dGate, dUp, dDown }: WeightGradientRows): void {
    const x = this.#row("x", token), dy = this.#row("dy", token);
    for (let d = 0; d < x.length; d++) {
      addScaled(dGate[d], this.#dg, x[d]);
      addScaled(dUp[d], this.#du, x[d]);
    }
    for (let j = 0; j < dDown.length; j++) addScaled(dDown[j], dy, this.#h[j]);
  }

  #row(name: "x" | "dy", token: number): Numbers {
    const dim = this.#gate.length;
    return this.#inputs[name].subarray(token * dim, (token + 1) * dim);
  }

  /** g = x W_gate, u = x W_up. */
  #project(x: Numbers): void {
    this.#g.fill(0);
    this.#u.fill(0);
    for (let d = 0; d < x.length; d++) {
      addScaled(this.#g, this.#gate[d], x[d]);
      addScaled(this.#u, this.#up[d], x[d]);
    }
  }

  /** h, y = h W_down, dh = dy W_down^T, dg and du, unit by unit. */
  #hidden(dy: Numbers, y: Float64Array): void {
    for (let j = 0; j < this.#h.length; j++) {
      const act = this.#act.value(this.#g[j]), slope = this.#act.derivative(this.#g[j]);
      const { u, upSlope } = lifted(this.#act, this.#u[j]);
      const dh = dot(dy, this.#down[j]);
      this.#h[j] = act * u;
      this.#dg[j] = dh * u * slope;
      this.#du[j] = dh * act * upSlope;
      this.#magnitudes?.add({ act, slope, u, dh });
      addScaled(y, this.#down[j], this.#h[j]);
    }
  }
}

/** What an activation of both operands makes of u, with its derivative. */
function lifted({ up, upDerivative }: ScalarActivation, u: number): { u: number; upSlope: number } {
  return { u: up?.(u) ?? u, upSlope: upDerivative?.(u) ?? 1 };
}

/** Walks a hidden unit through all tokens, on its columns of W_gate and W_up and its row of W_down. */
export class UnitWalk {
  /** The unit's columns of dGate and dUp and its row of dDown, each [D]. */
  readonly dGate: Float64Array;
  readonly dUp: Float64Array;
  readonly dDown: Float64Array;
  readonly #act: ScalarActivation;
  readonly #gate: Float64Array;
  readonly #up: Float64Array;
  readonly #down: Float64Array;

  constructor({ activation, dim, hiddenDim }: OracleProblem, inputs: OracleInputs, unit: number) {
    this.#act = scalarActivation(activation);
    this.#gate = pickColumns(inputs.gate, hiddenDim, [unit]);
    this.#up = pickColumns(inputs.up, hiddenDim, [unit]);
    this.#down = pickRows(inputs.down, dim, [unit]);
    [this.dGate, this.dUp, this.dDown] = Array.from({ length: 3 }, () => new Float64Array(dim));
  }

  /** Adds a token's part, from its rows of x and dy. */
  add(x: Numbers, dy: Numbers): void {
    const g = dot(this.#gate, x), dh = dot(this.#down, dy);
    const act = this.#act.value(g);
    const { u, upSlope } = lifted(this.#act, dot(this.#up, x));
    addScaled(this.dGate, x, dh * u * this.#act.derivative(g));
    addScaled(this.dUp, x, dh * act * upSlope);
    addScaled(this.dDown, dy, act * u);
  }
}
