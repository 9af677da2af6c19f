/** Products with B^T whose B is first copied transposed. Their bits are the same as without the copy. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { matrix } from "../../../kernels/view.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact, edgeSizes } from "./exact.ts";
import { ALIGNED, configOf, describeConfig, miniFor, UNALIGNED, USED } from "./structures.ts";

const gpu = await requestGpu();
const structures = USED.filter(({ layout }) => layout === "nt");

structures.forEach((structure, s) =>
  DTYPES.forEach((dtype, d) => {
    const even = (s + d) % 2 === 0;
    const choice = { tile: miniFor(structure), splits: even ? 1 : 3, transposeB: true };
    const config = configOf(structure, { dtype, aligned: even ? ALIGNED : UNALIGNED, choice });
    Deno.test(`B is copied transposed: ${describeConfig(config)}`, async () => {
      const seed = 7000 + 10 * s + d;
      await assertExact(gpu, config, { shapes: edgeSizes(config, { count: 12, seed }), seed });
    });
  })
);

/** Launches of dx = g W_gate^T + u W_up^T with the copy, and the workspace that they take at most. */
function planned(dtype: typeof DTYPES[number]) {
  const plan = new PlanRecorder(gpu.capabilities);
  const empty = (label: string, ...shape: number[]) =>
    matrix(new Tensor(plan.memory, { shape, dtype, purpose: "input", label }));
  matmul(plan, {
    label: "dx",
    layout: "nt",
    a: [empty("dg", 100, 40), empty("du", 100, 40)],
    b: [empty("gate", 30, 40), empty("up", 30, 40)],
    out: [empty("dx", 100, 30)],
    products: 2,
    choice: { tile: miniFor(structures[0]), splits: 1, transposeB: true },
  });
  assertEquals(plan.memory.ledger.live("workspace"), 0);
  return { labels: plan.dispatches.map(({ kernel }) => kernel.label), peak: plan.memory.ledger.peakBytes };
}

Deno.test("of two products in float32 one copy lives at a time; sums of 16 bits, rounded once, need both", () => {
  const copy = (bytes: number) => 40 * 32 * bytes;
  const [transposed, product, sum] = ["dx: B transposed", "dx", "dx: sum of slices"];
  assertEquals(planned("float32"), {
    labels: [transposed, product, transposed, product],
    peak: copy(4),
  });
  assertEquals(planned("float16"), {
    labels: [transposed, transposed, product, product, sum],
    peak: 2 * copy(2) + 2 * 100 * 32 * 4,
  });
});

Deno.test("the copies are launches of the same product, as a tuning table names it", () => {
  const plan = new PlanRecorder(gpu.capabilities);
  const empty = (...shape: number[]) =>
    matrix(new Tensor(plan.memory, { shape, dtype: "float32", purpose: "input", label: "input" }));
  const request = {
    label: "c",
    layout: "nt",
    a: [empty(70, 8)],
    b: [empty(6, 8)],
    out: [empty(70, 6)],
  } as const;
  matmul(plan, request);
  matmul(plan, { ...request, choice: { tile: miniFor(structures[0]), splits: 1, transposeB: true } });
  const products = plan.dispatches.map(({ product }) => product).filter(Boolean);
  assertEquals(new Set(products).size, 1);
  assert(products[0]!.startsWith("nt 70x6x8"), products[0]);
});

Deno.test("a B whose copy the device cannot bind is multiplied as it is stored", () => {
  const [m, n, k] = [8, 9, 16]; // B is 9 x 16 elements, its copy 16 x 12
  const plan = new PlanRecorder({ ...gpu.capabilities, maxStorageBufferBindingSize: 9 * 16 * 4 });
  const input = (rows: number, cols: number) =>
    matrix(plan.empty([rows, cols], "float32", { purpose: "input", label: "input" }));
  const choice = { tile: TILES.software, splits: 1, transposeB: true };
  const operands = { a: [input(m, k)], b: [input(n, k)], out: [input(m, n)] };
  matmul(plan, { label: "product", layout: "nt", ...operands, choice });
  assertEquals(plan.dispatches.map(({ kernel }) => kernel.label), ["product"]);
});

Deno.test("another layout has no B to transpose", () => {
  const plan = new PlanRecorder(gpu.capabilities);
  const empty = (...shape: number[]) =>
    matrix(new Tensor(plan.memory, { shape, dtype: "float32", purpose: "input", label: "input" }));
  const choice = { tile: miniFor(structures[0]), splits: 1, transposeB: true };
  assertThrows(
    () =>
      matmul(plan, {
        label: "c",
        layout: "nn",
        a: [empty(8, 8)],
        b: [empty(8, 8)],
        out: [empty(8, 8)],
        choice,
      }),
    RangeError,
    "Cannot compute c with B transposed as layout must be nt: current value is nn",
  );
});

testNothingLeft(gpu);
