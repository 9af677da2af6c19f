/**
 * The products that variants record are right bit for bit. They are of whole numbers, with poison around the inputs and
 * guards around the outputs. Most cases use a smaller tile than software adapters take, because it compiles sooner.
 */
import { assert, assertEquals } from "@std/assert";
import { DTYPES, roundTo } from "../../../kernels/gpu/dtype.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { columnRange, matrix } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { record, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { launchCases, shapesOf } from "./cases.ts";
import { assertExact } from "./exact.ts";
import { reference } from "./reference.ts";
import { describeConfig, MINI } from "./structures.ts";

const gpu = await requestGpu();

for (const { config, shapes, seed } of launchCases()) {
  Deno.test(`matmul is exact: ${describeConfig(config)}`, async () => {
    for (const poison of ["nan", "huge"] as const) await assertExact(gpu, config, { shapes, seed, poison });
  });
}

Deno.test("these tests try at least 1,000 shapes on the tile of software adapters", () => {
  const shapes = shapesOf(launchCases({ mini: false }));
  assert(shapes >= 1000, `${shapes} shapes`);
});

for (const dtype of DTYPES) {
  for (const [m, n, k] of [[20, 24, 36], [7, 5, 9]]) {
    Deno.test(`A and the output may lie side by side in one tensor: ${dtype}, ${m}x${n}x${k}`, async () => {
      const integers = (count: number) => smallIntegers(count, count);
      const [a, b] = [integers(m * k), integers(k * n)];
      const before = Float32Array.from({ length: m * (k + n) }, (_, i) => {
        const [row, col] = [Math.floor(i / (k + n)), i % (k + n)];
        return col < k ? a[row * k + col] : NaN;
      });
      const [both, right] = [
        upload(gpu, before, { dtype, shape: [m, k + n] }),
        upload(gpu, b, { dtype, shape: [k, n] }),
      ];
      record(gpu, (recorder) =>
        matmul(recorder, {
          label: "beside A",
          layout: "nn",
          a: [columnRange(matrix(both), 0, k)],
          b: [matrix(right)],
          out: [columnRange(matrix(both), k, n)],
        }));
      const sizes = { m, n, k };
      const [product] = reference(
        { layout: "nn", epilogue: "store", products: 1, columns: 1, gatedA: false },
        sizes,
        { a: [a], b: [b], before: [] },
      );
      const expected = before.map((value, i) => {
        const [row, col] = [Math.floor(i / (k + n)), i % (k + n)];
        return col < k ? value : product[row * n + col - k];
      });
      assertEquals(await both.read(), roundTo(expected, dtype));
      both.dispose();
      right.dispose();
    });
  }
}

/** Ways to compute the sum of two products: whole, in slices, with copies of operands. */
const WAYS = [
  ...[1, 2, 3, 4].map((splits) => ({ splits, transposeB: false, odd: false })),
  ...[1, 4].flatMap((splits) => [
    { splits, transposeB: true, odd: false },
    { splits, transposeB: false, odd: true },
  ]),
];

for (const dtype of ["float16", "bfloat16"] as const) {
  Deno.test(`the sum of two products in ${dtype} is rounded once, and no summand overflows, whichever way`, async () => {
    // Neither product is a number of this type; that of 300 x 16 x 16 is beyond float16's range.
    const k = 301;
    const [a, b] = dtype === "float16" ? [[16, 16], [16, -16]] : [[1, 1], [1, -1]];
    for (const { splits, transposeB, odd } of WAYS) {
      const [m, n] = odd ? [513, 513] : [64, 64];
      const matrices = ([first, second]: number[], rows: number, last: number) =>
        [first, second].map((value, i) => {
          const values = new Float32Array(rows * k).fill(value);
          if (i === 1) { for (let row = 0; row < rows; row++) values[row * k + k - 1] = last; }
          return upload(gpu, values, { dtype, shape: [rows, k] });
        });
      const operands = { a: matrices(a, m, 0), b: matrices(b, n, 0) };
      const out = upload(gpu, new Float32Array(m * n).fill(NaN), { dtype, shape: [m, n] });
      record(gpu, (recorder) =>
        matmul(recorder, {
          label: "sum",
          layout: "nt",
          products: 2,
          a: operands.a.map(matrix),
          b: operands.b.map(matrix),
          out: [matrix(out)],
          choice: { tile: MINI, splits, transposeB },
        }));
      const expected = new Float32Array(m * n).fill(a[0] * b[0]);
      assertEquals(await out.read(), expected, JSON.stringify({ splits, transposeB, odd }));
      for (const tensor of [...operands.a, ...operands.b, out]) tensor.dispose();
    }
  });
}

testNothingLeft(gpu);
