/** Strassen's method. It is exact where sums are, close where they are not, and taken only where it pays. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import type { Precision } from "../../../kernels/matmul/config.ts";
import type { TileChoice } from "../../../kernels/matmul/choose.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { columnRange, matrix, type View } from "../../../kernels/view.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { relativeFrobeniusError } from "../../../bench/oracle/math.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { assertExact } from "./exact.ts";
import { FullRecorder } from "./full_recorder.ts";
import { counts, type ProductSizes, storedShapes } from "./reference.ts";
import {
  ALIGNED,
  configOf,
  describe,
  describeConfig,
  everyStructure,
  miniFor,
  type Structure,
} from "./structures.ts";

const gpu = await requestGpu();

const ALL = everyStructure();
const TAKEN = ALL.filter(({ products, epilogue, gatedA }) =>
  epilogue !== "accumulate" && !epilogue.startsWith("gated-backward") && !(products === 2 && gatedA)
);
const OTHERS = ALL.filter((structure) => !TAKEN.includes(structure));

/** Quarters as small as they can be, below a tile and beyond it; sums of every quarter are exact in each dtype. */
const SHAPES: readonly ProductSizes[] = [
  { m: 8, n: 8, k: 8 },
  { m: 40, n: 24, k: 16 },
  { m: 24, n: 72, k: 24 },
];

/** Sizes that need not be multiples of 8, as no row is so long. */
const BETWEEN: Readonly<Record<Structure["layout"], ProductSizes>> = {
  nn: { m: 6, n: 16, k: 24 },
  nt: { m: 10, n: 8, k: 8 },
  tn: { m: 16, n: 24, k: 14 },
};

TAKEN.forEach((structure, s) => {
  const { layout } = structure;
  for (const way of [s % 3, (s + 1) % 3]) {
    const choice = {
      tile: miniFor(structure),
      splits: way === 1 ? 2 : 1,
      transposeB: layout === "nt" && way > 0,
      strassen: true,
      ...way === 2 && { tail: { tileRows: 1, splits: 2 } },
    };
    const numbers = { dtype: "float32", precision: "strassen" } as const;
    const config = configOf(structure, { ...numbers, aligned: ALIGNED, choice, together: s % 2 === 0 });
    Deno.test(`Strassen's method is exact: ${describeConfig(config)}`, async () => {
      const shapes = [...SHAPES, BETWEEN[layout]];
      for (const poison of ["nan", "huge"] as const) {
        await assertExact(gpu, config, { shapes, seed: 9000 + s, poison });
      }
    });
  }
});

/** Relative error against sums in float64 of the product of random matrices, by the method or without it. */
async function errorOf(
  { m, n, k }: ProductSizes,
  { strassen }: { strassen: boolean },
): Promise<number> {
  const dtype = "float32";
  const { x, gate } = randomInputs({ tokens: m, dim: k, hiddenDim: n, dtype }, 17);
  const expected = new Float64Array(m * n);
  for (let row = 0; row < m; row++) {
    for (let i = 0; i < k; i++) {
      for (let col = 0; col < n; col++) expected[row * n + col] += x[row * k + i] * gate[i * n + col];
    }
  }
  using a = upload(gpu, x, { shape: [m, k], dtype });
  using b = upload(gpu, gate, { shape: [k, n], dtype });
  const recorder = new PoisonRecorder(gpu);
  using out = recorder.empty([m, n], dtype, { purpose: "output", label: "C" });
  const operands = { a: [matrix(a)], b: [matrix(b)], out: [matrix(out)] };
  const choice = { tile: TILES.software, splits: 1, strassen };
  matmul(recorder, { label: "c", layout: "nn", ...operands, precision: "strassen", choice });
  recorder.submit();
  return relativeFrobeniusError(await out.read(), expected);
}

Deno.test("the error of Strassen's method stays small", async () => {
  const sizes = { m: 96, n: 128, k: 512 };
  const plain = await errorOf(sizes, { strassen: false });
  const error = await errorOf(sizes, { strassen: true });
  // Each element is a sum of products of sums of two: a few of float32's roundings, each relative to sqrt(k) terms.
  assert(plain < error && error < 5e-6, `${error}, ${plain} without`);
});

