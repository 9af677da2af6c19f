import { assert, assertEquals, assertRejects } from "@std/assert";
import type { MatmulShape } from "../../../kernels/matmul/config.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { parseTuning, productKey, TUNING_SCHEMA } from "../../../kernels/matmul/tuning.ts";
import { elementwise } from "../../../kernels/elementwise.ts";
import { rowRange } from "../../../kernels/view.ts";
import { Instruments } from "../../../bench/timing/instruments.ts";
import { tuneProduct } from "../../../bench/timing/tune.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();
const SHAPE: MatmulShape = {
  layout: "nt",
  m: 20,
  n: 24,
  k: 800,
  products: 1,
  columns: 1,
  gatedA: false,
  dtype: "float32",
  arithmetic: "float32",
};

/** Computes a product, and one element of its last row wrong where `isWrong` says so. */
function spoiled(isWrong: (request: Parameters<typeof matmul>[1]) => boolean): typeof matmul {
  return (recorder, request) => {
    matmul(recorder, request);
    if (!isWrong(request)) return;
    const [out] = request.out;
    const to = { ...rowRange(out, out.rows - 1, 1), cols: 1 };
    elementwise(recorder, { label: "a fault", inputs: { v: to }, outputs: [{ to, value: "v + 1" }] });
  };
}

Deno.test("what a search finds is one of its candidates, and can be read as a table", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  for (
    const structure of [{}, { layout: "tn", gatedA: true, dtype: "float16" }, {
      layout: "nn",
      columns: 2,
    }] as const
  ) {
    const shape = { ...SHAPE, ...structure };
    const entry = await tuneProduct(instruments, shape);
    assertEquals([entry.product, entry.failed], [productKey(shape), []]);
    assert(entry.tflops >= entry.ruled.tflops && entry.ruled.tflops > 0, JSON.stringify(entry));
    const table = { schema: TUNING_SCHEMA, adapter: "a test", entries: [entry] };
    assertEquals(parseTuning(JSON.stringify(table), "a test"), table);
  }
});

Deno.test("a candidate with one wrong element is kept as failed, with its reason, and never wins", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  const record = spoiled(({ choice }) => choice!.splits > 1 || choice!.transposeB === true);
  const { splits, transposeB, failed } = await tuneProduct(instruments, SHAPE, { record });
  assertEquals([splits, transposeB], [1, false]);
  assert(failed.length >= 3);
  for (const { reason } of failed) assertEquals(reason, "1 elements of its output are wrong");
});

Deno.test("a candidate that writes nothing fails: outputs are poisoned before each", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  const record: typeof matmul = (recorder, request) => {
    if (request.choice!.splits === 1) matmul(recorder, request);
  };
  const { failed } = await tuneProduct(instruments, SHAPE, { record });
  const all = `${SHAPE.m * SHAPE.n} elements of its output are wrong`;
  assertEquals(new Set(failed.map(({ reason }) => reason)), new Set([all]));
});

Deno.test("where the rule's own choice is wrong there is nothing to compare with", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  const record = spoiled(() => true);
  const error = await assertRejects(() => tuneProduct(instruments, SHAPE, { record }));
  assert(/its output \[19,0\] is -?\d+, not -?\d+/.test(String(error)), String(error));
});

testNothingLeft(gpu);
