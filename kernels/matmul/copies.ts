import { elementwiseLaunch } from "../elementwise.ts";
import type { Capabilities } from "../gpu/capabilities.ts";
import { workspace } from "../gpu/steps.ts";
import { storageBytes } from "../gpu/tensor.ts";
import type { Launch, PlannedStep } from "../launch.ts";
import { transposeLaunch } from "../transpose.ts";
import { isAlignedTo, isBindable, matrix, type View } from "../view.ts";
import { shapeToChooseBy, type Sized } from "./request.ts";

type Side = "a" | "b";

/**
 * An operand whose rows do not begin where vectors do is copied if each of its elements is used at least so often. A copy
 * reads and writes 4 bytes for each, which takes 2 ps at 4 TB/s. Vectors save 15 % of the 2 FLOP of each use, which is 6 fs at
 * 50 TFLOP/s. So one copy pays from 333 uses on, and two copies from 667 on.
 */
const LEAST_USES = 512;

/** How the operands of one side are copied before they are multiplied. */
export type CopyKind = "transposed" | "aligned";

/** A product whose operands on one side are ready, with the steps that stand before and after it. */
export interface Copied {
  /** Makes the copies. */
  readonly before: readonly PlannedStep[];
  /** The product, which reads the copies. */
  readonly sized: Sized;
  /** Releases the copies. */
  readonly after: readonly PlannedStep[];
}

/** Copies each operand of a side. If the kind is null, the product stays as it is. */
export function copied(
  sized: Sized,
  { side, kind, alignment }: { side: Side; kind: CopyKind | null; alignment: number },
): Copied {
  if (kind === null) return { before: [], sized, after: [] };
  const { name, shape, launch, change } = kind === "transposed" ? TRANSPOSED_B : ALIGNED[side];
  const copies = sized[side].map((from) => {
    const [rows, cols] = shape(from);
    const make = workspace(name, [rows, padded(cols, alignment)], from.tensor.dtype);
    const launched = launch({ label: `${sized.label}: ${name}`, from, to: matrix(make) });
    return { make, launch: launched, view: { ...matrix(make), cols } };
  });
  return {
    before: copies.flatMap(({ make, launch }) => [{ make }, { launch }]),
    sized: { ...sized, ...change, [side]: copies.map(({ view }) => view) },
    after: copies.map(({ make }) => ({ release: make })),
  };
}

/** How A is copied, if it is. */
export function copyOfA(
  sized: Sized,
  { alignment }: { alignment: number },
  capabilities: Capabilities,
): CopyKind | null {
  return aligns(sized, { side: "a", alignment }, capabilities) ? "aligned" : null;
}

/**
 * How B is copied, if it is. It is transposed if the tiling asks for that and every copy fits the device.
 *
 * @throws {RangeError} If B is to be transposed and the layout is not nt.
 */
export function copyOfB(
  sized: Sized,
  { transposeB, alignment }: { transposeB: boolean; alignment: number },
  capabilities: Capabilities,
): CopyKind | null {
  const { label, layout, b } = sized;
  if (transposeB && layout !== "nt") {
    throw new RangeError(
      `Cannot compute ${label} with B transposed as layout must be nt: current value is ${layout}`,
    );
  }
  const fitsTransposed = (view: View) => fits(view, view.cols * padded(view.rows, alignment), capabilities);
  if (transposeB && b.every(fitsTransposed)) return "transposed";
  return aligns(sized, { side: "b", alignment }, capabilities) ? "aligned" : null;
}

/** Whether the operands of a side are copied into aligned rows. Either all are or none, as the kernel has one stride for them. */
function aligns(
  sized: Sized,
  { side, alignment }: { side: Side; alignment: number },
  capabilities: Capabilities,
): boolean {
  const { m, n } = shapeToChooseBy(sized);
  const uses = side === "a" ? n : m;
  if (uses < LEAST_USES || sized[side].every((view) => isAlignedTo(view, alignment))) return false;
  return sized[side].every((view) => {
    const cols = padded(view.cols, alignment);
    return fits(view, view.rows * cols, capabilities) && isBindable({ ...view, cols }, capabilities);
  });
}

/** Whether a copy of so many elements fits the device. An operand that fits must not fail because its copy does not. */
function fits(
  { tensor }: View,
  length: number,
  { maxBufferSize, maxStorageBufferBindingSize }: Capabilities,
): boolean {
  return storageBytes(length, tensor.dtype) <= Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

const padded = (cols: number, alignment: number) => Math.ceil(cols / alignment) * alignment;

/** One kind of copy. */
interface Copy {
  /** What a copy is called in reports. */
  readonly name: string;
  /** Rows and columns of the copy, before its rows are padded to whole vectors. */
  shape(from: View): readonly [number, number];
  launch(op: { label: string; from: View; to: View }): Launch;
  /** What the copies change of the product besides its operands. */
  readonly change?: Partial<Sized>;
}

const TRANSPOSED_B: Copy = {
  name: "B transposed",
  shape: ({ rows, cols }) => [cols, rows],
  launch: transposeLaunch,
  change: { layout: "nn" },
};

const aligned = (name: string): Copy => ({
  name,
  shape: ({ rows, cols }) => [rows, cols],
  // The padding gets what follows the row, or whatever a read beyond the tensor gives. No product uses it.
  launch: ({ label, from, to }) =>
    elementwiseLaunch({
      label,
      inputs: { x: { ...from, cols: to.cols } },
      outputs: [{ to, value: "x" }],
    }),
});

const ALIGNED: Readonly<Record<Side, Copy>> = { a: aligned("A aligned"), b: aligned("B aligned") };
