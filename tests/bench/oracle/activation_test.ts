import { assert, assertAlmostEquals, assertEquals, assertStrictEquals } from "@std/assert";
import { ACTIVATIONS } from "../../../kernels/activation.ts";
import { erfc, scalarActivation, sigmoid } from "../../../bench/oracle/activation.ts";

/** erf(x) in 80-digit fixed point, from its alternating Maclaurin series: slow, and unlike the oracle's two ways. */
function exactErf(x: number): bigint {
  const one = 10n ** 80n;
  const fixed = BigInt(Math.round(x * 2 ** 20)) * one / 2n ** 20n;
  const square = fixed * fixed / one;
  let power = fixed, sum = 0n;
  for (let n = 0n; power !== 0n; n++) {
    sum += (n % 2n ? -power : power) / (2n * n + 1n);
    power = power * square / one / (n + 1n);
  }
  // 2/sqrt(pi), 80 digits: the square root of 4/pi.
  const pi = 314159265358979323846264338327950288419716939937510582097494459230781640628620899n;
  return 2n * sum * one / integerRoot(pi * one);
}

function integerRoot(square: bigint): bigint {
  let root = BigInt(Math.round(Math.sqrt(Number(square))));
  for (let i = 0; i < 10; i++) root = (root + square / root) / 2n;
  return root;
}

Deno.test("erfc agrees with 80-digit arithmetic to 1e-15, and from 2 on to 2e-14 of itself", () => {
  for (let x = -5.5; x <= 5.5; x += 1 / 64) {
    const expected = Number(10n ** 80n - exactErf(x)) / 1e80;
    assertAlmostEquals(erfc(x), expected, x < 2 ? 1e-15 : 2e-14 * expected, `x = ${x}`);
  }
});

Deno.test("erfc has the values of the published tables", () => {
  // NIST Digital Library of Mathematical Functions, table 7.23.
  assertAlmostEquals(1 - erfc(0.5), 0.5204998778130465, 1e-15);
  assertAlmostEquals(1 - erfc(1), 0.8427007929497149, 1e-15);
  assertAlmostEquals(1 - erfc(2), 0.9953222650189527, 1e-15);
  assertStrictEquals(erfc(0), 1);
  assertStrictEquals(erfc(40), 0);
  assertStrictEquals(erfc(-40), 2);
});

Deno.test("sigmoid is finite and symmetric for any finite number", () => {
  for (const x of [0, 1e-300, 1, 36.7, 709, 710, 1e10, Number.MAX_VALUE]) {
    assertAlmostEquals(sigmoid(x) + sigmoid(-x), 1, 1e-15);
  }
  assertStrictEquals(sigmoid(-Number.MAX_VALUE), 0);
  assertAlmostEquals(sigmoid(-700) / Math.exp(-700), 1, 1e-12);
});

Deno.test("each activation has its known values", () => {
  const at = (name: typeof ACTIVATIONS[number], x: number) => scalarActivation(name).value(x);
  const e = Math.E;
  assertAlmostEquals(at("silu", 1), e / (1 + e), 1e-15);
  assertAlmostEquals(at("silu", -2), -2 / (1 + e * e), 1e-15);
  assertAlmostEquals(at("gelu", Math.SQRT2), Math.SQRT2 * (1 + 0.8427007929497149) / 2, 1e-15);
  const inner = Math.sqrt(2 / Math.PI) * (1.5 + 0.044715 * 1.5 ** 3);
  assertAlmostEquals(at("gelu_tanh", 1.5), 0.75 * (1 + Math.tanh(inner)), 1e-15);
  assertEquals([at("relu", -3), at("relu", 3)], [0, 3]);
  assertAlmostEquals(at("sigmoid", 1), e / (1 + e), 1e-15);
  assertAlmostEquals(at("tanh", 1), (e * e - 1) / (e * e + 1), 1e-15);
  assertEquals([at("identity", -3), at("identity", 3)], [-3, 3]);
});

for (const name of ACTIVATIONS) {
  Deno.test(`${name}'s derivative agrees with the difference of its values`, () => {
    const { value, derivative } = scalarActivation(name);
    for (let x = -12.03125; x <= 12; x += 0.0625) {
      const step = 2 ** -14;
      const slope = (value(x - 2 * step) - 8 * value(x - step) + 8 * value(x + step) - value(x + 2 * step)) /
        (12 * step);
      assertAlmostEquals(derivative(x), slope, 1e-10, `x = ${x}`);
    }
  });

  Deno.test(`${name} and its derivative are finite up to the largest float32`, () => {
    const { value, derivative } = scalarActivation(name);
    for (const x of [0, 1e-45, 1, 20, 100, 1e4, 3.4028234663852886e38]) {
      for (const signed of [x, -x]) {
        assert(Number.isFinite(value(signed)), `${name}(${signed}) is ${value(signed)}`);
        assert(Number.isFinite(derivative(signed)), `${name}'(${signed}) is ${derivative(signed)}`);
      }
    }
  });
}

Deno.test("clamped SwiGLU follows its formulas on both sides of its limits, with its own values", () => {
  const [alpha, limit, shift] = [0.5, 2, 3];
  const { value, derivative, up, upDerivative } = scalarActivation({
    ...{ name: "clamped_swiglu", alpha, limit, shift },
  });
  assertAlmostEquals(value(-1), -1 / (1 + Math.exp(0.5)), 1e-15);
  assertEquals([value(5), value(Infinity)], [value(2), value(2)]);
  assertEquals([derivative(2.001), derivative(2) > 0], [0, true]);
  assertAlmostEquals(derivative(1), (value(1 + 1e-5) - value(1 - 1e-5)) / 2e-5, 1e-9);
  assertEquals([-9, -2, 0.5, 9].map((u) => up!(u)), [1, 1, 3.5, 5]);
  assertEquals([-2.001, -2, 0.5, 2, 2.001, NaN].map((u) => upDerivative!(u)), [0, 1, 1, 1, 0, NaN]);
});

Deno.test("clamped SwiGLU's slopes of gate and up agree with differences of their values, inside the limits and beyond", () => {
  const { value, derivative, up, upDerivative } = scalarActivation({
    ...{ name: "clamped_swiglu", alpha: 1.3, limit: 2, shift: 0.5 },
  });
  const step = 2 ** -14;
  for (let x = -4.03125; x <= 4; x += 0.0625) {
    const slopeOf = (f: (x: number) => number) => (f(x + step) - f(x - step)) / (2 * step);
    assertAlmostEquals(derivative(x), slopeOf(value), 1e-8, `gate ${x}`);
    assertAlmostEquals(upDerivative!(x), slopeOf(up!), 1e-10, `up ${x}`);
  }
});

Deno.test("an activation of one's own is taken as it is", () => {
  const cube = { value: (x: number) => x ** 3, derivative: (x: number) => 3 * x * x };
  assertStrictEquals(scalarActivation(cube), cube);
});
