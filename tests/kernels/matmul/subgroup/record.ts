/** Records products on subgroup matrices as the plan of products will: slices, scales and all. */
import type { Capabilities } from "../../../../kernels/gpu/device.ts";
import type { Recorder } from "../../../../kernels/gpu/recorder.ts";
import { productsApart } from "../../../../kernels/matmul/parts.ts";
import { type MatmulRequest, type Sized, withSizes } from "../../../../kernels/matmul/request.ts";
import { withSlices } from "../../../../kernels/matmul/slices.ts";
import { subgroupLaunch } from "../../../../kernels/matmul/subgroup/launch.ts";
import { largestMagnitudes } from "../../../../kernels/matmul/subgroup/magnitude.ts";
import type { SubgroupOperands, SubgroupTile } from "../../../../kernels/matmul/subgroup/tile.ts";

/** How a product is computed. */
export interface Way {
  readonly tile: SubgroupTile;
  readonly operands: SubgroupOperands;
  /** Default: 1. */
  readonly splits?: number;
  /** Whether operands are scaled into float16's range; not of a gated A. Default: false. */
  readonly scaled?: boolean;
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

/** Records one product; two of them one after the other. */
export function subgroupMatmul(recorder: Recorder, request: MatmulRequest, way: Way): void {
  for (const part of productsApart(withSizes(request, recorder.capabilities))) multiply(recorder, part, way);
}

function multiply(
  recorder: Recorder,
  sized: Sized,
  { tile, operands, splits = 1, scaled = false }: Way,
): void {
  const magnitudes = scaled ? largestMagnitudes(recorder, [...sized.a, ...sized.b]) : undefined;
  const init = { tile, operands, splits, ...magnitudes ? { magnitudes } : {} };
  if (splits === 1) {
    recorder.dispatch(subgroupLaunch(sized, init, recorder.capabilities));
  } else {
    withSlices(recorder, sized, { splits }, (partials) => {
      const sliced = { ...init, epilogue: "store", out: partials.map(([part]) => part) } as const;
      recorder.dispatch(subgroupLaunch(sized, sliced, recorder.capabilities));
    });
  }
  magnitudes?.dispose();
}
