import type { Sizes } from "../../variants/variant.ts";
import { dot, type Numbers } from "./math.ts";

/**
 * The root mean square of an output's elements if their terms did not cancel, and those of what they are made from did
 * not either. Rounding errors are proportional to it, also where a sum happens to come out near 0.
 */
export type Scales = Readonly<Record<"y" | "dx" | "dGate" | "dUp" | "dDown", number>>;

/** What one hidden unit computes for one token. */
interface HiddenUnit {
  /** act(g). */
  readonly act: number;
  /** act'(g). */
  readonly slope: number;
  readonly u: number;
  readonly dh: number;
}

/**
 * Adds up how large the intermediates are, to tell the {@linkcode Scales} of the outputs.
 *
 * The inputs are random and independent, so a sum of K products has the mean square K mean(a^2) mean(b^2). A product's
 * error has a part for each factor: that of h = act(g) u is act'(g) u g's + act(g) u's.
 */
export class Magnitudes {
  readonly #dim: number;
  readonly #norms: Readonly<Record<"x" | "gate" | "up" | "down" | "dy", number>>;
  /** Mean squares of the terms of g, u and dh. */
  readonly #g: number;
  readonly #u: number;
  readonly #dh: number;
  #count = 0;
  #h = 0;
  #dg = 0;
  #du = 0;

  constructor(
    { tokens, dim, hiddenDim }: Sizes,
    inputs: Readonly<Record<"x" | "gate" | "up" | "down" | "dy", Numbers>>,
  ) {
    const square = (values: Numbers) => dot(values, values);
    const { x, gate, up, down, dy } = inputs;
    const norms = { x: square(x), gate: square(gate), up: square(up), down: square(down), dy: square(dy) };
    const each = tokens * dim * hiddenDim;
    this.#dim = dim;
    this.#norms = norms;
    [this.#g, this.#u] = [norms.x * norms.gate / each, norms.x * norms.up / each];
    this.#dh = norms.dy * norms.down / each;
  }

  /** Adds one token's unit. The second derivative of no activation is much above 1. */
  add({ act, slope, u, dh }: HiddenUnit): void {
    this.#count++;
    this.#h += (act * u) ** 2 + (slope * u) ** 2 * this.#g + act ** 2 * this.#u;
    this.#dg += (dh * u * slope) ** 2 + (u * slope) ** 2 * this.#dh + (dh * slope) ** 2 * this.#u +
      (dh * u) ** 2 * this.#g;
    this.#du += (dh * act) ** 2 + act ** 2 * this.#dh + (dh * slope) ** 2 * this.#g;
  }

  /** The scales of the outputs. */
  get scales(): Scales {
    const { x, gate, up, down, dy } = this.#norms;
    const [h, dg, du] = [this.#h, this.#dg, this.#du].map((sum) => sum / Math.max(1, this.#count));
    const root = (square: number) => Math.sqrt(square / this.#dim);
    return {
      y: root(h * down),
      dx: root(dg * gate + du * up),
      dGate: root(dg * x),
      dUp: root(du * x),
      dDown: root(h * dy),
    };
  }
}
