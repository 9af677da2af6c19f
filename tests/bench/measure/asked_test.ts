/** A variant that gives something else than was asked for, or changes what it is given, has no time; others keep theirs. */
import { assertEquals, assertMatch } from "@std/assert";
import { measure } from "../../../bench/measure/run.ts";
import type { RowResult } from "../../../bench/measure/job.ts";
import type { Block, Variant } from "../../../variants/variant.ts";
import { jobOf, problemOf, variantOf } from "./problems.ts";

const honest = variantOf("pytorch");

/** The rows of a faulty variant between two honest ones. */
async function rowsWith(
  faulty: Partial<Variant>,
  dtype: "float32" | "bfloat16" = "float32",
): Promise<RowResult[]> {
  const variants = [
    { ...honest, id: "before" },
    { ...honest, id: "faulty", ...faulty },
    { ...honest, id: "after" },
  ];
  const rows: RowResult[] = [];
  const ids = variants.map(({ id }) => id);
  await measure(jobOf([problemOf(4, 8, 12, dtype)], ids, { samples: 1, minTimeMs: 1 }), variants, (event) => {
    if (event.type === "row") rows.push(event.row);
  });
  return rows;
}

async function assertAlone(faulty: Partial<Variant>, reason: RegExp, dtype?: "bfloat16"): Promise<void> {
  for (const { variant, status, reason: why } of await rowsWith(faulty, dtype)) {
    assertEquals(status, variant === "faulty" ? "failed" : "ok", `${variant}: ${why}`);
    if (variant === "faulty") assertMatch(why!, reason);
  }
}

/** Forward of the honest variant, whose y is replaced by another tensor. */
const withOtherY = (shape: (block: Block) => number[], dtype: "float32" | "bfloat16"): Partial<Variant> => ({
  forward: (block, training) => {
    const { y, saved } = honest.forward(block, training);
    y.dispose();
    return { y: block.recorder.empty(shape(block), dtype, { purpose: "output", label: "y" }), saved };
  },
});

Deno.test("an output of another dtype fails by name", () =>
  assertAlone(
    withOtherY(({ problem }) => [problem.tokens, problem.dim], "float32"),
    /its y must be bfloat16/,
    "bfloat16",
  ));

Deno.test("an output of another shape fails by name", () =>
  assertAlone(
    withOtherY(({ problem }) => [1, problem.dim], "float32"),
    /its y must be float32 of \[4,8\].*\[1,8\]/,
  ));

Deno.test("a variant that changes the problem fails alone", () =>
  assertAlone({
    forward: (block, training) => {
      (block.problem as { precision: string }).precision = "tf32";
      return honest.forward(block, training);
    },
  }, /precision/));

Deno.test("a variant that changes the object of weights fails alone", () =>
  assertAlone({
    forward: (block, training) => {
      const weights = block.inputs.weights as unknown as Record<string, unknown>;
      [weights.gate, weights.up] = [weights.up, weights.gate];
      return honest.forward(block, training);
    },
  }, /gate/));

Deno.test("a variant whose refuses() throws fails alone", () =>
  assertAlone({
    refuses: () => {
      throw new Error("oops");
    },
  }, /oops/));
