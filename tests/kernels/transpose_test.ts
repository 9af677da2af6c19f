import { assertEquals, assertThrows } from "@std/assert";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { boundLaunch } from "../../kernels/launch.ts";
import { transposeLaunch } from "../../kernels/transpose.ts";
import { columnRange, matrix, rowRange } from "../../kernels/view.ts";
import { smallIntegers } from "../integers.ts";
import { freshSeed, PoisonRecorder, requestGpu, testNothingLeft, upload } from "../gpu.ts";

const gpu = await requestGpu();
const EDGES = [1, 3, 4, 5, 63, 64, 65, 130];

for (const dtype of DTYPES) {
  Deno.test(`every element of ${dtype} changes its row for its column, at every edge`, async () => {
    for (const count of EDGES) {
      for (const width of EDGES) {
        const values = smallIntegers(count * width, freshSeed());
        const from = upload(gpu, values, { shape: [count, width], dtype });
        const recorder = new PoisonRecorder(gpu);
        const padded = Math.ceil(count / 4) * 4;
        const to = recorder.empty([width, padded], dtype, { purpose: "workspace", label: "transposed" });
        recorder.dispatch(
          boundLaunch(transposeLaunch({ label: "t", from: matrix(from), to: matrix(to) }), gpu.capabilities),
        );
        recorder.submit();
        const result = await to.read();
        for (let row = 0; row < width; row++) {
          const got = result.slice(row * padded, row * padded + count);
          const expected = Float32Array.from({ length: count }, (_, i) => values[i * width + row]);
          assertEquals(got, expected, `row ${row} of [${width},${count}]`);
        }
        from.dispose();
        to.dispose();
      }
    }
  });
}

Deno.test("a part of a matrix is read at its own offset and stride", async () => {
  const values = smallIntegers(20 * 24, freshSeed());
  using source = upload(gpu, values, { shape: [20, 24] });
  const recorder = new PoisonRecorder(gpu);
  using to = recorder.empty([9, 8], "float32", { purpose: "workspace", label: "transposed" });
  const from = columnRange(rowRange(matrix(source), 3, 7), 5, 9);
  recorder.dispatch(boundLaunch(transposeLaunch({ label: "t", from, to: matrix(to) }), gpu.capabilities));
  recorder.submit();
  const result = await to.read();
  for (let row = 0; row < 9; row++) {
    for (let col = 0; col < 7; col++) {
      assertEquals(result[row * 8 + col], values[(3 + col) * 24 + 5 + row]);
    }
  }
});

Deno.test("a result of another shape, or whose rows are not padded, is refused", () => {
  using from = Tensor.empty(gpu, [6, 5]);
  for (const shape of [[5, 6], [6, 8], [5, 4], [4, 8]]) {
    using to = Tensor.empty(gpu, shape);
    assertThrows(
      () => transposeLaunch({ label: "t", from: matrix(from), to: matrix(to) }),
      RangeError,
      "Cannot transpose t as the result must be [5,8], aligned to 4",
    );
  }
});

testNothingLeft(gpu);
