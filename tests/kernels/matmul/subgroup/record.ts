/** Records products on subgroup matrices, with slices and scales, on tiles that compile fast. */
import type { Capabilities } from "../../../../kernels/gpu/capabilities.ts";
import type { Recorder } from "../../../../kernels/gpu/recorder.ts";
import { record } from "../../../../kernels/gpu/steps.ts";
import { boundSteps } from "../../../../kernels/launch.ts";
import { waySteps } from "../../../../kernels/matmul/product_plan.ts";
import { type MatmulRequest, withSizes } from "../../../../kernels/matmul/request.ts";
import type { SubgroupOperands, SubgroupTile } from "../../../../kernels/matmul/subgroup/tile.ts";
import { tileWay } from "../../../../kernels/matmul/subgroup/way.ts";

/** How a product is computed. */
export interface Way {
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
  const { M, N, K } = subgroupMatrices.find(({ componentType, resultComponentType }) =>
    componentType === "f16" && resultComponentType === "f32"
  )!;
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
  { tile, operands, splits = 1 }: Way,
): void {
  const { capabilities } = recorder;
  const sized = withSizes(request, capabilities);
  const steps = waySteps(sized, tileWay({ tile, operands, splits }, capabilities), capabilities);
  record(recorder, boundSteps(steps, capabilities));
}
