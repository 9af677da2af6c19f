import { workspace } from "../gpu/steps.ts";
import { storageBytes } from "../gpu/tensor.ts";
import { type Launch, offsetsOf, placesOf, type PlannedStep, withParameters } from "../launch.ts";
import { storagesOf } from "../storage.ts";
import { range } from "../text.ts";
import { matrix, type View, viewBytes } from "../view.ts";
import type { Epilogue } from "./config.ts";
import { reducedActivation, reduceKernel, reduceWorkgroups } from "./reduce.ts";
import type { Sized } from "./request.ts";

/** The epilogue of a kernel. "accumulate" is "store" with a uniform that asks it to add, if the kernel may add. */
export function kernelEpilogue(epilogue: Epilogue, { mayAdd }: { mayAdd: boolean }) {
  return epilogue === "accumulate" && mayAdd
    ? { epilogue: "store" as const, accumulate: 1 }
    : { epilogue, accumulate: 0 };
}

/** Where launches leave their slices of K: for each part of each column block, a matrix of [splits x m] rows. */
export type Partials = readonly (readonly View[])[];

/** Rows and columns of one slice of K of one column block. Its rows are padded to whole vectors. */
const sliceShape = ({ m, n }: Pick<Sized, "m" | "n">): [number, number] => [m, Math.ceil(n / 4) * 4];

/** Bytes of one slice of K of one column block. */
export function sliceBytes(sized: Pick<Sized, "m" | "n">): number {
  const [rows, cols] = sliceShape(sized);
  return storageBytes(rows * cols, "float32");
}

/** How the slices of a product are laid out. */
interface SlicesInit {
  readonly splits: number;
  /** Launches for each column block. Default: 1. */
  readonly parts?: number;
}

/** Slices of K of a product, with the steps that stand before and after the launches that write them. */
export interface Slices {
  /** Makes the workspaces. */
  readonly before: readonly PlannedStep[];
  /** Where the launches leave their slices. */
  readonly partials: Partials;
  /** Adds the slices in order, with the epilogue of the product, and releases the workspaces. */
  readonly after: readonly PlannedStep[];
}

/** Workspaces for slices of K, and their sum. */
export function slicesOf(sized: Sized, { splits, parts = 1 }: SlicesInit): Slices {
  const { columns, label } = sized;
  const tensors = range(columns * parts).map(() =>
    workspace(`slices of ${label}`, [splits, ...sliceShape(sized)], "float32")
  );
  const slices = tensors.map(matrix);
  const launch = sumOfSlices(sized, { slices, splits, parts });
  return {
    before: tensors.map((make) => ({ make })),
    partials: range(columns).map((block) => slices.slice(block * parts, (block + 1) * parts)),
    after: [{ launch }, ...tensors.map((release) => ({ release }))],
  };
}

function sumOfSlices(
  sized: Sized,
  { slices, splits, parts }: { slices: readonly View[]; splits: number; parts: number },
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
      return reduceKernel({ epilogue, columns, parts, activation, storage, slots, sliceSlots }, label);
    },
    uniforms: [
      m,
      n,
      splits,
      slices[0].stride,
      accumulate,
      ...offsetsOf(slices, out.length),
      ...placesOf(out),
    ],
    workgroups: reduceWorkgroups(m, n),
    flops: 0,
    bytes: [...out, ...slices].reduce((sum, view) => sum + viewBytes(view), 0),
  };
}
