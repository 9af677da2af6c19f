/** Operands are copied into rows that vectors fit. Products stay equal bit for bit; copies are made only where they pay. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Capabilities } from "../../../kernels/gpu/capabilities.ts";
import { type DType, DTYPES } from "../../../kernels/gpu/dtype.ts";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { halves, matrix, rowRange, type View } from "../../../kernels/view.ts";
import { smallIntegers } from "../../integers.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { assertExact } from "./exact.ts";
import { FullRecorder } from "./full_recorder.ts";
import { counts, type ProductSizes, reference, storedShapes } from "./reference.ts";
import { configOf, describeConfig, miniFor, type Structure, UNALIGNED, USED } from "./structures.ts";

const gpu = await requestGpu();

const PLAIN = { epilogue: "store", products: 1, columns: 1, gatedA: false } as const;

/** What variants record, and what else is taken apart into more products than one. */
const STRUCTURES: readonly Structure[] = [
  ...USED,
  { ...PLAIN, layout: "tn", epilogue: "accumulate", columns: 2 },
  { ...PLAIN, layout: "nn", products: 2, columns: 2 },
  { ...PLAIN, layout: "tn", products: 2, gatedA: true },
];

/** Both sides are copied, A alone, B alone. */
const SHAPES: readonly ProductSizes[] = [
  { m: 513, n: 515, k: 7 },
  { m: 5, n: 514, k: 18 },
  { m: 517, n: 3, k: 9 },
];

// The kernels that copy are the same for all of them: two of the three types each.
STRUCTURES.forEach((structure, s) =>
  DTYPES.forEach((dtype, d) => {
    if (dtype !== "float32" && (s + d) % 2 === 0) return;
    const choice = { tile: miniFor(structure), splits: 1 + (s + d + (s >> 1)) % 2 };
    const config = configOf(structure, { dtype, aligned: UNALIGNED, choice, together: s % 4 < 2 });
    Deno.test(`rows are copied to multiples of 4: ${describeConfig(config)}`, async () => {
      const seed = 8000 + 10 * s + d;
      for (const poison of ["nan", "huge"] as const) {
        await assertExact(gpu, config, { shapes: SHAPES, seed, poison });
      }
    });
  })
);

/** How a product is planned. */
interface Planned extends Omit<Partial<Structure>, "products"> {
  readonly sizes: ProductSizes;
  readonly products?: 1 | 2;
  readonly dtype?: DType;
  readonly recorder?: PlanRecorder;
  readonly transposeB?: boolean;
  /** In place of operands that are tensors of their own. */
  readonly views?: Partial<Pick<MatmulRequest, "a" | "b">>;
}

function input(recorder: PlanRecorder, shape: readonly number[], dtype: DType = "float32"): Tensor {
  return new Tensor(recorder.memory, { shape, dtype, purpose: "input", label: "input" });
}

/** The launches of a product, and the workspace that it takes at most. */
function planned(init: Planned): { labels: string[]; peak: number } {
  const { sizes, dtype, recorder = new PlanRecorder(gpu.capabilities), views, transposeB = false } = init;
  const { layout = "nn", epilogue = "store", products = 1, columns = 1, gatedA = false } = init;
  const structure = { layout, epilogue, products, columns, gatedA };
  const shapes = storedShapes(layout, sizes);
  const count = counts(structure);
  const side = (name: "a" | "b" | "out") =>
    Array.from({ length: count[name] }, () => matrix(input(recorder, shapes[name], dtype)));
  const choice = { tile: miniFor(structure), splits: 1, transposeB };
  const operands = { a: views?.a ?? side("a"), b: views?.b ?? side("b"), out: side("out") };
  const { ledger } = recorder.memory;
  ledger.resetPeak();
  try {
    matmul(recorder, { label: "c", ...structure, ...operands, choice });
    return { labels: recorder.dispatches.map(({ kernel }) => kernel.label), peak: ledger.peakBytes };
  } finally {
    assertEquals(ledger.live("workspace"), 0);
  }
}

