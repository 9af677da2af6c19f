import { fold } from "../grid.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { storagesOf } from "../storage.ts";
import { bind, type View, viewBytes } from "../view.ts";
import type { Sized } from "./request.ts";
import { skinnyChunk, skinnyColumns, skinnyKernel } from "./skinny.ts";
import { withSlices } from "./slices.ts";

/**
 * A few rows of A times a large B: one launch for each matrix B, each adding slices of its own, then the sum.
 * Slices are many enough to fill the device and few enough that their traffic stays small beside B's.
 */
export function skinnyMatmul(recorder: Recorder, sized: Sized): void {
  const { m, n, k, products, columns, layout } = sized;
  const chunks = Math.ceil(k / skinnyChunk({ m }));
  const groups = Math.ceil(n / skinnyColumns(layout as "nn" | "nt"));
  const wanted = Math.min(chunks, Math.max(1, Math.ceil(SKINNY_WORKGROUPS / groups / products / columns)));
  const chunksPerSplit = Math.ceil(chunks / wanted);
  const splits = Math.ceil(chunks / chunksPerSplit);
  const { maxComputeWorkgroupsPerDimension: most } = recorder.capabilities;
  // W_gate and W_up one after the other: at once they took 5 % longer on an H200, while two of B^T took 5 to 14 % less.
  const oneTensor = columns === 2;
  withSlices(recorder, sized, { splits, parts: products, oneTensor }, (partials) => {
    for (const [i, b] of sized.b.entries()) {
      const [product, column] = [Math.floor(i / columns), i % columns];
      const [a, out] = [sized.a[product], partials[column][product]];
      skinnyLaunch(recorder, sized, {
        a,
        b,
        out,
        chunksPerSplit,
        workgroups: [...fold(groups, most), splits],
      });
    }
  });
}

/** Workgroups that fill a large device a few times over. */
const SKINNY_WORKGROUPS = 1024;

function skinnyLaunch(
  recorder: Recorder,
  { label, layout, m, n, k }: Sized,
  { a, b, out, chunksPerSplit, workgroups }: {
    a: View;
    b: View;
    out: View;
    chunksPerSplit: number;
    workgroups: [number, number, number];
  },
): void {
  const bound = [a, b, out].map((view) => bind([view], recorder.capabilities));
  const [storageA, storageB] = [a, b].map((view) => storagesOf([view], { slots: [0], inputs: 1 })[0]);
  const offsets = bound.map(({ offsets }) => offsets[0]);
  recorder.dispatch({
    kernel: skinnyKernel({ layout: layout as "nn" | "nt", m, a: storageA, b: storageB }, label),
    bindings: bound.map(({ bindings }) => bindings[0]),
    uniforms: [n, k, chunksPerSplit, a.stride, b.stride, ...offsets, out.stride],
    workgroups,
    flops: 2 * m * n * k,
    bytes: viewBytes(a) + viewBytes(b) + 4 * m * n * workgroups[2],
    tile: `${m} rows streamed, K in ${workgroups[2]}`,
  });
}
