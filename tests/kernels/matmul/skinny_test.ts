/** Products of a few rows, which stream B and add slices of K: bit for bit, and the same for whatever memory held. */
import { assert, assertEquals } from "@std/assert";
import { DTYPES } from "../../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import { matmul } from "../../../kernels/matmul/launch.ts";
import { skinnyChunk } from "../../../kernels/matmul/skinny.ts";
import { seededRandom } from "../../../kernels/measure/random.ts";
import { matrix, type View } from "../../../kernels/view.ts";
import { sampleIndices, smallIntegers } from "../../../variants/data.ts";
import { PoisonRecorder, requestGpu, testNothingLeft, upload } from "../../gpu.ts";
import { assertExact, edgeSizes } from "./exact.ts";
import { below } from "./operands.ts";
import { type Config, configOf, describeConfig, USED } from "./structures.ts";

const gpu = await requestGpu();

/** Each number of rows has kernels of its own; 4 and 16 are the last of their chunk of K, 9 the first. */
const ROWS = [1, 3, 4, 9, 16] as const;

const SKINNY = USED.filter(({ layout }) => layout !== "tn");

/** More than one chunk of K, whatever the rows. */
const LONG_K = [1029, 2048] as const;

function placings(i: number): Config["aligned"] {
  return { a: i % 2 === 0, b: i % 4 < 2, out: i % 3 > 0 };
}

/** Each number of rows in both layouts, and every structure of two rows. */
const cases: { rows: number; config: Config }[] = [
  ...ROWS.flatMap((rows, i) =>
    (["nn", "nt"] as const).map((layout, j) => {
      const structures = SKINNY.filter((structure) => structure.layout === layout);
      const structure = structures[i % structures.length];
      const dtype = DTYPES[(i + j) % 3];
      return { rows, config: configOf(structure, { dtype, aligned: placings(i + j), choice: null }) };
    })
  ),
  ...SKINNY.map((structure, i) => ({
    rows: 2,
    config: configOf(structure, {
      dtype: DTYPES[i % 3],
      aligned: placings(i),
      together: i % 2 === 1,
      choice: null,
    }),
  })),
];

cases.forEach(({ rows, config }, i) => {
  Deno.test(`a product of ${rows} rows is exact: ${describeConfig(config)}`, async () => {
    const seed = 2000 + i;
    const [n, k] = [config.aligned.out ? 36 : 37, LONG_K[below(seededRandom(seed), 2)]];
    const shapes = [...edgeSizes(config, { count: 4, seed, rows: [rows] }), { m: rows, n, k }];
    for (const poison of ["nan", "huge"] as const) await assertExact(gpu, config, { shapes, seed, poison });
  });
});

/** A matrix whose rows overlap: as many columns as it takes to fill a GPU, in a few kilobytes. */
function overlapping(values: Float32Array, { rows, cols }: { rows: number; cols: number }): View {
  const tensor = upload(gpu, values, { label: "B" });
  return { tensor, rows, cols, stride: 4, offset: 0 };
}

for (const layout of ["nn", "nt"] as const) {
  Deno.test(`where a wide B leaves each workgroup several chunks of K, sums are exact: ${layout}`, async () => {
    const [m, k, n] = [9, 900, layout === "nn" ? 32768 : 8192];
    const [rows, cols] = layout === "nn" ? [k, n] : [n, k];
    const length = 4 * rows + cols;
    const numbers = smallIntegers(length - length % 4, 77, { max: 2 });
    const b = overlapping(numbers, { rows, cols });
    const values = smallIntegers(m * k, 78, { max: 2 });
    const a = upload(gpu, values, { shape: [m, k] });
    const recorder = new PoisonRecorder(gpu);
    const out = [0, 1].map(() => recorder.empty([m, n], "float32", { purpose: "workspace", label: "C" }));
    matmul(recorder, {
      label: "product",
      layout,
      a: layout === "nn" ? [matrix(a)] : [matrix(a), matrix(a)],
      b: [b, b],
      out: layout === "nn" ? out.map(matrix) : [matrix(out[0])],
      ...layout === "nn" ? { columns: 2 } : { products: 2 },
    });
    const slices = recorder.dispatches[0].workgroups[2];
    assert(slices < Math.ceil(k / skinnyChunk({ m })), `${slices} slices of one chunk each`);
    recorder.submit();
    const results = layout === "nn"
      ? await Promise.all(out.map((tensor) => tensor.read()))
      : [await out[0].read()];
    const times = layout === "nn" ? 1 : 2;
    for (const col of sampleIndices(n, 79, { count: 300 })) {
      for (let row = 0; row < m; row++) {
        let sum = 0;
        for (let i = 0; i < k; i++) {
          sum += values[row * k + i] * numbers[layout === "nn" ? i * 4 + col : col * 4 + i];
        }
        for (const result of results) {
          assertEquals(result[row * n + col], times * sum, `row ${row}, column ${col}`);
        }
      }
    }
    for (const tensor of [a, b.tensor, ...out]) tensor.dispose();
  });
}

Deno.test("few rows take kernels of their own, one more row does not", () => {
  const [few, more] = [16, 17].map((m) => {
    const recorder = new PlanRecorder(gpu.capabilities);
    const empty = (...shape: number[]) =>
      matrix(recorder.empty(shape, "float32", { purpose: "workspace", label: "test" }));
    matmul(recorder, {
      label: "product",
      layout: "nn",
      a: [empty(m, 8)],
      b: [empty(8, 8)],
      out: [empty(m, 8)],
    });
    return recorder.dispatches[0].kernel.key;
  });
  assert(few.startsWith("skinny|nn|16|"), few);
  assert(more.startsWith("matmul|nn|"), more);
});

testNothingLeft(gpu);
