/** A view that is transposed gives the product of the transpose, without a copy. */
import { assertEquals, assertThrows } from "@std/assert";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import type { Layout } from "../../../kernels/matmul/config.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import type { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matrix, rowRange, type View } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { reference, storedShapes } from "./reference.ts";

const gpu = await requestGpu();
const sizes = { m: 5, n: 7, k: 6 };

/** The rows of the transpose of a matrix. */
function turned(values: Float32Array, [rows, cols]: readonly [number, number]): Float32Array {
  return values.map((_, i) => values[i % rows * cols + Math.floor(i / rows)]);
}

/** Which operands and outputs are stored transposed. */
interface Turned {
  readonly a?: boolean;
  readonly b?: boolean;
  readonly out?: boolean;
}

/** A product of whole numbers; what is said to be turned is stored transposed. */
async function check(layout: Layout, columns: 1 | 2, turn: Turned): Promise<void> {
  const shapes = storedShapes(layout, sizes);
  const tensors: Tensor[] = [];
  const place = (side: "a" | "b" | "out", values: Float32Array): View => {
    const [rows, cols] = turn[side] ? [shapes[side][1], shapes[side][0]] : shapes[side];
    const stored = turn[side] ? turned(values, shapes[side]) : values;
    const tensor = upload(gpu, stored, { dtype: "float32" });
    tensors.push(tensor);
    return { tensor, rows, cols, stride: cols, offset: 0, transposed: turn[side] };
  };
  const draw = (side: "a" | "b", seed: number) =>
    smallIntegers(shapes[side][0] * shapes[side][1], seed, { max: 3 });
  const a = [draw("a", 1)];
  const b = Array.from({ length: columns }, (_, i) => draw("b", 2 + i));
  const structure = { layout, epilogue: "store", products: 1, columns, gatedA: false } as const;
  const expected = reference(structure, sizes, { a, b, before: [] });
  const recorder = new PoisonRecorder(gpu, { poison: "nan" });
  const out = expected.map((values) => place("out", values.map(() => NaN)));
  const operands = { a: a.map((values) => place("a", values)), b: b.map((values) => place("b", values)) };
  matmul(recorder, { label: "product", layout, columns, ...operands, out });
  recorder.submit();
  try {
    for (const [i, { tensor }] of out.entries()) {
      const values = turn.out ? turned(expected[i], shapes.out) : expected[i];
      assertEquals(await tensor.read(), values);
    }
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

for (
  const [layout, columns, turn] of [
    ["nn", 1, { b: true }],
    ["nn", 2, { b: true }],
    ["nt", 1, { b: true }],
    ["tn", 1, { a: true }],
    ["nt", 1, { out: true }],
    ["tn", 1, { out: true }],
    ["tn", 2, { out: true }],
    ["nn", 1, { a: true, out: true }],
  ] as const
) {
  const sides = Object.keys(turn).join(" and ");
  Deno.test(`${layout}, ${columns} column blocks, with ${sides} stored transposed, is exact`, () =>
    check(layout, columns, turn));
}

/** A product of [4, 4] matrices whose views are changed. */
function request(changed: Partial<MatmulRequest> & Pick<MatmulRequest, "layout">, turn: Turned): () => void {
  const recorder = new PoisonRecorder(gpu, { poison: "nan" });
  const tensor = upload(gpu, new Float32Array(16), { dtype: "float32" });
  tensor.reshape([4, 4]);
  const view = (side: keyof Turned) => [{ ...matrix(tensor), transposed: turn[side] }];
  return () => {
    try {
      matmul(recorder, { label: "a test", a: view("a"), b: view("b"), out: view("out"), ...changed });
    } finally {
      tensor.dispose();
    }
  };
}

Deno.test("what no layout can compute without a copy is refused", () => {
  assertThrows(
    request({ layout: "nt" }, { a: true }),
    RangeError,
    "Cannot compute a test as one operand may be stored transposed: current value is both",
  );
  assertThrows(
    request({ layout: "tn", gatedA: true }, { out: true }),
    RangeError,
    "Cannot compute a test transposed as it must be stored and A must not be gated: current value is gated A",
  );
});

Deno.test("views of one side that are not stored alike are refused", () => {
  using tensor = upload(gpu, new Float32Array(16), { dtype: "float32" });
  const whole = matrix(tensor.reshape([4, 4]));
  const b = [{ ...rowRange(whole, 0, 4), transposed: true }, whole];
  assertThrows(
    request({ layout: "nn", columns: 2, b }, {}),
    RangeError,
    "Cannot compute a test as all of b or none must be transposed: current value is both",
  );
});

testNothingLeft(gpu);
