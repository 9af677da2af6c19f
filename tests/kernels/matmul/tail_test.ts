/** The last rows of a product have slices of K of their own. The bits are the same as without them. */
import { assert, assertEquals } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import type { Dispatch } from "../../../kernels/gpu/dispatch.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import { matrix } from "../../../kernels/view.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { assertExact, EDGES, edgeSizes } from "./exact.ts";
import { ALIGNED, configOf, describeConfig, MINI, miniFor, UNALIGNED, USED } from "./structures.ts";

const gpu = await requestGpu();
const MORE_THAN_A_TILE = EDGES.filter((edge) => edge > 8);

USED.forEach((structure, s) => {
  const dtype = DTYPES[s % DTYPES.length];
  for (const transposeB of structure.layout === "nt" ? [false, true] : [false]) {
    const tail = { tileRows: 1 + s % 2, splits: 2 + s % 3 };
    const choice = { tile: miniFor(structure), splits: 1, tail, transposeB };
    const config = configOf(structure, { dtype, aligned: s % 2 === 0 ? ALIGNED : UNALIGNED, choice });
    Deno.test(`the last ${tail.tileRows} rows of tiles in ${tail.splits} slices: ${describeConfig(config)}`, async () => {
      const seed = 8000 + s;
      await assertExact(gpu, config, {
        shapes: edgeSizes(config, { count: 12, seed, rows: MORE_THAN_A_TILE }),
        seed,
      });
    });
  }
});

/** Labels and rows of the launches of a plain product of so many rows, and the bytes of the slices. */
function planned(rows: number, tail: { tileRows: number; splits: number }) {
  const plan = new PlanRecorder(gpu.capabilities);
  const tile = miniFor(USED[0]);
  const empty = (...shape: number[]) =>
    matrix(new Tensor(plan.memory, { shape, dtype: "float32", purpose: "input", label: "input" }));
  const [a, b, c] = [empty(rows, 64), empty(64, 8), empty(rows, 8)];
  matmul(plan, { label: "c", layout: "nn", a: [a], b: [b], out: [c], choice: { tile, splits: 1, tail } });
  assertEquals(plan.memory.ledger.live("workspace"), 0);
  return {
    flops: plan.dispatches.map(({ kernel, flops }) => [kernel.label, flops / (2 * 64 * 8)]),
    peak: plan.memory.ledger.peakBytes,
    tileM: tile.tileM,
  };
}

Deno.test("the rows before the tail are one launch; the tail's slices take room for its rows alone", () => {
  const { tileM } = planned(1, { tileRows: 1, splits: 2 });
  const { flops, peak } = planned(5 * tileM - 1, { tileRows: 2, splits: 3 });
  const last = 2 * tileM - 1;
  assertEquals(flops, [["c", 3 * tileM], ["c: last rows", last], ["c: last rows: sum of slices", 0]]);
  assertEquals(peak, 3 * last * 8 * 4);
});

Deno.test("a plain product and its tail are of one kernel, whatever they are stored as", () => {
  for (const dtype of DTYPES) {
    for (const n of [8, 7]) {
      const plan = new PlanRecorder(gpu.capabilities);
      const empty = (...shape: number[]) =>
        matrix(plan.empty(shape, dtype, { purpose: "output", label: "matrix" }));
      matmul(plan, {
        label: "c",
        layout: "nn",
        a: [empty(64, 64)],
        b: [empty(64, n)],
        out: [empty(64, n)],
        choice: { tile: MINI, splits: 1, tail: { tileRows: 2, splits: 2 } },
      });
      const [whole, tail, sum] = plan.dispatches.map(({ kernel }) => kernel.key);
      assertEquals(whole, tail, `${dtype}, ${n} columns`);
      assert(sum.startsWith("reduce"));
    }
  }
});

Deno.test("a product and its tail begin a group, so that nothing comes between them", () => {
  const calls: string[] = [];
  class Spy extends PlanRecorder {
    override dispatch(dispatch: Dispatch): void {
      calls.push(dispatch.kernel.label);
      super.dispatch(dispatch);
    }
    override beginGroup(): void {
      calls.push("group");
    }
  }
  const plan = new Spy(gpu.capabilities);
  const empty = () => matrix(plan.empty([64, 64], "float32", { purpose: "output", label: "matrix" }));
  const request = { label: "c", layout: "nn", a: [empty()], b: [empty()], out: [empty()] } as const;
  matmul(plan, { ...request, choice: { tile: MINI, splits: 1, tail: { tileRows: 2, splits: 2 } } });
  assertEquals(calls, ["group", "c", "c: last rows", "c: last rows: sum of slices"]);
});

Deno.test("a tail that would take all rows leaves the product whole", () => {
  const { flops, peak, tileM } = planned(3, { tileRows: 1, splits: 2 });
  assert(tileM >= 3);
  assertEquals([flops, peak], [[["c", 3]], 0]);
});

testNothingLeft(gpu);