const [A, B] = ["c: A aligned", "c: B aligned"];

Deno.test("a side is copied from 512 uses of each of its elements on, and below it is not", () => {
  for (const layout of ["nn", "nt", "tn"] as const) {
    const labels = (m: number, n: number) => planned({ layout, sizes: { m, n, k: 5 } }).labels;
    assertEquals(labels(511, 511), ["c"], layout);
    assertEquals(labels(513, 511), [B, "c"], layout);
    assertEquals(labels(511, 513), [A, "c"], layout);
    assertEquals(labels(513, 513), [A, B, "c"], layout);
  }
  // Rows of B are 512 long, rows of A are not.
  assertEquals(planned({ sizes: { m: 512, n: 512, k: 5 } }).labels, [A, "c"]);
  // n counts the columns of one block: both read the copy.
  assertEquals(planned({ columns: 2, epilogue: "gated", sizes: { m: 17, n: 511, k: 5 } }).labels, ["c"]);
});

Deno.test("an operand that vectors fit as it is stored is never copied", () => {
  for (const layout of ["nn", "nt", "tn"] as const) {
    assertEquals(planned({ layout, sizes: { m: 516, n: 512, k: 8 } }), { labels: ["c"], peak: 0 });
  }
  const recorder = new PlanRecorder(gpu.capabilities);
  const b = { ...matrix(input(recorder, [7, 520])), cols: 515 }; // rows padded by the caller
  assertEquals(planned({ recorder, views: { b: [b] }, sizes: { m: 513, n: 515, k: 7 } }).labels, [A, "c"]);
});

Deno.test("of gate and up in one tensor only up is copied where they are multiplied apart, else both", () => {
  const sizes = { m: 600, n: 514, k: 8 };
  const labels = (init: Pick<Planned, "layout" | "epilogue">) => {
    const recorder = new PlanRecorder(gpu.capabilities);
    const { gate, up } = halves(input(recorder, [sizes.k, 2, sizes.n])); // gate fits vectors, up does not
    return planned({ ...init, recorder, columns: 2, views: { b: [gate, up] }, sizes }).labels;
  };
  assertEquals(labels({ layout: "nn", epilogue: "gated" }), [B, B, "c"]);
  assertEquals(labels({ layout: "nn", epilogue: "store" }), ["c", B, "c"]);
});

Deno.test("one copy of B lives at a time where a launch needs one, and the copy of A serves both column blocks", () => {
  const sizes = { m: 513, n: 515, k: 7 };
  const [a, b] = [513 * 8 * 4, 7 * 516 * 4];
  for (const epilogue of ["store", "accumulate"] as const) {
    assertEquals(planned({ columns: 2, epilogue, sizes }), { labels: [A, B, "c", B, "c"], peak: a + b });
  }
  assertEquals(planned({ columns: 2, epilogue: "gated-save", sizes }), {
    labels: [A, B, B, "c"],
    peak: a + 2 * b,
  });
});

Deno.test("of two products in float32 one pair of copies lives at a time; sums of 16 bits, rounded once, need all", () => {
  const sizes = { m: 513, n: 515, k: 7 };
  const pair = (513 * 8 + 515 * 8) * 4;
  const way = { layout: "nt", products: 2, sizes } as const;
  assertEquals(planned(way), { labels: [A, B, "c", A, B, "c"], peak: pair });
  const slices = 2 * 513 * 516 * 4;
  assertEquals(planned({ ...way, dtype: "bfloat16" }), {
    labels: [A, A, B, B, "c", "c", "c: sum of slices"],
    peak: pair + slices,
  });
});

Deno.test("g and u of a gated A are both copied, and B that is transposed is aligned by that", () => {
  const sizes = { m: 513, n: 515, k: 7 };
  assertEquals(planned({ layout: "tn", gatedA: true, sizes }).labels, [A, A, B, "c"]);
  const transposed = planned({ layout: "nt", transposeB: true, sizes });
  assertEquals(transposed, { labels: [A, "c: B transposed", "c"], peak: 513 * 8 * 4 + 7 * 516 * 4 });
  assertThrows(() => planned({ layout: "tn", transposeB: true, sizes }), RangeError, "layout must be nt");
});

