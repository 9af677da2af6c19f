/** Products at limits: bindings just below theirs (2^31 bytes on GPUs), buffers beyond 2^32 bytes, 4 GiB of tensors. */
import { assert, assertEquals } from "@std/assert";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { matmul } from "../../kernels/matmul/product_plan.ts";
import { fill } from "../../bench/timing/fill.ts";
import { matrix, rowRange } from "../../kernels/view.ts";
import { sampleIndices } from "../../bench/oracle/data.ts";
import { smallIntegers } from "../integers.ts";
import { record, requestGpu, testNothingLeft, upload } from "../gpu.ts";
import { GIBI, largestBuffer, testOf } from "./room.ts";

const gpu = await requestGpu();
const { maxStorageBufferBindingSize: binding } = gpu.capabilities;
const largest = largestBuffer(gpu);

const empty = (shape: number[]) =>
  new Tensor(gpu.memory, { shape, dtype: "float32", purpose: "input", label: `[${shape}]` });

/** Replaces a row of a matrix. */
function writeRow(tensor: Tensor, row: number, values: Float32Array): void {
  gpu.memory.upload(tensor.buffer, 4 * row * tensor.columns, new Uint8Array(values.buffer));
}

async function readRow(tensor: Tensor, row: number): Promise<Float32Array> {
  const bytes = await gpu.memory.download(tensor.buffer, 4 * row * tensor.columns, 4 * tensor.columns);
  return new Float32Array(bytes.buffer);
}

/** a [K] times a [K, columns] matrix. */
function rowTimes(a: Float32Array, b: Float32Array, columns: number): number[] {
  return Array.from(
    { length: columns },
    (_, col) => a.reduce((sum, value, i) => sum + value * b[i * columns + col], 0),
  );
}

const each = Math.min(largest, 2 * GIBI);
const count = Math.ceil(4.5 * GIBI / each);
const together = { name: "tensors of more than 4 GiB in total keep apart", bytes: count * each };

await testOf(gpu, together, async () => {
  const tensors = Array.from({ length: count }, () => empty([each / 4096, 1024]));
  const places = sampleIndices(each / 4096, 1, { count: 50 });
  const valuesOf = (tensor: number, row: number) => smallIntegers(1024, 1e6 * tensor + row, { max: 1000 });
  tensors.forEach((tensor, i) => places.forEach((row) => writeRow(tensor, row, valuesOf(i, row))));
  for (const [i, tensor] of tensors.entries()) {
    for (const row of places) assertEquals(await readRow(tensor, row), valuesOf(i, row), `${i}, row ${row}`);
  }
  for (const tensor of tensors) tensor.dispose();
});

const K = 1024, N = 4;
const limitRows = Math.floor((binding - 1) / (4 * K));
const weights = smallIntegers(K * N, 2, { max: 2 });

const atLimit = {
  name: "a product reads a binding just below the limit, and writes one",
  bytes: 4 * K * limitRows,
};

await testOf(gpu, atLimit, async () => {
  assert(4 * K * (limitRows + 2) > binding, "it is not just below");
  const [a, b, c] = [empty([limitRows, K]), upload(gpu, weights, { shape: [K, N] }), empty([limitRows, N])];
  const places = sampleIndices(limitRows, 3, { count: 100 });
  const valuesOf = (row: number) => smallIntegers(K, row, { max: 3 });
  record(gpu, (recorder) => fill(recorder, a, 0x3f800000)); // 1
  for (const row of places) writeRow(a, row, valuesOf(row));
  const product = {
    label: "product",
    layout: "nn",
    a: [matrix(a)],
    b: [matrix(b)],
    out: [matrix(c)],
  } as const;
  record(gpu, (recorder) => matmul(recorder, product));
  const values = await c.read();
  const others = rowTimes(new Float32Array(K).fill(1), weights, N);
  const special = new Map(places.map((row) => [row, rowTimes(valuesOf(row), weights, N)]));
  for (let row = 0; row < limitRows; row++) {
    const expected = special.get(row) ?? others;
    for (let col = 0; col < N; col++) {
      assert(values[row * N + col] === expected[col], `row ${row}: ${values[row * N + col]}`);
    }
  }
  // The other way: c [T, 4] times a [4, K] matrix, into the large one.
  const wide = upload(gpu, weights, { shape: [N, K] });
  record(
    gpu,
    (recorder) => matmul(recorder, { ...product, a: [matrix(c)], b: [matrix(wide)], out: [matrix(a)] }),
  );
  for (const row of places) {
    const expected = rowTimes(values.subarray(row * N, row * N + N), weights, K);
    assertEquals([...await readRow(a, row)], expected, `row ${row}`);
  }
  for (const tensor of [a, b, c, wide]) tensor.dispose();
});

const ROWS = 100;
const far = largest / (4 * K) - ROWS;
await testOf(gpu, { name: `a product at byte ${4 * K * far} of a tensor`, bytes: largest }, async () => {
  const [a, b, c] = [empty([far + ROWS, K]), upload(gpu, weights, { shape: [K, N] }), empty([ROWS, N])];
  const valuesOf = (row: number) => smallIntegers(K, row, { max: 3 });
  for (let row = 0; row < ROWS; row++) writeRow(a, far + row, valuesOf(row));
  const end = rowRange(matrix(a), far, ROWS);
  record(
    gpu,
    (recorder) =>
      matmul(recorder, { label: "product", layout: "nn", a: [end], b: [matrix(b)], out: [matrix(c)] }),
  );
  const expected = Array.from({ length: ROWS }, (_, row) => rowTimes(valuesOf(row), weights, N));
  assertEquals([...await c.read()], expected.flat());
  for (const tensor of [a, b, c]) tensor.dispose();
});

testNothingLeft(gpu);
