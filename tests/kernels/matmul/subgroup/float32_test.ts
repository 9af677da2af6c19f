/** Products on matrices of float32, which Apple's GPUs have, are right; they are chosen where a tuning table names them. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { relativeFrobeniusError } from "../../../../bench/oracle/mod.ts";
import { Instruments } from "../../../../bench/timing/instruments.ts";
import { tuneProduct } from "../../../../bench/timing/tune.ts";
import { matrixMultiplyAdds } from "../../../../bench/timing/ceiling_kernels.ts";
import { seededRandom } from "../../../../bench/timing/random.ts";
import { DTYPES, roundTo } from "../../../../kernels/gpu/dtype.ts";
import type { Dispatch } from "../../../../kernels/gpu/dispatch.ts";
import { GpuRecorder } from "../../../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../../../kernels/gpu/tensor.ts";
import { chooseTile } from "../../../../kernels/matmul/chosen.ts";
import { matmul, planProduct } from "../../../../kernels/matmul/product_plan.ts";
import { type MatmulRequest, withSizes } from "../../../../kernels/matmul/request.ts";
import { matricesOf } from "../../../../kernels/matmul/subgroup/operands.ts";
import {
  checkSubgroupTile,
  isSubgroupTile,
  subgroupTileName,
} from "../../../../kernels/matmul/subgroup/tile.ts";
import { subgroupTilesToTry } from "../../../../kernels/matmul/subgroup/tiling.ts";
import { TileError } from "../../../../kernels/matmul/tile.ts";
import { TILES } from "../../../../kernels/matmul/tiles.ts";
import { parseTuning, productKey, TUNING_SCHEMA, useTuning } from "../../../../kernels/matmul/tuning.ts";
import { matrix } from "../../../../kernels/view.ts";
import { freshSeed, testNothingLeft, upload } from "../../../gpu.ts";
import { softMatrixGpu } from "../../../soft_matrices.ts";
import { assertAgreeOnMatrices } from "../../../variants/on_matrices.ts";
import { assertExact, edgeSizes } from "../exact.ts";
import { reference, storedShapes } from "../reference.ts";
import { ALIGNED, configOf, describeConfig, everyStructure, UNALIGNED } from "../structures.ts";
import { FAULTS } from "./faults.ts";
import { miniTile, multiplied, STORED, subgroupMatmul } from "./record.ts";

const gpu = await softMatrixGpu();
const OPERANDS = "float32";

const STRUCTURES = everyStructure().filter(({ products }) => products === 1);
const PLACES = [ALIGNED, UNALIGNED, { a: true, b: false, out: true }, { a: false, b: true, out: false }];

STRUCTURES.forEach((structure, i) => {
  const config = configOf(structure, {
    ...{ dtype: DTYPES[i % 3], aligned: PLACES[i % 4], together: i % 2 === 0, choice: null },
  });
  const splits = 1 + i % 3;
  Deno.test(`matrices of float32 are exact: ${describeConfig(config)}; K in ${splits}`, async () => {
    const { columns } = config;
    const larger = i % 9 === 0 ? { subgroups: 2, matrices: 2 } as const : {};
    const tile = miniTile(gpu.capabilities, { columns, ...larger });
    await assertExact(gpu, config, {
      shapes: edgeSizes(config, { count: 8, seed: i, rows: [1, 2, 7, 8, 9, 31, 33] }),
      seed: i,
      poison: i % 2 === 0 ? "nan" : "huge",
      multiply: (recorder, request) =>
        subgroupMatmul(recorder, request, { tile, operands: OPERANDS, splits }),
    });
  });
});

/** Sums of K float32 terms err by sqrt(K) roundings, and a stored element by one. */
const LIMIT = (Math.sqrt(515) + 1) * 2 ** -24;

