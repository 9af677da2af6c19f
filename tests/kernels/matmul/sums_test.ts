/** Sums of terms of one sign, whose rounding errors do not cancel. "highest" stays accurate, whatever computes them. */
import { assert, assertEquals } from "@std/assert";
import type { TileChoice } from "../../../kernels/matmul/choose.ts";
import type { Layout, Precision } from "../../../kernels/matmul/config.ts";
import { matmul, planProduct } from "../../../kernels/matmul/product_plan.ts";
import { TILES } from "../../../kernels/matmul/tiles.ts";
import { parseTuning, TUNING_SCHEMA, useTuning } from "../../../kernels/matmul/tuning.ts";
import { matrix } from "../../../kernels/view.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";

const gpu = await requestGpu();

/** What float32 rounds 0.1 to, so that every product of two is the same number. */
const TENTH = Math.fround(0.1);

/** 100 additions of a level, each off by at most half a unit in the last place of a sum that is half done on average. */
const ALLOWED = 2e-6;

interface Sum {
  readonly layout: Layout;
  readonly m: number;
  readonly n?: number;
  readonly k: number;
  readonly precision?: Precision;
  readonly choice?: TileChoice;
}

/** The largest relative error of the sums of k products of 0.1 and 0.1. */
async function errorOf({ layout, m, n = 8, k, precision = "highest", choice }: Sum): Promise<number> {
  const filled = (...shape: number[]) =>
    upload(gpu, new Float32Array(shape[0] * shape[1]).fill(TENTH), { shape });
  using a = layout === "tn" ? filled(k, m) : filled(m, k);
  using b = layout === "nt" ? filled(n, k) : filled(k, n);
  const recorder = new PoisonRecorder(gpu);
  using out = recorder.empty([m, n], "float32", { purpose: "output", label: "C" });
  const operands = { a: [matrix(a)], b: [matrix(b)], out: [matrix(out)] };
  matmul(recorder, { label: "c", layout, ...operands, precision, ...choice && { choice } });
  recorder.submit();
  const expected = k * TENTH * TENTH;
  return Math.max(...(await out.read()).map((sum) => Math.abs(sum / expected - 1)));
}

for (const k of [11_008, 65_536]) {
  for (const layout of ["nn", "nt", "tn"] as const) {
    // 1, 8 and 16 rows are streamed where the layout allows, 20 take a tile.
    for (const m of [1, 8, 16, 20]) {
      Deno.test(`"highest" keeps a sum of ${k} equal terms: ${layout}, ${m} rows`, async () => {
        const error = await errorOf({ layout, m, k });
        assert(error < ALLOWED, `${error}`);
      });
    }
  }
}

for (const name of ["few", "low", "wide", "square"] as const) {
  Deno.test(`"highest" keeps a sum of 11008 equal terms on the tile ${name}, which alone does not`, async () => {
    const sum = { layout: "nn", m: 20, k: 11_008, choice: { tile: TILES[name], splits: 1 } } as const;
    const error = await errorOf(sum);
    assert(error < ALLOWED, `${error}`);
    assert(await errorOf({ ...sum, precision: "default" }) > 10 * ALLOWED);
  });
}

Deno.test("on a CPU the second level is always there", async () => {
  assert(await errorOf({ layout: "tn", m: 20, k: 11_008, precision: "default" }) < 2 * ALLOWED);
});

Deno.test("no tuning table shortens a sum on a software adapter", async () => {
  const k = 600_000;
  const product = `nn 20x4x${k} float32/float32 1x1`;
  const entry = { product, tile: "software", splits: 1, tflops: 1 };
  const table = { schema: TUNING_SCHEMA, adapter: gpu.capabilities.name, entries: [entry] };
  useTuning(parseTuning(JSON.stringify(table), "table"));
  using a = upload(gpu, new Float32Array(20 * k).fill(1), { shape: [20, k] });
  using b = upload(gpu, new Float32Array(k * 4).fill(1), { shape: [k, 4] });
  const recorder = new PoisonRecorder(gpu);
  using out = recorder.empty([20, 4], "float32", { purpose: "output", label: "C" });
  matmul(recorder, { label: "c", layout: "nn", a: [matrix(a)], b: [matrix(b)], out: [matrix(out)] });
  recorder.submit();
  assertEquals(new Set(await out.read()), new Set([k]));
});

Deno.test('"fastest" takes neither sums of float16 nor Strassen\'s method: partial sums beyond float16 stay finite', async () => {
  // 16 x +-2250 is +-36,000, which no two of float16 add up to; the first row of B has 4 more, so that the sum is 64.
  const k = 256;
  const rows = Float32Array.from({ length: k * 8 }, (_, i) => i < 8 ? 2254 : (i >> 3) % 4 < 2 ? 2250 : -2250);
  using a = upload(gpu, new Float32Array(20 * k).fill(16), { shape: [20, k], dtype: "float16" });
  using b = upload(gpu, rows, { shape: [k, 8], dtype: "float16" });
  const recorder = new PoisonRecorder(gpu);
  using out = recorder.empty([20, 8], "float16", { purpose: "output", label: "C" });
  const operands = { a: [matrix(a)], b: [matrix(b)], out: [matrix(out)] };
  matmul(recorder, { label: "c", layout: "nn", ...operands, precision: "fastest" });
  recorder.submit();
  assertEquals(new Set(await out.read()), new Set([64]));
  assertEquals(
    planProduct({ label: "c", layout: "nn", ...operands, precision: "fastest" }, gpu.capabilities).length,
    planProduct({ label: "c", layout: "nn", ...operands }, gpu.capabilities).length,
  );
});

testNothingLeft(gpu);