Deno.test("whichever copy there is no room for, those before it are given back", () => {
  for (const structure of STRUCTURES) {
    const roomy = new FullRecorder(gpu.capabilities, Infinity);
    const product = { ...structure, sizes: SHAPES[0] };
    planned({ ...product, recorder: roomy });
    assert(roomy.asked >= 2);
    for (let failing = 1; failing <= roomy.asked; failing++) {
      const recorder = new FullRecorder(gpu.capabilities, failing);
      assertThrows(() => planned({ ...product, recorder }), OutOfMemoryError); // which looks at the ledger
    }
  }
});

/** A matrix whose rows overlap: as many columns as it takes, in a few kilobytes. */
function overlapping(recorder: PlanRecorder, k: number, n: number): View {
  return { tensor: input(recorder, [4 * k + n]), rows: k, cols: n, stride: 4, offset: 0 };
}

Deno.test("what fits the device as it is stored is not refused for its copy", () => {
  const sizes = { m: 17, n: 512, k: 1025 };
  const labels = (limits: Partial<Capabilities>, shape: number[], view: (a: Tensor) => View) => {
    const recorder = new PlanRecorder({ ...gpu.capabilities, ...limits });
    const stored = new PlanRecorder(gpu.capabilities); // in whose memory there is room
    const views = { a: [view(input(stored, shape))], b: [overlapping(stored, sizes.k, sizes.n)] };
    return planned({ recorder, views, sizes }).labels;
  };
  const copy = 17 * 1028 * 4;
  for (const limit of ["maxStorageBufferBindingSize", "maxBufferSize"] as const) {
    assertEquals(labels({ [limit]: copy - 4 }, [17, 1025], matrix), ["c"]);
    assertEquals(labels({ [limit]: copy }, [17, 1025], matrix), [A, "c"]);
  }
  // Rows 1 to 17 of gate: bytes 8192 to 143,504 of the tensor, to 143,520 with what fills the last vector.
  const gate = (tensor: Tensor) => rowRange(halves(tensor).gate, 1, 17);
  for (const [least, expected] of [[143_504, ["c"]], [143_520, [A, "c"]]] as const) {
    const limits = { maxStorageBufferBindingSize: least - 8192, minStorageBufferOffsetAlignment: 256 };
    assertEquals(labels(limits, [40, 2, 1025], gate), expected);
  }
});

Deno.test("rows far inside a tensor larger than a binding are copied by a binding of their own", async () => {
  const sizes = { m: 17, n: 512, k: 7 };
  const all = smallIntegers(3000 * sizes.k, 91);
  const b = smallIntegers(sizes.k * sizes.n, 92);
  using tensor = upload(gpu, all, { shape: [3000, sizes.k] });
  using right = upload(gpu, b, { shape: [sizes.k, sizes.n] });
  const capabilities = { ...gpu.capabilities, maxStorageBufferBindingSize: 40_000 };
  assert(tensor.byteLength > 40_000);
  for (const start of [0, 1501, 3000 - sizes.m]) {
    const recorder = new PoisonRecorder(gpu, { capabilities });
    using out = recorder.empty([sizes.m, sizes.n], "float32", { purpose: "output", label: "C" });
    const a = [rowRange(matrix(tensor), start, sizes.m)];
    matmul(recorder, { label: "c", layout: "nn", a, b: [matrix(right)], out: [matrix(out)] });
    assertEquals(recorder.dispatches.map(({ kernel }) => kernel.label), [A, "c"]);
    recorder.submit();
    const own = all.slice(start * sizes.k, (start + sizes.m) * sizes.k);
    const [expected] = reference({ ...PLAIN, layout: "nn" }, sizes, { a: [own], b: [b], before: [] });
    assertEquals(await out.read(), expected, `from row ${start}`);
  }
});

testNothingLeft(gpu);
