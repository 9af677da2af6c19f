import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fold } from "../grid.ts";
import { storagesOf } from "../storage.ts";
import { bind, type View, viewBytes } from "../view.ts";
import { chooseTile, type TileChoice } from "./choose.ts";
import { configKey, type Epilogue, type MatmulConfig } from "./config.ts";
import { withCopies } from "./copies.ts";
import { columnsApart, productsApart, rowsApart } from "./parts.ts";
import { type MatmulRequest, type Sized, withSizes } from "./request.ts";
import { SKINNY_ROWS } from "./skinny.ts";
import { skinnyMatmul } from "./skinny_launch.ts";
import { kernelEpilogue, withSlices } from "./slices.ts";
import { rowsBefore } from "./splits.ts";
import { strassenMatmul, usesStrassen } from "./strassen.ts";
import { checkTile, threadsOf, type Tile, tileName } from "./tile.ts";
import { TILES } from "./tiles.ts";
import { matmulWgsl } from "./wgsl.ts";

/**
 * Records one matrix product: as one launch, or as more where K is split, where two products are added up one after the
 * other, where operands are copied first, or by Strassen's method.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what its choice asks for.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  const { choice, layout } = request;
  const sized = withSizes(request, recorder.capabilities);
  const tiled = (part: Sized) =>
    tiledMatmul(recorder, part, choice ?? chooseTile(part, recorder.capabilities));
  if (usesStrassen(sized, choice)) return strassenMatmul(recorder, sized, tiled);
  if (!choice && layout !== "tn" && sized.m <= SKINNY_ROWS[layout]) return skinnyMatmul(recorder, sized);
  tiled(sized);
}

function tiledMatmul(recorder: Recorder, sized: Sized, choice: TileChoice): void {
  checkTile(choice.tile, recorder.capabilities, sized);
  const { transposeB } = choice;
  withCopies(recorder, sized, { transposeB, multiply: (ready) => multiply(recorder, ready, choice) });
}

function multiply(recorder: Recorder, sized: Sized, { tile, splits, tail }: TileChoice): void {
  if (splits > 1) return splitMatmul(recorder, sized, { tile, splits });
  // Two kernels with one loop keep more in registers than one with two, and reading the sums again costs less:
  // 15.0 against 15.2 ms on an H200.
  for (const part of productsApart(sized)) {
    const [first, last] = tail ? rowsApart(part, rowsBefore(tail, tile, part.m)) : [part];
    if (last) recorder.beginGroup();
    launch(recorder, first, {
      tile,
      epilogue: first.epilogue,
      out: first.out,
      splits: 1,
      written: first.out,
    });
    // What follows shares nothing with it that is written, so that both run together.
    if (last) tailMatmul(recorder, last, { tile, splits: tail!.splits });
  }
}

/** K in slices that workgroups of their own add up; a second launch adds the slices in order. */
function splitMatmul(recorder: Recorder, sized: Sized, { tile, splits }: Slicing): void {
  withSlices(recorder, sized, { splits }, (partials) => {
    const out = partials.flat();
    launch(recorder, sized, { tile, epilogue: "store", out, splits, written: out });
  });
}

/** As `splitMatmul`, by the kernel of plain products, which others need as well: one less to compile. */
function tailMatmul(recorder: Recorder, sized: Sized, { tile, splits }: Slicing): void {
  const tailTile = threadsOf(tile) > threadsOf(TILES.wide) ? TILES.wide : tile;
  withSlices(recorder, sized, { splits }, (partials) => {
    for (const part of columnsApart({ ...sized, epilogue: "store", out: partials.flat() })) {
      const { out } = part;
      launch(recorder, part, { tile: tailTile, epilogue: "store", out, splits, written: out });
    }
  });
}

/** A tile, and into how many slices K is split. */
interface Slicing {
  readonly tile: Tile;
  readonly splits: number;
}

interface LaunchInit {
  readonly tile: Tile;
  readonly epilogue: Epilogue;
  /** Where each output's first slice begins. */
  readonly out: readonly View[];
  readonly splits: number;
  /** All that is written, for the count of bytes. */
  readonly written: readonly View[];
}

function launch(recorder: Recorder, sized: Sized, init: LaunchInit): void {
  const { m, n, k, layout, products, columns, gatedA, activation, arithmetic } = sized;
  const { tile, out, splits, written } = init;
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
    bytes: [...sized.a, ...sized.b, ...written].reduce((sum, view) => sum + viewBytes(view), 0),
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
