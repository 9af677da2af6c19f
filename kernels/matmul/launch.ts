import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fold } from "../grid.ts";
import { storagesOf } from "../storage.ts";
import { transpose } from "../transpose.ts";
import { bind, dtypeOf, matrix, type View, viewBytes } from "../view.ts";
import { chooseTile, type TileChoice } from "./choose.ts";
import { configKey, type Epilogue, type MatmulConfig } from "./config.ts";
import { type MatmulRequest, type Sized, withSizes } from "./request.ts";
import { SKINNY_ROWS } from "./skinny.ts";
import { skinnyMatmul } from "./skinny_launch.ts";
import { kernelEpilogue, sumSlices } from "./slices.ts";
import { checkTile, type Tile, tileName } from "./tile.ts";
import { matmulWgsl } from "./wgsl.ts";

/**
 * Records one matrix product, as one launch, or as two where K is split.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  const sized = withSizes(request, recorder.capabilities);
  if (!request.choice && sized.m <= SKINNY_ROWS && sized.layout !== "tn") {
    return skinnyMatmul(recorder, sized);
  }
  tiledMatmul(recorder, sized, request.choice ?? chooseTile(sized, recorder.capabilities));
}

function tiledMatmul(recorder: Recorder, sized: Sized, choice: TileChoice): void {
  checkTile(choice.tile, recorder.capabilities, sized);
  if (choice.transposeB) return withTransposedB(recorder, sized, choice);
  if (choice.splits > 1) splitMatmul(recorder, sized, choice);
  else wholeMatmul(recorder, sized, choice.tile);
}

/** Copies each B transposed into a workspace, and multiplies in layout nn. */
function withTransposedB(recorder: Recorder, sized: Sized, choice: TileChoice): void {
  const { n, k, label } = sized;
  if (sized.layout !== "nt") {
    throw new RangeError(
      `Cannot compute ${label} with B transposed as layout must be nt: current value is ${sized.layout}`,
    );
  }
  // One copy at a time where the sums can be added to: half the workspace.
  const parts = addsInPlace(sized) ? oneByOne(sized) : [sized];
  for (const part of parts) {
    const copies: View[] = [];
    try {
      for (const from of part.b) {
        const shape = [k, Math.ceil(n / 4) * 4];
        const as = { purpose: "workspace", label: "B transposed" } as const;
        const to = matrix(recorder.empty(shape, from.tensor.dtype, as));
        copies.push(to);
        transpose(recorder, { label: `${label}: B transposed`, from, to });
      }
      const b = copies.map((copy) => ({ ...copy, cols: n }));
      tiledMatmul(recorder, { ...part, layout: "nn", b }, { ...choice, transposeB: false });
    } finally {
      for (const { tensor } of copies) tensor.dispose();
    }
  }
}

function wholeMatmul(recorder: Recorder, sized: Sized, tile: Tile): void {
  // Two kernels with one loop keep more in registers than one with two, and reading the sums again costs less:
  // 15.6 against 16.7 ms on an H200. Sums of 16 bits would be rounded twice.
  for (const part of addsInPlace(sized) ? oneByOne(sized) : [sized]) {
    launch(recorder, part, { tile, epilogue: part.epilogue, out: part.out, splits: 1 });
  }
}

/** Whether two products can be added up in the output itself. */
function addsInPlace({ products, epilogue, columns, gatedA, out }: Sized): boolean {
  return products === 2 && epilogue === "store" && columns === 1 && !gatedA && dtypeOf(out) === "float32";
}

/** Two products as two requests, the second of which adds to the first. */
function oneByOne(sized: Sized): Sized[] {
  return (["store", "accumulate"] as const).map((epilogue, i) => ({
    ...sized,
    a: [sized.a[i]],
    b: [sized.b[i]],
    products: 1,
    epilogue,
  }));
}

/** K in slices that workgroups of their own add up; a second launch adds the slices in order. */
function splitMatmul(recorder: Recorder, sized: Sized, { tile, splits }: TileChoice): void {
  const { m, n, columns } = sized;
  const stride = Math.ceil(n / 4) * 4;
  const label = `slices of ${sized.label}`;
  const partial = recorder.empty([splits, columns, m, stride], "float32", { purpose: "workspace", label });
  try {
    launch(recorder, sized, { tile, epilogue: "partial", out: [matrix(partial)], splits });
    sumSlices(recorder, sized, { partial: matrix(partial), splits, stride });
  } finally {
    partial.dispose();
  }
}

interface LaunchInit {
  readonly tile: Tile;
  readonly epilogue: Epilogue;
  readonly out: readonly View[];
  readonly splits: number;
}

function launch(recorder: Recorder, sized: Sized, init: LaunchInit): void {
  const { m, n, k, layout, products, columns, gatedA, activation, arithmetic } = sized;
  const { tile, out, splits } = init;
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue);
  const views = [...sized.a, ...sized.b, ...out];
  const bound = bind(views, recorder.capabilities);
  const inputs = sized.a.length + sized.b.length;
  const storage = storagesOf(views, { slots: bound.slots, inputs })
    .map((slot) => arithmetic === "float16" && slot.access === "read" ? { ...slot, half: true } : slot);
  const config = {
    arithmetic,
    layout,
    tile,
    products,
    columns,
    gatedA,
    epilogue,
    activation,
    storage,
    slots: bound.slots,
  };
  const tilesM = Math.ceil(m / tile.tileM);
  const tilesN = Math.ceil(n / (tile.tileN / columns));
  const places = out.flatMap((view, i) => [bound.offsets[inputs + i], view.stride]);
  const strides = [sized.a[0].stride, sized.b[0].stride];
  recorder.dispatch({
    kernel: matmulKernel(config, sized.label),
    bindings: bound.bindings,
    uniforms: [
      m,
      n,
      k,
      tilesM,
      tilesN,
      splits,
      accumulate,
      ...strides,
      ...bound.offsets.slice(0, inputs),
      ...places,
    ],
    workgroups: [...fold(tilesM * tilesN, recorder.capabilities.maxComputeWorkgroupsPerDimension), splits],
    flops: 2 * m * n * k * products * columns,
    bytes: views.reduce((sum, view) => sum + viewBytes(view), 0),
    tile: tileName(tile) + (splits > 1 ? `, K in ${splits}` : ""),
    product: sized.product,
  });
}

function matmulKernel(config: MatmulConfig, label: string): Kernel {
  return {
    key: `matmul|${configKey(config)}`,
    label,
    access: config.storage.map((storage) => storage.access),
    wgsl: () => matmulWgsl(config),
  };
}
