import type { Kernel } from "../gpu/kernel.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fold } from "../grid.ts";
import { type Storage, storagesOf } from "../storage.ts";
import { range } from "../text.ts";
import { bind, dtypeOf, isWriteAligned, type View, viewBytes } from "../view.ts";
import { chooseTile, type TileChoice } from "./choose.ts";
import { configKey, type Epilogue, type MatmulConfig, mayAdd } from "./config.ts";
import { withCopies } from "./copies.ts";
import { addsInPlace, columnsApart, operandsOf, productsApart, rowsApart } from "./parts.ts";
import { type MatmulRequest, shapeToChooseBy, type Sized, withSizes } from "./request.ts";
import { isSkinny, skinnyMatmul } from "./skinny_launch.ts";
import { kernelEpilogue, withSlices } from "./slices.ts";
import { rowsAtOnce, rowsBefore } from "./splits.ts";
import { strassenMatmul, usesStrassen } from "./strassen.ts";
import { checkTile, type Tile, tileName } from "./tile.ts";
import { TILES } from "./tiles.ts";
import { matmulWgsl } from "./wgsl.ts";

/**
 * Records one matrix product: as one launch, or as more where K is split, where few rows stream each matrix B, where two
 * products are added up or two column blocks computed one after the other, where operands are copied first, or by
 * Strassen's method.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together, or not what its choice asks for.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  const { choice } = request;
  const sized = withSizes(request, recorder.capabilities);
  const tiled = (part: Sized) =>
    tiledMatmul(recorder, part, choice ?? chooseTile(shapeToChooseBy(part), recorder.capabilities));
  if (usesStrassen(sized, choice)) return strassenMatmul(recorder, sized, tiled);
  if (!choice && isSkinny(sized, recorder.capabilities)) return skinnyMatmul(recorder, sized);
  tiled(sized);
}

function tiledMatmul(recorder: Recorder, sized: Sized, choice: TileChoice): void {
  checkTile(choice.tile, recorder.capabilities, sized);
  const { transposeB } = choice;
  withCopies(recorder, sized, { transposeB, multiply: (ready) => multiply(recorder, ready, choice) });
}

/**
 * Two products are two launches of one kernel: a kernel that adds up both has two loops, takes twice as long to compile
 * and keeps less in registers (15.2 against 15.0 ms on an H200, the sums read again included).
 */
function multiply(recorder: Recorder, sized: Sized, { tile, splits, tail }: TileChoice): void {
  if (splits > 1 || !addsInPlace(sized)) return splitMatmul(recorder, sized, { tile, splits });
  // Of two column blocks this tile has few columns each: twice 11,008 x 4,096 of 16 rows took 250 us, and apart 132.
  const parts = tile === TILES.flat ? columnsApart(sized) : [sized];
  for (const part of parts.flatMap(productsApart)) {
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
    if (last) {
      tailMatmul(recorder, { ...last, label: `${last.label}: last rows` }, { tile, splits: tail!.splits });
    }
  }
}

/**
 * K of all products in slices that workgroups of their own add up; a last launch adds the slices in order. Products that
 * cannot be added up in the output have a slice each at least: rows then come one after the other in the same workspace.
 */
function splitMatmul(recorder: Recorder, sized: Sized, { tile, splits }: Slicing): void {
  const { products, m } = sized;
  const each = Math.ceil(splits / products);
  const rows = addsInPlace(sized) ? m : rowsAtOnce(sized, tile, each * products);
  const [first, rest] = rowsApart(sized, rows);
  withSlices(recorder, first, { splits: each, parts: products }, (partials) => {
    // Products share nothing that is written, so that they run together.
    if (products > 1) recorder.beginGroup();
    for (const product of range(products)) {
      const out = partials.map((parts) => parts[product]);
      const part = { ...first, ...operandsOf(first, product), products: 1 } as const;
      launch(recorder, part, { tile, epilogue: "store", out, splits: each, written: out });
    }
  });
  if (rest) splitMatmul(recorder, rest, { tile, splits });
}

/**
 * As `splitMatmul`, by the kernel of plain products, which others need as well: one less to compile. Those are often of
 * the wide tile in float32, and of the square one with 16 bits.
 */
function tailMatmul(recorder: Recorder, sized: Sized, { tile, splits }: Slicing): void {
  const tailTile = sized.dtype === "float32" && tile === TILES.square ? TILES.wide : tile;
  const aligned = sized.out.every(isWriteAligned);
  withSlices(recorder, sized, { splits }, (partials) => {
    for (const part of columnsApart({ ...sized, epilogue: "store", out: partials.flat() })) {
      const { out } = part;
      launch(recorder, part, { tile: tailTile, epilogue: "store", out, splits, written: out, aligned });
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
  /** Whether outputs may be written as vectors where they can. Default: true. */
  readonly aligned?: boolean;
}

function launch(recorder: Recorder, sized: Sized, init: LaunchInit): void {
  const { m, n, k, layout, columns, gatedA, activation, arithmetic } = sized;
  const { tile, out, splits, written, aligned = true } = init;
  const { epilogue, accumulate } = kernelEpilogue(init.epilogue, { mayAdd: mayAdd(sized) });
  const views = [...sized.a, ...sized.b, ...out];
  const bound = bind(views, recorder.capabilities);
  const inputs = sized.a.length + sized.b.length;
  const outputs = new Set(bound.slots.slice(inputs));
  for (const slot of bound.slots.slice(0, inputs)) outputs.delete(slot);
  const storage = storagesOf(views, { slots: bound.slots, inputs }).map((storage, slot): Storage => {
    if (outputs.has(slot)) return outputStorage(storage, sized, { epilogue, aligned });
    return arithmetic === "float16" && storage.access === "read" ? { ...storage, half: true } : storage;
  });
  const config = {
    arithmetic,
    layout,
    tile,
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
      Number(dtypeOf(out) !== sized.dtype),
      ...strides,
      ...bound.offsets.slice(0, inputs),
      ...places,
    ],
    workgroups: [...fold(tilesM * tilesN, recorder.capabilities.maxComputeWorkgroupsPerDimension), splits],
    flops: 2 * m * n * k * columns,
    bytes: [...sized.a, ...sized.b, ...written].reduce((sum, view) => sum + viewBytes(view), 0),
    tile: tileName(tile) + (splits > 1 ? `, K in ${splits}` : ""),
    product: sized.product,
  });
}

/** Plain products of 16 bits write these or float32, as slices of K are: one kernel less to compile. */
function outputStorage(
  storage: Storage,
  { dtype }: Sized,
  { epilogue, aligned }: { epilogue: Epilogue; aligned: boolean },
): Storage {
  const either = epilogue === "store" && dtype !== "float32" ? { dtype, wideIf: "p.wide != 0u" } : {};
  return { ...storage, aligned: storage.aligned && aligned, ...either };
}

function matmulKernel(config: MatmulConfig, label: string): Kernel {
  return {
    key: `matmul|${configKey(config)}`,
    label,
    access: config.storage.map((storage) => storage.access),
    wgsl: () => matmulWgsl(config),
  };
}