Deno.test("float32 on matrices of float32 is as exact as multiply-adds, whatever its size", async () => {
  const seed = freshSeed();
  const random = seededRandom(seed);
  const sizes = { m: 9, n: 12, k: 515 };
  const shapes = storedShapes("nn", sizes);
  for (const scale of [1, 1e-30, 1e17]) {
    const draw = ([rows, cols]: readonly [number, number]) =>
      roundTo(Float32Array.from({ length: rows * cols }, () => (2 * random() - 1) * scale), "float32");
    const [a, b] = [draw(shapes.a), [draw(shapes.b).map((value) => value / scale)]];
    const [expected] = reference(STORED, sizes, { a: [a], b, before: [] });
    const product = { sizes, dtype: "float32", a, b, way: { operands: OPERANDS } } as const;
    const [actual] = await multiplied(gpu, product);
    const error = relativeFrobeniusError(actual, expected);
    assert(error <= LIMIT, `off by ${error}, more than ${LIMIT}, scale ${scale}, seed ${seed}`);
    const [wrong] = await multiplied(gpu, { ...product, fault: FAULTS.bitsLost });
    assert(relativeFrobeniusError(wrong, expected) > LIMIT, `a planted fault must show, seed ${seed}`);
  }
});

Deno.test("infinity and NaN come through matrices of float32 to the elements that they reach", async () => {
  const sizes = { m: 3, n: 2, k: 9 };
  const a = new Float32Array(27).fill(1);
  [a[0], a[9], a[10], a[26]] = [Infinity, Infinity, -Infinity, NaN];
  const b = [new Float32Array(18).fill(2)];
  const way = { operands: OPERANDS, splits: 2 } as const;
  const [actual] = await multiplied(gpu, { sizes, dtype: "float32", a, b, way });
  assertEquals([...actual], [Infinity, Infinity, NaN, NaN, NaN, NaN]);
});

Deno.test("a fault of a kernel on matrices of float32 is found", async () => {
  const config = configOf(STORED, { dtype: "float32", aligned: ALIGNED, together: false, choice: null });
  const tile = miniTile(gpu.capabilities, {});
  for (const fault of [FAULTS.productLost, FAULTS.beyondK, FAULTS.rowsMixed]) {
    await assertRejects(() =>
      assertExact(gpu, config, {
        ...{ shapes: [{ m: 9, n: 12, k: 21 }], seed: 1, fault },
        multiply: (recorder, request) => subgroupMatmul(recorder, request, { tile, operands: OPERANDS }),
      })
    );
  }
});

/** y = x x. */
function requestOf(x: Tensor, y: Tensor): MatmulRequest {
  return { label: "product", layout: "nn", a: [matrix(x)], b: [matrix(x)], out: [matrix(y)] };
}

Deno.test("matrices of float32 have their own tiles, which no other operands take", () => {
  const product = { layout: "nn", m: 64, n: 64, k: 64, products: 1, columns: 1, gatedA: false } as const;
  const shape = { ...product, dtype: "float32", arithmetic: "float32", operands: OPERANDS } as const;
  const { capabilities } = gpu;
  const tiles = subgroupTilesToTry(shape, capabilities);
  assert(tiles.length > 0 && tiles.every(({ matrix: { M, N, K } }) => M * N * K === 512));
  assertEquals(subgroupTilesToTry({ ...shape, operands: "split" }, capabilities), []);
  using x = upload(gpu, new Float32Array(64), { shape: [8, 8] });
  using y = upload(gpu, new Float32Array(64), { shape: [8, 8] });
  const request = requestOf(x, y);
  const tile = { ...miniTile(capabilities), tileM: 16, patchM: 16, matrix: { M: 16, N: 8, K: 8 } };
  assertThrows(
    () => planProduct({ ...request, choice: { tile, splits: 1 } }, capabilities),
    TileError,
    "matrix must be one of the device's from f32 to f32: current value is 16x8x8",
  );
  // Two column blocks may be multiplied apart, so a row of all columns must be loaded at once.
  const flat = { ...miniTile(capabilities), tileN: 512, patchN: 512 };
  assertThrows(
    () => checkSubgroupTile(flat, capabilities, { layout: "nn", operands: OPERANDS, columns: 2 }),
    TileError,
    "threads must be at least 128 to load a row of the tile at once: current value is 64",
  );
  const tall = { ...TILES.wide, tileM: TILES.wide.tileM + 4 };
  assertThrows(
    () => planProduct({ ...request, choice: { tile: tall, splits: 1, transposeB: false } }, capabilities),
    TileError,
    "tileM must be",
  );
});