/** How a product is planned. */
interface Planned extends Partial<Structure> {
  readonly sizes: ProductSizes;
  readonly dtype?: DType;
  readonly precision?: Precision;
  readonly choice?: TileChoice;
  readonly recorder?: PlanRecorder;
  /** The operands, in place of tensors of their own. */
  readonly view?: (recorder: PlanRecorder, shape: readonly number[]) => View;
}

/** No software adapter, and room for all. */
const LARGE = {
  ...gpu.capabilities,
  name: "a test",
  software: false,
  maxBufferSize: 2 ** 31 - 4,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
};

function input(recorder: PlanRecorder, shape: readonly number[], dtype: DType = "float32"): Tensor {
  return new Tensor(recorder.memory, { shape, dtype, purpose: "input", label: "input" });
}

/** The launches of a product, their work and the workspace that it takes at most. */
function planned(init: Planned): { labels: string[]; flops: number; peak: number } {
  const { sizes, dtype, precision = "strassen", choice, recorder = new PlanRecorder(LARGE) } = init;
  const { layout = "nn", epilogue = "store", products = 1, columns = 1, gatedA = false } = init;
  const { view = (recorder, shape) => matrix(input(recorder, shape, dtype)) } = init;
  const structure = { layout, epilogue, products, columns, gatedA };
  const [shapes, count] = [storedShapes(layout, sizes), counts(structure)];
  const side = (name: "a" | "b" | "out") =>
    Array.from({ length: count[name] }, () => view(recorder, shapes[name]));
  const operands = { a: side("a"), b: side("b"), out: side("out") };
  const { ledger } = recorder.memory;
  ledger.resetPeak();
  try {
    matmul(recorder, { label: "c", ...structure, ...operands, precision, ...choice && { choice } });
    const { dispatches } = recorder;
    const flops = dispatches.reduce((sum, { flops }) => sum + flops, 0);
    return { labels: dispatches.map(({ kernel }) => kernel.label), flops, peak: ledger.peakBytes };
  } finally {
    assertEquals(ledger.live("workspace"), 0);
  }
}

const forced = ({ columns }: Pick<Structure, "columns">, { splits = 1 } = {}): TileChoice => ({
  tile: miniFor({ ...TAKEN[0], columns }),
  splits,
  strassen: true,
});

const [S, T] = ["c: S of Strassen", "c: T of Strassen"];
const product = (i: number) => `c: P${i} of Strassen`;

Deno.test("seven products and their sums are told apart by name, and their work is what is launched", () => {
  const sizes = { m: 16, n: 24, k: 32 };
  const { labels, flops, peak } = planned({ sizes, choice: forced({ columns: 1 }) });
  assertEquals(labels, [
    ...[S, T, product(7), S, T, product(5), S, T, product(6), product(1)],
    ...["c: sums of Strassen", product(2), S, product(3), T, product(4)],
  ]);
  assertEquals(flops, 7 * 2 * 8 * 12 * 16);
  assertEquals(peak, 4 * (8 * 16 + 16 * 12));
});

Deno.test("workspaces are quarters of A and of each B, h of a gated A, and u where only h is wanted", () => {
  const sizes = { m: 16, n: 24, k: 32 };
  const bytes = (structure: Partial<Structure>) => {
    const columns = structure.columns ?? 1;
    return planned({ ...structure, sizes, choice: forced({ columns }) }).peak / 4;
  };
  const [s, t, whole] = [8 * 16, 16 * 12, 16 * 24];
  assertEquals(bytes({ columns: 2 }), s + 2 * t);
  assertEquals(bytes({ columns: 2, epilogue: "gated-save" }), s + 2 * t);
  assertEquals(bytes({ columns: 2, epilogue: "gated" }), s + 2 * t + whole);
  assertEquals(bytes({ layout: "nt" }), s + t);
  assertEquals(bytes({ layout: "tn", gatedA: true }), s + t + 16 * 32);
});

const uses = (init: Planned) => planned(init).labels.includes(product(7));

const cube = (size: number): ProductSizes => ({ m: size, n: size, k: size });

