import type { Capabilities } from "../gpu/capabilities.ts";
import { type Launch, offsetsOf, type PlannedStep } from "../launch.ts";
import { storagesOf } from "../storage.ts";
import { range } from "../text.ts";
import { type View, viewBytes } from "../view.ts";
import type { Sized } from "./request.ts";
import { STREAM_ROWS, streamDealing, streamKernel, streamRoom } from "./stream_kernel.ts";
import { sliceBytes, slicesOf } from "./slices.ts";
import { MOST_SLICES, MULTIPROCESSORS } from "./splits.ts";
import { STREAM_CHUNK } from "./stream.ts";

/**
 * Whether the product has so few rows of A that it streams B. It does not if its `likeRows` is larger, as it then shares the
 * kernels of a product with more rows. Its slices must fit a binding.
 */
export function streams(sized: Sized, { maxStorageBufferBindingSize }: Capabilities): boolean {
  const { layout, likeRows = 0, m } = sized;
  return layout !== "tn" && Math.max(m, likeRows) <= STREAM_ROWS[layout] &&
    sliceBytes(sized) <= maxStorageBufferBindingSize;
}

/**
 * A few rows of A times a large B. Each matrix B has a launch, which leaves slices of its own. Then the slices are added. The
 * launches write nothing that they share, so they run together (W_gate and W_up take 90 us on an H200; one after the other
 * 95).
 */
export function streamSteps(sized: Sized, capabilities: Capabilities): PlannedStep[] {
  const { m, n, k, b, products, columns } = sized;
  const layout = sized.layout as "nn" | "nt";
  const dealing = streamDealing({ layout, room: streamRoom(m) });
  const groups = Math.ceil(n / dealing.columns);
  const most = Math.floor(capabilities.maxStorageBufferBindingSize / sliceBytes(sized));
  const least = sized.precision === "highest" ? Math.ceil(k / HIGHEST_STREAM_SLICE) : 1;
  const splits = splitsOf({ least, k, groups: groups * b.length, together: dealing.together, most });
  const slices = slicesOf(sized, { splits, launches: products });
  const launches = b.map((view, i): PlannedStep => {
    const [product, column] = [Math.floor(i / columns), i % columns];
    const [a, out] = [sized.a[product], slices.partials[column][product]];
    return { launch: streamLaunch(sized, { a, b: view, out, groups, splits }) };
  });
  return [...slices.before, ...b.length > 1 ? ["group" as const] : [], ...launches, ...slices.after];
}

/** Terms of K of one slice in "highest". A lane adds up 128 of them, or 64 if the lanes lie along K. */
const HIGHEST_STREAM_SLICE = 512;

/** What it costs to write a slice and read it again. The unit is one index of K of one round of workgroups. */
const SLICE_COST = 40;

/** The number of slices that costs least. Many keep all multiprocessors busy to the end, but each costs something. */
function splitsOf(
  { k, groups, together, most, least }: Readonly<
    Record<"k" | "groups" | "together" | "most" | "least", number>
  >,
): number {
  const wanted = Math.min(Math.max(1, Math.floor(k / STREAM_CHUNK)), MOST_SLICES, most);
  if (least >= wanted) return Math.min(least, most);
  const cost = (splits: number) =>
    Math.ceil(groups * splits / (together * MULTIPROCESSORS)) * k / splits + SLICE_COST * splits;
  return range(wanted - least + 1).map((i) => i + least).reduce((best, splits) =>
    cost(splits) < cost(best) ? splits : best
  );
}

function streamLaunch(
  { label, layout, m, n, k }: Sized,
  { a, b, out, groups, splits }: { a: View; b: View; out: View; groups: number; splits: number },
): Launch {
  const [storageA, storageB] = [a, b].map((view) => storagesOf([view], { slots: [0], inputs: 1 })[0]);
  const config = { layout: layout as "nn" | "nt", room: streamRoom(m), a: storageA, b: storageB };
  const views = [a, b, out];
  return {
    views,
    apart: true,
    kernel: () => streamKernel(config, label),
    uniforms: [m, n, k, splits, a.stride, b.stride, ...offsetsOf(views), out.stride],
    workgroups: [groups, null, splits],
    flops: 2 * m * n * k,
    bytes: viewBytes(a) + viewBytes(b) + 4 * m * n * splits,
    tile: `${m} rows streamed, K in ${splits}`,
  };
}
