/** Products on subgroup matrices, with slices and scales, on tiles that compile fast. */
import type { Capabilities } from "../../../../kernels/gpu/capabilities.ts";
import type { Gpu } from "../../../../kernels/gpu/device.ts";
import { decode, type DType } from "../../../../kernels/gpu/dtype.ts";
import type { Recorder } from "../../../../kernels/gpu/recorder.ts";
import { record } from "../../../../kernels/gpu/steps.ts";
import { boundSteps } from "../../../../kernels/launch.ts";
import { tiledSteps } from "../../../../kernels/matmul/product_plan.ts";
import { type MatmulRequest, withSizes } from "../../../../kernels/matmul/request.ts";
import { matricesOf } from "../../../../kernels/matmul/subgroup/operands.ts";
import type { SubgroupOperands, SubgroupTile } from "../../../../kernels/matmul/subgroup/tile.ts";
import { tilingWith } from "../../../../kernels/matmul/subgroup/tiling.ts";
import { range } from "../../../../kernels/text.ts";
import { matrix } from "../../../../kernels/view.ts";
import { PoisonRecorder, readBytes, upload } from "../../../gpu.ts";
import type { Fault } from "../../../planted.ts";
import { counts, type ProductSizes, storedShapes } from "../reference.ts";
import type { Structure } from "../structures.ts";

/** How a product is computed. */
export interface TilingInit {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
  /** Default: 1. */
  readonly splits?: number;
}

/**
 * The smallest tile on a device, or one of `matrices` matrices each way and along K, for `subgroups` side by side. Little
 * text: the software driver compiles each kernel for seconds.
 */
export function miniTile(
  { subgroupMatrices, subgroupMaxSize }: Capabilities,
  { columns = 1, subgroups = 1, matrices = 1 }: { columns?: 1 | 2; subgroups?: 1 | 2; matrices?: 1 | 2 } = {},
): SubgroupTile {
  const [{ M, N, K }] = matricesOf({ subgroupMatrices });
  const [patchM, patchN] = [matrices * M, matrices * N * columns];
  return {
    tileM: patchM,
    tileN: patchN * subgroups,
    tileK: matrices * K,
    patchM,
    patchN,
    matrix: { M, N, K },
    subgroupSize: subgroupMaxSize,
    group: 2,
  };
}

/** Records one product as the plan of products does, with a tile of the test's own. */
export function subgroupMatmul(
  recorder: Recorder,
  request: MatmulRequest,
  { tile, operands, splits = 1 }: TilingInit,
): void {
  const { capabilities } = recorder;
  const sized = withSizes(request, capabilities);
  const steps = tiledSteps(sized, tilingWith({ tile, operands, splits }, capabilities), capabilities);
  record(recorder, boundSteps(steps, capabilities));
}

/** A product of given numbers. */
export interface Product {
  /** Default: nn, stored. */
  readonly structure?: Structure;
  readonly sizes: ProductSizes;
  readonly dtype: DType;
  readonly way: Omit<TilingInit, "tile">;
  /** As they are stored: A, then each B. */
  readonly a: Float32Array;
  readonly b: readonly Float32Array[];
  /** What is wrong with the kernel. */
  readonly fault?: Fault;
}

export const STORED: Structure = { layout: "nn", epilogue: "store", products: 1, columns: 1, gatedA: false };

/** The outputs of a product, as numbers; "silu" is its activation. */
export async function multiplied(gpu: Gpu, product: Product): Promise<Float32Array[]> {
  const { structure = STORED, sizes, dtype, way, a, b } = product;
  const shapes = storedShapes(structure.layout, sizes);
  const inputs = [a, ...b].map((values, i) =>
    upload(gpu, values, { shape: shapes[i === 0 ? "a" : "b"], dtype })
  );
  const recorder = new PoisonRecorder(gpu, product);
  const out = range(counts(structure).out).map((i) =>
    recorder.empty(shapes.out, dtype, { purpose: "output", label: `C${i}` })
  );
  const tile = miniTile(gpu.capabilities, structure);
  const [left, ...right] = inputs.map(matrix);
  subgroupMatmul(recorder, { label: "product", ...structure, a: [left], b: right, out: out.map(matrix) }, {
    ...way,
    tile,
  });
  recorder.submit();
  const bytes = await readBytes(gpu, out);
  for (const tensor of [...inputs, ...out]) tensor.dispose();
  return bytes.map((part, i) => decode(part, dtype, out[i].length));
}

/** What tensors of a dtype become on subgroup matrices: as they are, or rounded with precision "tf32". */
export const WAYS: readonly { readonly dtype: DType; readonly way: Omit<TilingInit, "tile"> }[] = [
  { dtype: "float16", way: { operands: "float16" } },
  { dtype: "bfloat16", way: { operands: "rounded" } },
  { dtype: "float32", way: { operands: "rounded", splits: 2 } },
];
