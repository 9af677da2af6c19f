/** Very long sums. llvmpipe would leave the loop of a single slice before its end. */
import { assert, assertEquals } from "@std/assert";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { matrix } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { reference } from "./reference.ts";

const gpu = await requestGpu();
const STRUCTURE = { epilogue: "store", columns: 1, gatedA: false } as const;

/** More than 65,535 turns of 8, alone and in each of two products. */
const CASES = [
  { layout: "tn", products: 1, k: 66_000 * 8 + 3 },
  { layout: "nt", products: 2, k: 66_000 * 8 + 5 },
] as const;

for (const { layout, products, k } of CASES) {
  Deno.test(`sums of ${products * k} products are exact: ${layout}, ${products} of them`, async () => {
    const sizes = { m: 20, n: 4, k };
    const draw = (rows: number, seed: number) =>
      Array.from({ length: products }, (_, i) => smallIntegers(rows * k, seed + i, { max: 2 }));
    const [a, b] = [draw(sizes.m, 10), draw(sizes.n, 20)];
    const shapes = layout === "tn" ? [[k, sizes.m], [k, sizes.n]] : [[sizes.m, k], [sizes.n, k]];
    const [left, right] = [a, b].map((side, i) =>
      side.map((values) => upload(gpu, values, { shape: shapes[i] }))
    );
    const recorder = new PoisonRecorder(gpu);
    const out = recorder.empty([sizes.m, sizes.n], "float32", { purpose: "output", label: "C" });
    matmul(recorder, {
      label: "product",
      layout,
      ...products === 2 ? { products } : {},
      a: left.map(matrix),
      b: right.map(matrix),
      out: [matrix(out)],
    });
    recorder.submit();
    const [expected] = reference({ ...STRUCTURE, layout, products }, sizes, { a, b, before: [] });
    assert(expected.some((sum) => Math.abs(sum) > 100));
    assertEquals(await out.read(), expected);
    for (const tensor of [...left, ...right, out]) tensor.dispose();
  });
}

testNothingLeft(gpu);
