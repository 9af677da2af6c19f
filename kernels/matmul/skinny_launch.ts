import type { Recorder } from "../gpu/recorder.ts";
import { storagesOf } from "../storage.ts";
import { bind, matrix, type View, viewBytes } from "../view.ts";
import type { Sized } from "./request.ts";
import { skinnyColumns, skinnyKernel, skinnyRound, type SkinnyShape, skinnyShape } from "./skinny.ts";
import { sumSlices } from "./slices.ts";

/**
 * A few rows of A times a large B: one launch for each matrix B, each adding slices of its own, then the sum.
 * Slices are as many as fill the device once, so that all workgroups end together, and sums stay small beside B.
 */
export function skinnyMatmul(
  recorder: Recorder,
  sized: Sized,
  { workgroups = SKINNY_WORKGROUPS, ...given }: Partial<SkinnyShape> & { workgroups?: number } = {},
): void {
  const { m, n, k, products, columns } = sized;
  const layout = sized.layout as "nn" | "nt";
  const shape = { ...skinnyShape({ layout, m }), ...given };
  const groups = Math.ceil(n / skinnyColumns({ layout, shape }));
  const round = skinnyRound({ layout, shape });
  const wanted = Math.min(Math.max(1, Math.floor(workgroups / groups)), Math.ceil(k / LEAST_SLICE));
  const slice = Math.ceil(k / wanted / round) * round;
  const splits = Math.ceil(k / slice);
  const stride = Math.ceil(n / 4) * 4;
  const label = `slices of ${sized.label}`;
  const partial = recorder.empty([products * splits, columns, m, stride], "float32", {
    purpose: "workspace",
    label,
  });
  try {
    for (const [i, b] of sized.b.entries()) {
      const [product, column] = [Math.floor(i / columns), i % columns];
      skinnyLaunch(recorder, sized, {
        a: sized.a[product],
        b,
        out: { ...matrix(partial), offset: (product * splits * columns + column) * m * stride, stride },
        shape,
        slice,
        workgroups: [groups, 1, splits],
      });
    }
    sumSlices(recorder, sized, { partial: matrix(partial), splits: products * splits, stride });
  } finally {
    partial.dispose();
  }
}

/** Workgroups that an H200 runs at once, four on each of its 132 multiprocessors. */
const SKINNY_WORKGROUPS = 528;

/** Slices of K are at least this long: at 16 rows their sums move an eighth of the bytes of B. */
const LEAST_SLICE = 256;

function skinnyLaunch(
  recorder: Recorder,
  { label, layout, m, n, k, columns }: Sized,
  { a, b, out, shape, slice, workgroups }: {
    a: View;
    b: View;
    out: View;
    shape: SkinnyShape;
    slice: number;
    workgroups: [number, number, number];
  },
): void {
  const bound = [a, b, out].map((view) => bind([view], recorder.capabilities));
  const [storageA, storageB] = [a, b].map((view) => storagesOf([view], { slots: [0], inputs: 1 })[0]);
  const offsets = bound.map(({ offsets }) => offsets[0]);
  const config = { layout: layout as "nn" | "nt", m, a: storageA, b: storageB, columns, shape };
  recorder.dispatch({
    kernel: skinnyKernel(config, label),
    bindings: bound.map(({ bindings }) => bindings[0]),
    uniforms: [n, k, slice, a.stride, b.stride, ...offsets, out.stride],
    workgroups,
    flops: 2 * m * n * k,
    bytes: viewBytes(a) + viewBytes(b) + 4 * m * n * workgroups[2],
    tile: `${m} rows streamed, K in ${workgroups[2]}`,
  });
}
