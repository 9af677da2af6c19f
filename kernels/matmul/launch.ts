import type { Activation } from "../activation.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Capabilities } from "../gpu/device.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { fold } from "../grid.ts";
import type { Storage } from "../storage.ts";
import { bind, dtypeOf, isAligned, isWriteAligned, matrix, type View, viewBytes } from "../view.ts";
import {
  configKey,
  type Epilogue,
  type Layout,
  type MatmulConfig,
  operandCounts,
  type Precision,
} from "./config.ts";
import { reduceKernel, reduceWorkgroups } from "./reduce.ts";
import { checkTile, type Tile, tileName } from "./tile.ts";
import { chooseTile, type TileChoice } from "./choose.ts";
import { productKey } from "./tuning.ts";
import { SKINNY_ROWS, skinnyChunk, skinnyColumns, skinnyKernel } from "./skinny.ts";
import { matmulWgsl } from "./wgsl.ts";

/** One matrix product as the variants ask for it. */
export interface MatmulRequest {
  /** What it computes, for reports: "g, u, h". */
  readonly label: string;
  /** Which operands are stored transposed. */
  readonly layout: Layout;
  /** A of each product; with `gatedA`, g and u. */
  readonly a: readonly View[];
  /** B of each product, or of each column block. */
  readonly b: readonly View[];
  /** Outputs, as the epilogue lists them. */
  readonly out: readonly View[];
  /** What happens to the sums. Default: "store". */
  readonly epilogue?: Exclude<Epilogue, "partial">;
  /** Products summed into one output. Default: 1. */
  readonly products?: 1 | 2;
  /** Matrices B that share A. Default: 1. */
  readonly columns?: 1 | 2;
  /** Whether A is act(g) * u, computed as it is loaded; layout tn only. Default: false. */
  readonly gatedA?: boolean;
  /** Of gatedA and the gated epilogues. Default: "silu". */
  readonly activation?: Activation;
  /** What the sums are. Default: "default". */
  readonly precision?: Precision;
  /** Overrides the tile that shape, dtype and device would choose. */
  readonly choice?: TileChoice;
}

/** A request with its defaults filled in and its sizes known. */
interface Sized extends Required<Omit<MatmulRequest, "choice">> {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly arithmetic: "float32" | "float16";
}

/**
 * Records one matrix product, as one launch, or as two where K is split.
 *
 * @throws {RangeError} If the sizes of the operands do not fit together.
 */
export function matmul(recorder: Recorder, request: MatmulRequest): void {
  const sized = withSizes(request, recorder.capabilities);
  const dtype = dtypeOf([...sized.a, ...sized.b]);
  const { m, n, k, layout, products, columns } = sized;
  if (!request.choice && m <= SKINNY_ROWS && layout !== "tn") return skinnyMatmul(recorder, sized);
  const { gatedA, arithmetic } = sized;
  const shape = { layout, m, n, k, products, columns, gatedA, dtype, arithmetic };
  const choice = request.choice ?? chooseTile(shape, recorder.capabilities);
  checkTile(choice.tile, recorder.capabilities, { columns });
  if (choice.splits > 1) splitMatmul(recorder, sized, choice);
  else wholeMatmul(recorder, sized, choice.tile);
}

function wholeMatmul(recorder: Recorder, sized: Sized, tile: Tile): void {
  // Two kernels with one loop keep more in registers than one with two, and reading the sums again costs less:
  // 15.6 against 16.7 ms on an H200. Sums of 16 bits would be rounded twice.
  const plain = sized.epilogue === "store" && sized.columns === 1 && !sized.gatedA;
  if (sized.products === 2 && plain && dtypeOf(sized.out) === "float32") {
    for (const [i, epilogue] of (["store", "accumulate"] as const).entries()) {
      const one = { ...sized, a: [sized.a[i]], b: [sized.b[i]], products: 1, epilogue } as const;
      launch(recorder, one, { tile, epilogue, out: sized.out, splits: 1 });
    }
    return;
  }
  launch(recorder, sized, { tile, epilogue: sized.epilogue, out: sized.out, splits: 1 });
}