Deno.test("large float32 products in precision strassen take the method, once, and no others", () => {
  const sizes = cube(3104);
  assert(uses({ sizes }));
  for (const size of [64, 3096]) assert(!uses({ sizes: cube(size) }), `${size}`);
  for (const precision of ["default", "highest", "fastest", "float16-sums"] as const) {
    assert(!uses({ sizes, precision }), precision);
  }
  assert(!uses({ sizes, dtype: "float16" }));
  assert(!uses({ sizes, dtype: "bfloat16" }));
  // Both column blocks count, as they share the sums of A.
  assert(!uses({ sizes: { m: 2048, n: 2048, k: 8192 } }));
  assert(uses({ sizes: { m: 2048, n: 2048, k: 8192 }, columns: 2 }));
  // Halves of these would be large enough too.
  const { labels } = planned({ sizes: cube(8192) });
  assertEquals(labels.filter((label) => /: P\d of Strassen$/.test(label)).length, 7);
  // A choice is taken as it stands.
  assert(!uses({ sizes, choice: { tile: TILES.wide, splits: 1 } }));
  for (const structure of TAKEN) assert(uses({ ...structure, sizes }), describe(structure));
  for (const structure of OTHERS) assert(!uses({ ...structure, sizes }), describe(structure));
});

Deno.test("sizes that are odd and quarters that vectors do not fit are computed as ever", () => {
  const size = 4096;
  for (const side of ["m", "n", "k"] as const) {
    assert(!uses({ sizes: { ...cube(size), [side]: size - 1 } }), `odd ${side}`);
  }
  for (
    const [layout, free, tight] of [["nn", "m", ["n", "k"]], ["nt", "m", ["n", "k"]], ["tn", "k", [
      "m",
      "n",
    ]]] as const
  ) {
    assert(uses({ layout, sizes: { ...cube(size), [free]: size - 2 } }), `${layout} ${free}`);
    for (const side of tight) {
      assert(!uses({ layout, sizes: { ...cube(size), [side]: size - 4 } }), `${layout} ${side}`);
    }
  }
  const inside =
    (start: number, wider: number) => (recorder: PlanRecorder, [height, width]: readonly number[]) =>
      columnRange(matrix(input(recorder, [height, width + wider])), start, width);
  assert(uses({ sizes: cube(size), view: inside(4, 8) }));
  assert(!uses({ sizes: cube(size), view: inside(1, 8) }));
  assert(!uses({ sizes: cube(size), view: inside(0, 6) }));
});

Deno.test("a choice cannot ask for the method where it is not possible", () => {
  const refused = (init: Partial<Planned>) =>
    assertThrows(
      () => planned({ sizes: cube(16), choice: forced({ columns: init.columns ?? 1 }), ...init }),
      RangeError,
      "Cannot compute c by Strassen's method",
    );
  for (const structure of OTHERS) refused(structure);
  for (const side of ["m", "n", "k"]) refused({ sizes: { ...cube(16), [side]: 17 } });
  refused({ sizes: { ...cube(16), n: 20 } });
  for (const precision of ["default", "highest", "fastest"] as const) refused({ precision });
  for (const dtype of ["float16", "bfloat16"] as const) refused({ dtype });
});

Deno.test("B^T of each half product is copied transposed where that is faster", () => {
  const { labels } = planned({ layout: "nt", sizes: cube(4096) });
  assertEquals(labels.filter((label) => label.endsWith("of Strassen: B transposed")).length, 7);
});

Deno.test("whichever workspace there is no room for, those before it are given back", () => {
  for (const structure of TAKEN) {
    const product = { ...structure, sizes: cube(16), choice: forced(structure, { splits: 2 }) };
    const roomy = new FullRecorder(gpu.capabilities, Infinity);
    planned({ ...product, recorder: roomy });
    assert(roomy.asked >= 2 + 7);
    for (let failing = 1; failing <= roomy.asked; failing++) {
      const recorder = new FullRecorder(gpu.capabilities, failing);
      assertThrows(() => planned({ ...product, recorder }), OutOfMemoryError); // which looks at the ledger
    }
  }
});

testNothingLeft(gpu);
