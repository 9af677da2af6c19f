/** A hundred runs of every kind of product give the same bits, whatever memory held before. */
import { assertEquals } from "@std/assert";
import type { DType } from "../../../kernels/gpu/dtype.ts";
import type { TileChoice } from "../../../kernels/matmul/choose.ts";
import { matmul } from "../../../kernels/matmul/product_plan.ts";
import type { MatmulRequest } from "../../../kernels/matmul/request.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { matrix } from "../../../kernels/view.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import {
  freshSeed,
  PoisonRecorder,
  readBytes,
  requestGpu,
  sha256,
  testNothingLeft,
  upload,
} from "../../gpu.ts";

const gpu = await requestGpu();
const RUNS = 100;
const tile = TILES.software;

/** Kinds of launches: whole, in slices that are added up, a few rows, gated, with 16-bit halves of shared words. */
const CASES: readonly { name: string; m: number; dtype: DType; gated?: boolean; choice?: TileChoice }[] = [
  { name: "whole", m: 33, dtype: "float32", choice: { tile, splits: 1 } },
  { name: "K in 7 slices", m: 33, dtype: "float32", choice: { tile, splits: 7 } },
  { name: "few rows", m: 7, dtype: "float32" },
  { name: "gated", m: 33, dtype: "float32", gated: true, choice: { tile, splits: 1 } },
  { name: "words shared by threads", m: 33, dtype: "float16", choice: { tile, splits: 3 } },
  { name: "words shared by threads", m: 33, dtype: "bfloat16", choice: { tile, splits: 1 } },
];

for (const { name, m, dtype, gated = false, choice } of CASES) {
  Deno.test(`${RUNS} runs of a product give the same bits: ${name}, ${dtype}`, async () => {
    const [k, n] = [129, 65];
    const seed = freshSeed();
    const host = randomInputs({ tokens: m, dim: k, hiddenDim: n, dtype }, seed);
    const a = upload(gpu, host.x, { shape: [m, k], dtype });
    const b = [host.gate, host.up].slice(0, gated ? 2 : 1).map((values) =>
      upload(gpu, values, { shape: [k, n], dtype })
    );
    const request: Omit<MatmulRequest, "out"> = {
      label: "product",
      layout: "nn",
      a: [matrix(a)],
      b: b.map(matrix),
      ...gated ? { columns: 2, epilogue: "gated-save" } : {},
      ...choice ? { choice } : {},
    };
    const hashes = new Set<string>();
    for (const poison of ["nan", "huge"] as const) {
      const recorder = new PoisonRecorder(gpu, { poison });
      const runs = Array.from({ length: RUNS / 2 }, () => {
        const out = Array.from(
          { length: gated ? 3 : 1 },
          (_, i) => recorder.empty([m, n], dtype, { purpose: "workspace", label: `C${i}` }),
        );
        matmul(recorder, { ...request, out: out.map(matrix) });
        return out;
      });
      recorder.submit();
      const bytes = await readBytes(gpu, runs.flat());
      const each = runs[0].length;
      // Two elements fill a word, so an odd number of them leaves half a word that nobody writes.
      const length = m * n * (dtype === "float32" ? 4 : 2);
      for (let run = 0; run < runs.length; run++) {
        const own = bytes.slice(run * each, (run + 1) * each).map((part) => part.subarray(0, length));
        hashes.add(await sha256(own));
      }
      for (const tensor of runs.flat()) tensor.dispose();
    }
    assertEquals(hashes.size, 1, `different results of equal runs, seed ${seed}`);
    for (const tensor of [a, ...b]) tensor.dispose();
  });
}

testNothingLeft(gpu);
