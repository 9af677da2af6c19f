import { assert, assertEquals } from "@std/assert";
import { estimateSeconds, pickSizes } from "../../../bench/measure/sizes.ts";
import type { RowSpec } from "../../../bench/measure/job.ts";
import { formatSizes } from "../../../bench/measure/shapes.ts";
import { planRow } from "../../../bench/measure/row_plan.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { accepted, problemOf } from "./problems.ts";
import { variants } from "../../../variants/mod.ts";

const ALL: RowSpec[] = variants.flatMap(({ id }) =>
  (["forward", "backward", "full"] as const).map((mode) => ({ variant: id, mode }))
);

function speed(float32: number, software = false) {
  return { ceilings: { fmaTflops: { float32, float16: null }, copyGBps: 100 }, software };
}

function secondsOf(rows: readonly RowSpec[], at: ReturnType<typeof speed>): number {
  return pickSizes(rows, { ...at, types: 1 }).reduce(
    (sum, size) => sum + estimateSeconds(rows, size, at),
    0,
  );
}

Deno.test("a faster adapter gets larger sizes, and each takes about a minute at most", () => {
  const largest = (tflops: number) => pickSizes(ALL, { ...speed(tflops), types: 1 }).at(-1)!.dim;
  const dims = [0.5, 5, 60, 2000].map(largest);
  assert(dims.every((dim, i) => i === 0 || dim > dims[i - 1]), `${dims}`);
  for (const tflops of [0.5, 5, 60, 2000]) {
    const seconds = secondsOf(ALL, speed(tflops));
    assert(seconds < 60, `${seconds} s at ${tflops} TFLOP/s`);
  }
});

Deno.test("a GPU of a data centre gets the size of the published figures", () => {
  const names = pickSizes(ALL, { ...speed(66), types: 1 }).map(formatSizes);
  assertEquals(names.length, 3);
  assert(names.includes("2048x2048x5632") || names.includes("4096x4096x11008"), `${names}`);
});

Deno.test("a software adapter gets small sizes, and even the slowest gets one", () => {
  assert(pickSizes(ALL, { ...speed(0.015, true), types: 1 }).every(({ dim }) => dim <= 256));
  assert(secondsOf(ALL, speed(0.015, true)) < 60);
  assertEquals(pickSizes(ALL, { ...speed(1e-6, true), types: 1 }).length, 1);
});

Deno.test("tokens that are given are those of every size", () => {
  const sizes = pickSizes(ALL, { ...speed(5), types: 1, tokens: 16 });
  assertEquals([sizes.length, new Set(sizes.map(({ tokens }) => tokens))], [3, new Set([16])]);
});

Deno.test("the peaks of the sizes that are picked tell the variants apart", () => {
  for (const size of pickSizes(ALL, { ...speed(0.015, true), types: 1 })) {
    const problem = problemOf(size.tokens, size.dim, size.hiddenDim);
    const peaks = variants.map((variant) =>
      accepted(planRow({ variant, problem, mode: "full" }, CAPABILITIES)).peakBytes
    );
    assert(new Set(peaks).size >= 3, `${formatSizes(size)}: ${peaks}`);
  }
});

Deno.test("more types leave less for each, fewer rows leave more", () => {
  const largest = (rows: readonly RowSpec[], types: number) =>
    pickSizes(rows, { ...speed(5), types }).at(-1)!.dim;
  assert(largest(ALL, 3) <= largest(ALL, 1));
  assert(largest(ALL.slice(0, 1), 1) >= largest(ALL, 1));
});
