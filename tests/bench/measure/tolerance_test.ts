import { assertEquals, assertMatch } from "@std/assert";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { Magnitudes, oracle } from "../../../bench/oracle/mod.ts";
import { normsOf } from "../../../bench/measure/norms.ts";
import { faultIn, type OutputName } from "../../../bench/measure/tolerance.ts";
import { problemOf } from "./problems.ts";

/** What is said of an output of which some elements were changed. */
function faultWith(
  name: OutputName,
  change: (values: Float64Array, width: number) => void,
  { dtype, sizes = [70, 65, 90] }: {
    dtype: "float32" | "float16" | "bfloat16";
    sizes?: [number, number, number];
  },
): string | null {
  const problem = problemOf(...sizes, dtype);
  const inputs = randomInputs(problem, 5);
  const magnitudes = new Magnitudes(problem, inputs);
  const outputs = oracle(problem, inputs, magnitudes);
  const expected = outputs[name];
  const width = name === "dGate" || name === "dUp" ? problem.hiddenDim : problem.dim;
  const actual = expected.slice();
  change(actual, width);
  return faultIn(problem, { name, norms: normsOf(actual, expected, width), scale: magnitudes.scales[name] });
}

const NAMES = ["y", "dx", "dGate", "dUp", "dDown"] as const;

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  Deno.test(`in ${dtype} no row, column, element or tile can be wrong`, () => {
    for (const name of NAMES) {
      const faults = {
        "row 7": faultWith(name, (values, width) => values.fill(0, 7 * width, 8 * width), { dtype }),
        "column 11": faultWith(name, (values, width) => {
          for (let i = 11; i < values.length; i += width) values[i] = 0;
        }, { dtype }),
        "row 3": faultWith(name, (values, width) => {
          values[3 * width + 5] += 10 * Math.hypot(...values.subarray(3 * width, 4 * width));
        }, { dtype }),
        "y|d": faultWith(name, (values) => values.fill(NaN, 40, 41), { dtype }),
      };
      for (const [where, fault] of Object.entries(faults)) {
        assertMatch(
          fault ?? "passes",
          new RegExp(`(${where}.* )?.*${name} misses the float64 oracle`),
          where,
        );
      }
    }
  });

  Deno.test(`in ${dtype} one lost token of 4,200 and one lost column of 1,031 are named`, () => {
    const token = faultWith("y", (values, width) => values.fill(0, 100 * width, 101 * width), {
      dtype,
      sizes: [4200, 16, 16],
    });
    const column = faultWith("dx", (values, width) => {
      for (let i = 1030; i < values.length; i += width) values[i] = 0;
    }, { dtype, sizes: [16, 1031, 64] });
    const name = (fault: string | null) => fault?.match(/(row|column) \d+ of \w+/)?.[0];
    assertEquals([name(token), name(column)], ["row 100 of y", "column 1030 of dx"]);
  });
}

Deno.test("the fault says where it is worst, its error and what is allowed there", () => {
  const fault = faultWith("dx", (values, width) => values.fill(0, 0, width), { dtype: "float32" });
  assertMatch(
    fault!,
    /^row 0 of dx misses the float64 oracle: relative error \d\.\de[-+]\d, allowed are 1\.5e-5$/,
  );
});

Deno.test("relu's derivative may jump in few gates of many, and in none of few", () => {
  const jump = (tokens: number, size: number) => {
    const problem = { ...problemOf(tokens, 32, 512), activation: "relu" as const };
    const expected = new Float64Array(tokens * 32).fill(1);
    const actual = expected.slice();
    for (let column = 0; column < 32; column++) actual[column] += size;
    return faultIn(problem, { name: "dx", norms: normsOf(actual, expected, 32), scale: 1 });
  };
  // A term of 512 is about a part of 1 / sqrt(512) of the sum.
  const term = 1 / Math.sqrt(512);
  assertEquals(jump(512, 2 * term), null);
  assertMatch(jump(512, 20 * term)!, /^row 0 of dx misses/);
  assertMatch(jump(1, 2 * term)!, /dx misses/);
});
