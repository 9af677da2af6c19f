import { workspace } from "../gpu/steps.ts";
import { storageBytes } from "../gpu/tensor.ts";
import { type Launch, offsetsAndStrides, offsetsOf, type PlannedStep, withParameters } from "../launch.ts";
import { storagesOf } from "../storage.ts";
import { range } from "../text.ts";
import { matrix, type View, viewBytes } from "../view.ts";
import { kernelEpilogue } from "./config.ts";
import { reducedActivation, reduceKernel, reduceWorkgroups } from "./reduce.ts";
import type { Sized } from "./request.ts";

/** Where launches leave their slices of K: for each column block, a matrix of [splits x m] rows for each launch. */
export type Partials = readonly (readonly View[])[];

/** Rows and columns of one slice of one column block. Its rows are padded to whole vectors. */
const sliceShape = ({ m, n }: Pick<Sized, "m" | "n">): [number, number] => [m, Math.ceil(n / 4) * 4];

/** Bytes of one slice of one column block. */
export function sliceBytes(sized: Pick<Sized, "m" | "n">): number {
  const [rows, cols] = sliceShape(sized);
  return storageBytes(rows * cols, "float32");
}

/** How the slices of a product are laid out. */
interface SlicesInit {
  readonly splits: number;
  /** Launches that leave slices of each column block. Default: 1. */
  readonly launches?: number;
}

/** Slices of K of a product, with the steps before and after the launches that write them. */
export interface Slices {
  /** Makes the workspaces. */
  readonly before: readonly PlannedStep[];
  /** Where the launches leave their slices. */
  readonly partials: Partials;
  /** Adds the slices in order, applies the epilogue of the product, and releases the workspaces. */
  readonly after: readonly PlannedStep[];
}

/** Workspaces for slices of K, and their sum. */
export function slicesOf(sized: Sized, { splits, launches = 1 }: SlicesInit): Slices {
  const { columns, label } = sized;
  const tensors = range(columns * launches).map(() =>
    workspace(`slices of ${label}`, [splits, ...sliceShape(sized)], "float32")
  );
  const slices = tensors.map(matrix);
  const launch = sumOfSlices(sized, { slices, splits, launches });
  return {
    before: tensors.map((make) => ({ make })),
    partials: range(columns).map((block) => slices.slice(block * launches, (block + 1) * launches)),
    after: [{ launch }, ...tensors.map((release) => ({ release }))],
  };
}

function sumOfSlices(
  sized: Sized,
  { slices, splits, launches }: { slices: readonly View[]; splits: number; launches: number },
): Launch {
  const { m, n, out, columns, activation } = sized;
  const { epilogue, accumulate } = kernelEpilogue(sized.epilogue, { mayAdd: true });
  const label = `${sized.label}: sum of slices`;
  return {
    ...withParameters(reducedActivation({ epilogue, activation })),
    views: [...out, ...slices],
    kernel: (all) => {
      const [slots, sliceSlots] = [all.slice(0, out.length), all.slice(out.length)];
      const storage = storagesOf(out, { slots, inputs: 0 });
      return reduceKernel({ epilogue, columns, launches, activation, storage, slots, sliceSlots }, label);
    },
    uniforms: [
      m,
      n,
      splits,
      slices[0].stride,
      accumulate,
      ...offsetsOf(slices, out.length),
      ...offsetsAndStrides(out),
    ],
    workgroups: reduceWorkgroups(m, n),
    flops: 0,
    bytes: [...out, ...slices].reduce((sum, view) => sum + viewBytes(view), 0),
  };
}
