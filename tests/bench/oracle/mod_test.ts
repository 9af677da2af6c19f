import { assert, assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ACTIVATIONS } from "../../../kernels/activation.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import {
  oracle,
  type OracleInputs,
  type OracleOutputs,
  oracleRows,
  oracleUnits,
  pickColumns,
  pickRows,
  relativeFrobeniusError,
} from "../../../bench/oracle/mod.ts";
import { rowsOf } from "../../../bench/oracle/math.ts";
import { centralDifferences, loss } from "./differences.ts";

/** x^3 / 3 - x: no named activation, and not monotone. */
const CUBIC = { value: (x: number) => x ** 3 / 3 - x, derivative: (x: number) => x * x - 1 };

/** Its limit is exceeded by a third of random gates and ups, and the rest is inside. */
const CLAMPED = { name: "clamped_swiglu", alpha: 1.3, limit: 1, shift: 0.5 } as const;

const SIZES = { tokens: 4, dim: 3, hiddenDim: 5 };
const GRADIENT_OF = { x: "dx", gate: "dGate", up: "dUp", down: "dDown" } as const;

/** Random inputs in float64, so that a small step is not rounded away. */
function doubles(sizes: typeof SIZES, seed: number): Record<keyof OracleInputs, Float64Array> {
  const made = randomInputs({ ...sizes, dtype: "float32" }, seed);
  const widen = (values: Float32Array) => Float64Array.from(values);
  return {
    x: widen(made.x),
    gate: widen(made.gate),
    up: widen(made.up),
    down: widen(made.down),
    dy: widen(made.dy),
  };
}

for (const activation of [...ACTIVATIONS, CLAMPED, CUBIC]) {
  const label = typeof activation === "string"
    ? activation
    : activation === CLAMPED
    ? "limits that many gates and ups are beyond"
    : "a custom activation";
  for (const name of ["x", "gate", "up", "down"] as const) {
    Deno.test(`${GRADIENT_OF[name]} with ${label} agrees with central differences of the loss`, () => {
      const problem = { ...SIZES, activation };
      const inputs = doubles(SIZES, 11);
      const gradient = oracle(problem, inputs)[GRADIENT_OF[name]];
      assert(gradient.some((value) => Math.abs(value) > 0.01));
      const differences = centralDifferences(inputs[name], () => loss(problem, inputs));
      const error = relativeFrobeniusError(gradient, differences);
      assert(error < 1e-8, `${error}`);
    });
  }
}

Deno.test("y follows the formula, element by element", () => {
  const problem = { ...SIZES, activation: "silu" } as const;
  const { x, gate, up, down, dy } = doubles(SIZES, 3);
  const { y } = oracle(problem, { x, gate, up, down, dy });
  const at = (matrix: Float64Array, width: number) => (i: number, j: number) => matrix[i * width + j];
  const { tokens, dim, hiddenDim } = SIZES;
  const X = at(x, dim), G = at(gate, hiddenDim), U = at(up, hiddenDim), W = at(down, dim);
  for (let t = 0; t < tokens; t++) {
    for (let column = 0; column < dim; column++) {
      let expected = 0;
      for (let j = 0; j < hiddenDim; j++) {
        let g = 0, u = 0;
        for (let d = 0; d < dim; d++) {
          g += X(t, d) * G(d, j);
          u += X(t, d) * U(d, j);
        }
        expected += g / (1 + Math.exp(-g)) * u * W(j, column);
      }
      assertAlmostEquals(y[t * dim + column], expected, 1e-14);
    }
  }
});

for (const sizes of [{ tokens: 1, dim: 1, hiddenDim: 1 }, { tokens: 9, dim: 7, hiddenDim: 13 }]) {
  Deno.test(`sampled rows and units equal the whole at ${Object.values(sizes)}`, () => {
    const problem = { ...sizes, activation: "gelu" } as const;
    const inputs = randomInputs({ ...sizes, dtype: "float16" }, 2);
    const whole = oracle(problem, inputs);
    const rows = [sizes.tokens - 1, 0], units = [sizes.hiddenDim - 1, 0, Math.floor(sizes.hiddenDim / 2)];
    assertSampledEqualWhole(sizes, whole, {
      rows,
      units,
      ...oracleRows(problem, inputs, rows),
      ...oracleUnits(problem, inputs, units),
    });
  });
}

