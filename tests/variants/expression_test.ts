import { assertAlmostEquals, assertEquals } from "@std/assert";
import { parseExpression } from "../../variants/expression.ts";

const at = (text: string, x: number) => parseExpression(text)?.(x);

Deno.test("expressions have WGSL's precedence, numbers and functions", () => {
  assertEquals(at("1 + 2 * x - 3 / -x", 2), 6.5);
  assertEquals(at("-x * x", 3), -9);
  assertEquals(at("(1.5e1f + .5) * x % 3.", 2), 1);
  assertEquals(at("select(0.1 * x, x, x > vec4f(0))", -2), -0.2);
  assertEquals(at("select(x, vec4<f32>(7.0), x >= vec4f(1) && !(x > vec4f(2)))", 2), 7);
  assertEquals(at("clamp(x, vec4f(-1), vec4f(1)) + fma(x, x, vec4f(1))", -3), 9);
  assertAlmostEquals(at("exp(-abs(x)) + inverseSqrt(x)", 4)!, Math.exp(-4) + 0.5, 1e-15);
});

Deno.test("what is not known is told, not guessed", () => {
  const unknown = [
    "bitcast<vec4f>(x)",
    "x.xyzw",
    "x +",
    "(x",
    "x y",
    "1 2",
    "vec4f(1, 2, 3, 4)",
    "f(x)",
    "constructor(x)",
    "",
    "x // 1",
    "0x10 * x",
  ];
  for (const text of unknown) assertEquals(parseExpression(text), null, text);
});
