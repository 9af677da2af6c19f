/** Products of a few rows, which stream B and add slices of K. They are right bit for bit, whatever memory held before. */
import { assert, assertEquals } from "@std/assert";
import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { STREAM_ROWS, streamKernel, streamRoom } from "../../../kernels/matmul/stream_kernel.ts";
import { STREAM_CHUNK } from "../../../kernels/matmul/stream.ts";
import { matrix, type View } from "../../../kernels/view.ts";
import { sampleIndices } from "../../../bench/oracle/data.ts";
import { smallIntegers } from "../../integers.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { streamCases } from "./cases.ts";
import { assertExact } from "./exact.ts";
import { reference } from "./reference.ts";
import { describeConfig } from "./structures.ts";

const gpu = await requestGpu();

for (const { config, shapes, seed } of streamCases()) {
  Deno.test(`a product of ${shapes[0].m} rows is exact: ${describeConfig(config)}`, async () => {
    for (const poison of ["nan", "huge"] as const) await assertExact(gpu, config, { shapes, seed, poison });
  });
}

Deno.test("the kernels keep within the shared memory of any device", () => {
  const b = { dtype: "float32", access: "read", aligned: true } as const;
  for (const layout of ["nn", "nt"] as const) {
    for (let m = 1; m <= STREAM_ROWS[layout]; m++) {
      const text = streamKernel({ layout, room: streamRoom(m), a: b, b }, "product").wgsl();
      const arrays = [...text.matchAll(/var<workgroup> \w+: (?:array<)+vec4f((?:, \d+>)+);/g)];
      assertEquals(arrays.length, text.split("var<workgroup>").length - 1);
      const bytes = arrays.reduce(
        (sum, [, sizes]) => sum + [...sizes.matchAll(/\d+/g)].reduce((a, [b]) => a * Number(b), 16),
        0,
      );
      assert(bytes <= 16384, `${layout}, ${m} rows: ${bytes} bytes`);
    }
  }
});

Deno.test("more columns than one dimension has workgroups go on in the next: the sums are exact there too", async () => {
  const folded = await requestGpu();
  Object.assign(folded, { capabilities: { ...folded.capabilities, maxComputeWorkgroupsPerDimension: 7 } });
  for (const layout of ["nn", "nt"] as const) {
    const [m, k, n] = [2, 20, 1300];
    const [a, b] = [smallIntegers(m * k, 1), smallIntegers(k * n, 2)];
    const left = upload(folded, a, { shape: [m, k] });
    const right = upload(folded, b, { shape: layout === "nn" ? [k, n] : [n, k] });
    const recorder = new PoisonRecorder(folded);
    const out = recorder.empty([m, n], "float32", { purpose: "output", label: "C" });
    matmul(recorder, { label: "product", layout, a: [matrix(left)], b: [matrix(right)], out: [matrix(out)] });
    assert(recorder.dispatches[0].workgroups[1] > 1);
    recorder.submit();
    const [sums] = reference(
      { layout, epilogue: "store", products: 1, columns: 1, gatedA: false },
      { m, n, k },
      { a: [a], b: [b], before: [] },
    );
    assertEquals(await out.read(), sums);
    for (const tensor of [left, right, out]) tensor.dispose();
  }
  folded.dispose();
});

/** A matrix whose rows overlap: as many columns as it takes to fill a GPU, in a few kilobytes. */
function overlapping(values: Float32Array, { rows, cols }: { rows: number; cols: number }): View {
  const tensor = upload(gpu, values, { label: "B" });
  return { tensor, rows, cols, stride: 4, offset: 0 };
}

