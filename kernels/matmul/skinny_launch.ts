import { fold } from "../grid.ts";
import type { Capabilities } from "../gpu/device.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { storagesOf } from "../storage.ts";
import { range } from "../text.ts";
import { bind, type View, viewBytes } from "../view.ts";
import type { Sized } from "./request.ts";
import { SKINNY_ROWS, skinnyDealing, skinnyKernel, skinnyRoom } from "./skinny.ts";
import { sliceBytes, withSlices } from "./slices.ts";
import { MOST_SLICES, MULTIPROCESSORS } from "./splits.ts";
import { SKINNY_CHUNK } from "./stream.ts";

/** Whether few rows of A stream B, as products before it did whose kernels it should share; a slice must fit a binding. */
export function isSkinny(sized: Sized, { maxStorageBufferBindingSize }: Capabilities): boolean {
  const { layout, likeRows = 0, m } = sized;
  return layout !== "tn" && Math.max(m, likeRows) <= SKINNY_ROWS[layout] &&
    sliceBytes(sized) <= maxStorageBufferBindingSize;
}

/**
 * A few rows of A times a large B: one launch for each matrix B, each adding slices of its own, then the sum. They share
 * nothing that is written, so that they run together: W_gate and W_up take 90 us on an H200, and 95 one after the other.
 */
export function skinnyMatmul(recorder: Recorder, sized: Sized): void {
  const { m, n, k, b, products, columns } = sized;
  const layout = sized.layout as "nn" | "nt";
  const dealing = skinnyDealing({ layout, room: skinnyRoom(m) });
  const groups = Math.ceil(n / dealing.columns);
  const { maxComputeWorkgroupsPerDimension: mostGroups, maxStorageBufferBindingSize } = recorder.capabilities;
  const most = Math.floor(maxStorageBufferBindingSize / sliceBytes(sized));
  const splits = slicesOf({ k, groups: groups * b.length, together: dealing.together, most });
  withSlices(recorder, sized, { splits, parts: products }, (partials) => {
    if (b.length > 1) recorder.beginGroup();
    for (const [i, view] of b.entries()) {
      const [product, column] = [Math.floor(i / columns), i % columns];
      const [a, out] = [sized.a[product], partials[column][product]];
      skinnyLaunch(recorder, sized, { a, b: view, out, workgroups: [...fold(groups, mostGroups), splits] });
    }
  });
}

/** What a slice costs, written and read again, as indices of K of one round of workgroups. */
const SLICE_COST = 40;

/** Slices of K that keep all multiprocessors busy to the end, and no more than that takes, or may be bound. */
function slicesOf(
  { k, groups, together, most }: { k: number; groups: number; together: number; most: number },
): number {
  const wanted = Math.min(Math.max(1, Math.floor(k / SKINNY_CHUNK)), MOST_SLICES, most);
  const cost = (splits: number) =>
    Math.ceil(groups * splits / (together * MULTIPROCESSORS)) * k / splits + SLICE_COST * splits;
  return range(wanted).map((i) => i + 1).reduce((best, splits) => cost(splits) < cost(best) ? splits : best);
}

function skinnyLaunch(
  recorder: Recorder,
  { label, layout, m, n, k }: Sized,
  { a, b, out, workgroups }: { a: View; b: View; out: View; workgroups: [number, number, number] },
): void {
  const bound = [a, b, out].map((view) => bind([view], recorder.capabilities));
  const [storageA, storageB] = [a, b].map((view) => storagesOf([view], { slots: [0], inputs: 1 })[0]);
  const offsets = bound.map(({ offsets }) => offsets[0]);
  const config = { layout: layout as "nn" | "nt", room: skinnyRoom(m), a: storageA, b: storageB };
  const [, , splits] = workgroups;
  recorder.dispatch({
    kernel: skinnyKernel(config, label),
    bindings: bound.map(({ bindings }) => bindings[0]),
    uniforms: [m, n, k, splits, a.stride, b.stride, ...offsets, out.stride],
    workgroups,
    flops: 2 * m * n * k,
    bytes: viewBytes(a) + viewBytes(b) + 4 * m * n * splits,
    tile: `${m} rows streamed, K in ${splits}`,
  });
}