/** K in slices that workgroups of their own add up; a second launch adds the slices in order. */
function splitMatmul(recorder: Recorder, sized: Sized, { tile, splits }: TileChoice): void {
  const { m, n, columns } = sized;
  const stride = Math.ceil(n / 4) * 4;
  const label = `slices of ${sized.label}`;
  const partial = recorder.empty([splits, columns, m, stride], "float32", { purpose: "workspace", label });
  try {
    launch(recorder, sized, { tile, epilogue: "partial", out: [matrix(partial)], splits });
    reduce(recorder, sized, { partial: matrix(partial), splits, stride });
  } finally {
    partial.dispose();
  }
}

/**
 * A few rows of A times a large B: one launch for each matrix B, each adding slices of its own, then the sum.
 * Slices are many enough to fill the device and few enough that their traffic stays small beside B's.
 */
function skinnyMatmul(recorder: Recorder, sized: Sized): void {
  const { m, n, k, products, columns, layout } = sized;
  const chunks = Math.ceil(k / skinnyChunk({ m }));
  const groups = Math.ceil(n / skinnyColumns(layout as "nn" | "nt"));
  const wanted = Math.min(chunks, Math.max(1, Math.ceil(SKINNY_WORKGROUPS / groups / products / columns)));
  const chunksPerSplit = Math.ceil(chunks / wanted);
  const splits = Math.ceil(chunks / chunksPerSplit);
  const stride = Math.ceil(n / 4) * 4;
  const label = `slices of ${sized.label}`;
  const shape = [products * splits, columns, m, stride];
  const partial = recorder.empty(shape, "float32", { purpose: "workspace", label });
  try {
    for (const [i, b] of sized.b.entries()) {
      const [product, column] = [Math.floor(i / columns), i % columns];
      skinnyLaunch(recorder, sized, {
        a: sized.a[product],
        b,
        out: { ...matrix(partial), offset: (product * splits * columns + column) * m * stride, stride },
        chunksPerSplit,
        workgroups: [groups, 1, splits],
      });
    }
    reduce(recorder, sized, { partial: matrix(partial), splits: products * splits, stride });
  } finally {
    partial.dispose();
  }
}

/** Workgroups that fill a large device a few times over. */
const SKINNY_WORKGROUPS = 1024;

function skinnyLaunch(
  recorder: Recorder,
  { label, layout, m, n, k, columns }: Sized,
  { a, b, out, chunksPerSplit, workgroups }: {
    a: View;
    b: View;
    out: View;
    chunksPerSplit: number;
    workgroups: [number, number, number];
  },
): void {
  const bound = [a, b, out].map((view) => bind([view], recorder.capabilities));
  const [storageA, storageB] = [a, b].map((view) => storageOf([view], { slots: [0], inputs: 1 })[0]);
  const offsets = bound.map(({ offsets }) => offsets[0]);
  recorder.dispatch({
    kernel: skinnyKernel({ layout: layout as "nn" | "nt", m, a: storageA, b: storageB, columns }, label),
    bindings: bound.map(({ bindings }) => bindings[0]),
    uniforms: [n, k, chunksPerSplit, a.stride, b.stride, ...offsets, out.stride],
    workgroups,
    flops: 2 * m * n * k,
    bytes: viewBytes(a) + viewBytes(b) + 4 * m * n * workgroups[2],
    tile: `${m} rows streamed, K in ${workgroups[2]}`,
  });
}

/** The kernel's epilogue, and the uniform that tells it whether to add to what is there. */
function kernelEpilogue<E extends Epilogue>(epilogue: E) {
  return epilogue === "accumulate"
    ? { epilogue: "store" as const, accumulate: 1 }
    : { epilogue: epilogue as Exclude<E, "accumulate">, accumulate: 0 };
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
  const storage = storageOf(views, { slots: bound.slots, inputs })
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
    product: productKey({ ...sized, dtype: dtypeOf([...sized.a, ...sized.b]) }),
  });
}

