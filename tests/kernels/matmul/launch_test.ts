/**
 * The products that variants record, bit for bit: whole numbers, poison around the inputs, guards around the outputs.
 * What multiplies the cases is tested on a smaller tile than software adapters take, as that compiles sooner.
 */
import { assert, assertEquals } from "@std/assert";
import { DTYPES, roundTo } from "../../../kernels/gpu/dtype.ts";
import { matmul } from "../../../kernels/matmul/launch.ts";
import { columns, matrix } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { record, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { launchCases, shapesOf } from "./cases.ts";
import { assertExact } from "./exact.ts";
import { reference } from "./reference.ts";
import { describeConfig } from "./structures.ts";

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
          a: [columns(matrix(both), 0, k)],
          b: [matrix(right)],
          out: [columns(matrix(both), k, n)],
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

testNothingLeft(gpu);