function assertSampledEqualWhole(
  { dim, hiddenDim }: typeof SIZES,
  whole: OracleOutputs,
  sampled: OracleOutputs & { rows: number[]; units: number[] },
) {
  const { rows, units } = sampled;
  const expected = {
    y: pickRows(whole.y, dim, rows),
    dx: pickRows(whole.dx, dim, rows),
    dGate: pickColumns(whole.dGate, hiddenDim, units),
    dUp: pickColumns(whole.dUp, hiddenDim, units),
    dDown: pickRows(whole.dDown, dim, units),
  };
  for (const name of ["y", "dx", "dGate", "dUp", "dDown"] as const) {
    assert(relativeFrobeniusError(sampled[name], expected[name]) < 1e-14, name);
  }
}

Deno.test("no rows and no units give nothing", () => {
  const problem = { ...SIZES, activation: "silu" } as const;
  assertEquals(oracleRows(problem, doubles(SIZES, 1), []).y.length, 0);
  assertEquals(oracleUnits(problem, doubles(SIZES, 1), []).dGate.length, 0);
});

Deno.test("an input of a wrong length is refused by name, rule and value", () => {
  const problem = { ...SIZES, activation: "silu" } as const;
  for (const [name, length] of [["x", 12], ["gate", 15], ["up", 15], ["down", 15], ["dy", 12]] as const) {
    const inputs = { ...doubles(SIZES, 1), [name]: new Float32Array(length + 1) };
    const message = `Cannot compute the reference as ${name} must have ${length} elements: current value is ${
      length + 1
    }`;
    assertThrows(() => oracle(problem, inputs), RangeError, message);
    assertThrows(() => oracleRows(problem, inputs, [0]), RangeError, message);
    assertThrows(() => oracleUnits(problem, inputs, [0]), RangeError, message);
  }
});

Deno.test("a row or unit outside the problem is refused by name, rule and value", () => {
  const problem = { ...SIZES, activation: "silu" } as const;
  const inputs = doubles(SIZES, 1);
  for (const bad of [-1, 0.5, NaN]) {
    assertThrows(() => oracleRows(problem, inputs, [bad]), RangeError, `below 4: current value is ${bad}`);
  }
  assertThrows(() => oracleRows(problem, inputs, [4]), RangeError, "row must be a whole number below 4");
  assertThrows(() => oracleUnits(problem, inputs, [5]), RangeError, "unit must be a whole number below 5");
});

Deno.test("pickRows and pickColumns keep the order asked for", () => {
  const matrix = Float32Array.of(1, 2, 3, 4, 5, 6);
  assertEquals([...pickRows(matrix, 3, [1, 0])], [4, 5, 6, 1, 2, 3]);
  assertEquals([...pickColumns(matrix, 3, [2, 0])], [3, 6, 1, 4]);
  assertEquals(rowsOf(matrix, 3), [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]);
});

Deno.test("relativeFrobeniusError is the norm of the difference by the norm of the expected", () => {
  assertAlmostEquals(relativeFrobeniusError(Float64Array.of(3, 4.5), Float64Array.of(3, 4)), 0.1, 1e-15);
  assertStrictEquals(relativeFrobeniusError(Float32Array.of(3, 4), Float64Array.of(3, 4)), 0);
  assertAlmostEquals(relativeFrobeniusError(new Float32Array(2), Float64Array.of(3, 4)), 1, 1e-15);
});

Deno.test("relativeFrobeniusError is infinite where a number is missing", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    assertStrictEquals(relativeFrobeniusError(Float64Array.of(1, bad), Float64Array.of(1, 1)), Infinity);
    assertStrictEquals(relativeFrobeniusError(Float64Array.of(1, 1), Float64Array.of(1, bad)), Infinity);
    assertStrictEquals(relativeFrobeniusError(Float64Array.of(1, bad), Float64Array.of(1, bad)), Infinity);
  }
});

Deno.test("relativeFrobeniusError of nothing expected is 0 for nothing and infinite for something", () => {
  assertStrictEquals(relativeFrobeniusError(new Float32Array(3), new Float64Array(3)), 0);
  assertStrictEquals(relativeFrobeniusError(Float32Array.of(0, 1e-30, 0), new Float64Array(3)), Infinity);
  assertStrictEquals(relativeFrobeniusError(new Float32Array(0), new Float64Array(0)), 0);
});

Deno.test("relativeFrobeniusError refuses different lengths", () => {
  assertThrows(
    () => relativeFrobeniusError(new Float32Array(2), new Float64Array(3)),
    RangeError,
    "Cannot compare as actual must have 3 elements: current value is 2",
  );
});
