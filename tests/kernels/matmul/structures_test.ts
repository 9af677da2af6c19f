/** Every structure that the generator takes but no variant uses yet, on a tile that compiles fast. */
import { assertThrows } from "@std/assert";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { matrix } from "../../../kernels/view.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { generatorCases } from "./cases.ts";
import { assertExact } from "./exact.ts";
import { describe } from "./structures.ts";

const gpu = await requestGpu();

for (const { config, shapes, seed } of generatorCases()) {
  Deno.test(`the generator is exact: ${describe(config)}, K in ${config.choice?.splits}`, async () => {
    for (const poison of ["nan", "huge"] as const) await assertExact(gpu, config, { shapes, seed, poison });
  });
}

/** A product of [4, 4] matrices that is only planned. */
function plan(request: Pick<MatmulRequest, "layout"> & Partial<MatmulRequest>): () => void {
  const recorder = new PlanRecorder(gpu.capabilities);
  const empty = (label: string) => matrix(recorder.empty([4, 4], "float32", { purpose: "workspace", label }));
  const operands = { a: [empty("A")], b: [empty("B")], out: [empty("C")] };
  return () => matmul(recorder, { label: "a test", ...operands, ...request });
}

Deno.test("a gated A outside layout tn is refused", () => {
  assertThrows(
    plan({ layout: "nn", gatedA: true }),
    RangeError,
    "Cannot compute a test as a gated A needs layout tn: current value is nn",
  );
});

Deno.test("a gated sum of two products is refused", () => {
  assertThrows(
    plan({ layout: "nn", products: 2, columns: 2, epilogue: "gated" }),
    RangeError,
    "Cannot compute a test as the sum of two products must be stored: current value is gated",
  );
});

Deno.test("operands that are too few or too many are refused", () => {
  assertThrows(
    plan({ layout: "nn", products: 2 }),
    RangeError,
    "Cannot compute a test as it takes 2 a: current value is 1",
  );
  assertThrows(
    plan({ layout: "nn", epilogue: "gated-backward" }),
    RangeError,
    "Cannot compute a test as it takes 4 out: current value is 1",
  );
});

Deno.test("an operand of another shape or another stride than its fellow is refused", () => {
  const recorder = new PlanRecorder(gpu.capabilities);
  const empty = (label: string, columns: number) =>
    matrix(recorder.empty([4, columns], "float32", { purpose: "workspace", label }));
  const [a, b, out] = [empty("A", 4), empty("B", 8), empty("C", 8)];
  const request = { label: "a test", layout: "nn" } as const;
  assertThrows(
    () => matmul(recorder, { ...request, a: [a], b: [b], out: [{ ...out, cols: 7 }] }),
    RangeError,
    "Cannot compute a test as C must be [4,8] with row stride 8: current value is [4,7] with 8",
  );
  const outs = [out, empty("C", 8)];
  const other = { ...empty("B", 12), cols: 8 };
  assertThrows(
    () => matmul(recorder, { ...request, a: [a], b: [b, other], out: outs, columns: 2 }),
    RangeError,
    "Cannot compute a test as B must be [4,8] with row stride 8: current value is [4,8] with 12",
  );
  assertThrows(
    () =>
      matmul(recorder, {
        ...request,
        a: [matrix(recorder.empty([4, 4], "bfloat16", { purpose: "workspace", label: "A" }))],
        b: [matrix(recorder.empty([4, 8], "float16", { purpose: "workspace", label: "B" }))],
        out: [out],
      }),
    TypeError,
    "Cannot multiply tensors as their dtypes must agree, or one be float32: current value is bfloat16, float16",
  );
});

testNothingLeft(gpu);