Deno.test("matrices of float32 are left to a tuning table, and highest to multiply-adds", () => {
  using x = upload(gpu, new Float32Array(64), { shape: [8, 8] });
  using y = upload(gpu, new Float32Array(64), { shape: [8, 8] });
  const request = requestOf(x, y);
  const sized = withSizes(request, gpu.capabilities);
  assertEquals([sized.component, sized.operands], ["f32", OPERANDS]);
  assertEquals(withSizes({ ...request, precision: "highest" }, gpu.capabilities).operands, null);
  const { tile, why } = chooseTile(sized, gpu.capabilities);
  assert(!isSubgroupTile(tile));
  assertEquals(
    why,
    "matrices of float32 are used only where a tuning table names them (deno task tune --webgpu dawn)",
  );
});

Deno.test("a table that was made without matrices of float32 still holds beside them", () => {
  const capabilities = { ...gpu.capabilities, name: "tuned before" };
  const shape = { layout: "nn", m: 300, n: 96, k: 64, products: 1, columns: 1, gatedA: false } as const;
  const product = productKey({ ...shape, dtype: "float32", arithmetic: "float32" });
  const entries = [{ product, tile: "wide", splits: 1, tflops: 1 }];
  const table = { schema: TUNING_SCHEMA, adapter: capabilities.name, entries };
  useTuning(parseTuning(JSON.stringify(table), "a test"));
  const choose = (operands: "float32" | "split") =>
    chooseTile({
      ...{ ...shape, dtype: "float32", arithmetic: "float32", operands },
      ...{ precision: "default", component: "f32" },
    }, capabilities).why;
  assertEquals(choose("float32"), "a tuning table names it for this product");
  assert(choose("split") !== choose("float32"), "split operands are another method");
});

Deno.test("every variant agrees with the oracle where a table names matrices of float32", async () => {
  const sizes = { tokens: 9, dim: 12, hiddenDim: 20, activation: "silu" } as const;
  for (const dtype of DTYPES) {
    await assertAgreeOnMatrices(gpu, { ...sizes, dtype, precision: "default" }, `Apple, ${dtype}`);
  }
});

Deno.test("a search tries matrices of float32 beside multiply-adds, and all are right", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  const product = { layout: "nt", m: 17, n: 24, k: 40, products: 1, columns: 2, gatedA: false } as const;
  const shape = { ...product, dtype: "bfloat16", arithmetic: "float32", operands: OPERANDS } as const;
  const tried = new Set<string>();
  const entry = await tuneProduct(instruments, shape, {
    record: (recorder, request) => {
      const { tile } = request.choice!;
      tried.add(isSubgroupTile(tile) ? subgroupTileName(tile) : "multiply-adds");
      matmul(recorder, request);
    },
  });
  assertEquals(
    tried,
    new Set(["multiply-adds", ...subgroupTilesToTry(shape, gpu.capabilities).map(subgroupTileName)]),
  );
  assertEquals([entry.failed, entry.ruled.tile], [[], "software"]);
});

/** Runs the kernel of the ceiling, whose result no longer is -1 but anything else. */
class Revealing extends GpuRecorder {
  override dispatch(dispatch: Dispatch): void {
    const { kernel } = dispatch;
    const wgsl = () =>
      kernel.wgsl().replaceAll(
        /if \((results\[[^\]]*\]) == -1\.0\) \{ sink\[0\] = 1\.0; \}/g,
        "sink[0] += $1;",
      );
    super.dispatch({ ...dispatch, kernel: { ...kernel, key: `${kernel.key}|revealing`, wgsl } });
  }
}

Deno.test("the ceiling's four subgroups multiply as often as asked, however many real ones there are", async () => {
  const [matrix] = matricesOf(gpu.capabilities);
  const { subgroupMaxSize: subgroupSize } = gpu.capabilities;
  const resultOf = async (rounds: number) => {
    using sink = upload(gpu, new Float32Array(4));
    const recorder = new Revealing(gpu);
    matrixMultiplyAdds(recorder, { matrix, subgroupSize, varying: true, workgroups: 1, rounds, sink });
    recorder.submit();
    return (await sink.read())[0];
  };
  const one = await resultOf(1);
  assert(one > 0 && Number.isFinite(one), `${one}`);
  const ratio = await resultOf(3) / one;
  assert(ratio > 2 && ratio < 4, `three rounds give ${ratio} times as much`);
});

testNothingLeft(gpu);