for (const layout of ["nn", "nt"] as const) {
  Deno.test(`where a wide B leaves each workgroup several chunks of K, sums are exact: ${layout}`, async () => {
    const [m, k, n] = [STREAM_ROWS[layout], 1100, layout === "nn" ? 32768 : 8192];
    const [rows, cols] = layout === "nn" ? [k, n] : [n, k];
    const length = 4 * rows + cols;
    const numbers = smallIntegers(length - length % 4, 77, { max: 2 });
    const b = overlapping(numbers, { rows, cols });
    const values = smallIntegers(m * k, 78, { max: 2 });
    const a = upload(gpu, values, { shape: [m, k] });
    const recorder = new PoisonRecorder(gpu);
    const out = [0, 1].map(() => recorder.empty([m, n], "float32", { purpose: "workspace", label: "C" }));
    matmul(recorder, {
      label: "product",
      layout,
      a: layout === "nn" ? [matrix(a)] : [matrix(a), matrix(a)],
      b: [b, b],
      out: layout === "nn" ? out.map(matrix) : [matrix(out[0])],
      ...layout === "nn" ? { columns: 2 } : { products: 2 },
    });
    const { kernel, workgroups: [, , slices] } = recorder.dispatches[0];
    assert(kernel.key.startsWith("stream|"), kernel.key);
    assert(slices < Math.ceil(k / STREAM_CHUNK), `${slices} slices of one chunk each`);
    recorder.submit();
    const results = layout === "nn"
      ? await Promise.all(out.map((tensor) => tensor.read()))
      : [await out[0].read()];
    const times = layout === "nn" ? 1 : 2;
    for (const col of sampleIndices(n, 79, { count: 300 })) {
      for (let row = 0; row < m; row++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          sum += values[row * k + i] * numbers[layout === "nn" ? i * 4 + col : col * 4 + i];
        }
        for (const result of results) {
          assertEquals(result[row * n + col], times * sum, `row ${row}, column ${col}`);
        }
      }
    }
    for (const tensor of [a, b.tensor, ...out]) tensor.dispose();
  });
}

/** The key of the first kernel of a product of m rows. */
function firstKey(
  layout: "nn" | "nt",
  { m, n = 8, k = 8, dtype = "float32", likeRows, limits }: {
    m: number;
    n?: number;
    k?: number;
    dtype?: DType;
    likeRows?: number;
    limits?: Partial<Capabilities>;
  },
): string {
  const recorder = new PlanRecorder({ ...gpu.capabilities, ...limits });
  const empty = (...shape: number[]) =>
    matrix(recorder.empty(shape, dtype, { purpose: "workspace", label: "test" }));
  const b = layout === "nn" ? empty(k, n) : empty(n, k);
  matmul(recorder, { label: "product", layout, a: [empty(m, k)], b: [b], out: [empty(m, n)], likeRows });
  return recorder.dispatches[0].kernel.key;
}

Deno.test("few rows take kernels of their own, one more row does not", () => {
  for (const layout of ["nn", "nt"] as const) {
    const most = STREAM_ROWS[layout];
    const [few, more] = [most, most + 1].map((m) => firstKey(layout, { m }));
    assert(few.startsWith(`stream|${layout}|${most}|`), few);
    assert(more.startsWith(`matmul|${layout}|`), more);
  }
});

Deno.test("few rows after many take the kernels of these, and many after few their own", () => {
  for (const layout of ["nn", "nt"] as const) {
    for (const [m, likeRows] of [[4, 384], [17, 4]]) {
      const key = firstKey(layout, { m, likeRows });
      assert(key.startsWith(`matmul|${layout}|`), key);
    }
  }
});

Deno.test("where a slice is too long to be bound, but not an output of 16 bits, a tile stores that", () => {
  const limits = { maxStorageBufferBindingSize: 2 ** 20 };
  for (const [layout, m, n, k] of [["nn", 8, 60_000, 8], ["nt", 16, 30_000, 16]] as const) {
    const key = firstKey(layout, { m, n, k, dtype: "bfloat16", limits });
    assert(key.startsWith(`matmul|${layout}|`), key);
  }
});

for (const layout of ["nn", "nt"] as const) {
  Deno.test(`infinity at the end of K stays infinity, and reaches its own column alone: ${layout}`, async () => {
    const [m, k, n] = [3, 5, 8];
    using x = upload(gpu, new Float32Array(m * k).fill(1), { shape: [m, k] });
    const values = new Float32Array(k * n).fill(1);
    values[layout === "nn" ? (k - 1) * n : k - 1] = Infinity; // of column 0
    using b = upload(gpu, values, { shape: layout === "nn" ? [k, n] : [n, k] });
    const recorder = new PoisonRecorder(gpu);
    using out = recorder.empty([m, n], "float32", { purpose: "workspace", label: "C" });
    matmul(recorder, { label: "product", layout, a: [matrix(x)], b: [matrix(b)], out: [matrix(out)] });
    recorder.submit();
    const row = [Infinity, ...new Array(n - 1).fill(k)];
    assertEquals([...await out.read()], [...row, ...row, ...row]);
  });
}

testNothingLeft(gpu);