function reduce(
  recorder: Recorder,
  sized: Sized,
  { partial, splits, stride }: { partial: View; splits: number; stride: number },
): void {
  const { m, n, out, columns, activation } = sized;
  const { epilogue, accumulate } = kernelEpilogue(sized.epilogue);
  const bound = bind([...out, partial], recorder.capabilities);
  const slots = bound.slots.slice(0, out.length);
  const storage = storageOf(out, { slots, inputs: 0 });
  const kernel = reduceKernel({ epilogue, columns, activation, storage, slots });
  recorder.dispatch({
    kernel: { ...kernel, label: `${sized.label}: sum of slices` },
    bindings: bound.bindings,
    uniforms: [
      m,
      n,
      splits,
      stride,
      accumulate,
      ...out.flatMap((view, i) => [bound.offsets[i], view.stride]),
    ],
    workgroups: reduceWorkgroups(m, n),
    flops: 0,
    bytes: [...out, partial].reduce((sum, view) => sum + viewBytes(view), 0),
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

/** One storage declaration a binding: aligned only if all its views are, writable if any of them is an output. */
function storageOf(
  views: readonly View[],
  { slots, inputs }: { slots: readonly number[]; inputs: number },
): Storage[] {
  const count = Math.max(...slots) + 1;
  return Array.from({ length: count }, (_, slot) => {
    const own = views.map((view, i) => ({ view, output: i >= inputs })).filter((_, i) => slots[i] === slot);
    return {
      dtype: own[0].view.tensor.dtype,
      access: own.some(({ output }) => output) ? "read_write" : "read",
      aligned: own.every(({ view, output }) => output ? isWriteAligned(view) : isAligned(view)),
    };
  });
}

function withSizes(request: MatmulRequest, { shaderF16 }: Capabilities): Sized {
  const { products = 1, columns = 1, gatedA = false, epilogue = "store", activation = "silu" } = request;
  const { precision = "default" } = request;
  const halves = precision === "fastest" && shaderF16 && request.a[0].tensor.dtype === "float16";
  const { layout, a: [a], b: [b] } = request;
  const [m, k] = layout === "tn" ? [a.cols, a.rows] : [a.rows, a.cols];
  const n = layout === "nt" ? b.rows : b.cols;
  const sized = {
    ...request,
    products,
    columns,
    gatedA,
    epilogue,
    activation,
    precision,
    m,
    n,
    k,
    arithmetic: halves ? "float16" : "float32",
  } as const;
  checkStructure(sized);
  checkSizes(sized);
  return sized;
}

/** Rows along K are loaded one matrix at a time, and as they come: see `loader`. */
function checkStructure({ label, layout, columns, gatedA }: Sized): void {
  if (layout === "nt" && columns === 2) {
    throw new RangeError(`Cannot compute ${label} as layout nt takes one column block: current value is 2`);
  }
  if (gatedA && layout !== "tn") {
    throw new RangeError(`Cannot compute ${label} as a gated A needs layout tn: current value is ${layout}`);
  }
}

function checkSizes(sized: Sized): void {
  const { m, n, k, layout, label } = sized;
  const counts = operandCounts(sized);
  const shapes = {
    a: layout === "tn" ? [k, m] : [m, k],
    b: layout === "nt" ? [n, k] : [k, n],
    out: [m, n],
  };
  for (const side of ["a", "b", "out"] as const) {
    const views = sized[side];
    if (views.length !== counts[side]) {
      throw new RangeError(
        `Cannot compute ${label} as it takes ${counts[side]} ${side}: current value is ${views.length}`,
      );
    }
    for (const view of views) {
      const fits = view.rows === shapes[side][0] && view.cols === shapes[side][1];
      const sameStride = side === "out" || view.stride === views[0].stride;
      if (!fits || !sameStride) {
        throw new RangeError(
          `Cannot compute ${label} as ${view.tensor.label} must be [${shapes[side]}] with row stride ${
            views[0].stride
          }: ` +
            `current value is [${view.rows},${view.cols}] with ${view.stride}`,
        );
      }
    }
  }
}
