import { elementwise } from "../elementwise.ts";
import type { Capabilities } from "../gpu/device.ts";
import type { Recorder } from "../gpu/recorder.ts";
import { storageBytes, type Tensor } from "../gpu/tensor.ts";
import { transpose } from "../transpose.ts";
import { isAligned, isBindable, matrix, type View } from "../view.ts";
import { addsInPlace, columnsApart, productsApart } from "./parts.ts";
import { type Multiply, shapeToChooseBy, type Sized } from "./request.ts";

type Side = "a" | "b";

/**
 * Uses of each element from which it pays to copy an operand whose rows vectors of four do not fit: 4 bytes read and 4
 * written take 2 ps at 4 TB/s; vectors save 15 % of each use's 2 FLOP at 50 TFLOP/s, 6 fs. That is 333 uses where one
 * operand is copied, and twice as many where the saving is of two.
 */
const LEAST_USES = 512;

/**
 * Records a product whose operands are first copied where that makes it faster: each B transposed where the choice says so,
 * and rows that begin anywhere so that they begin at multiples of 4. Copies are workspaces that end with the product;
 * what can be multiplied one after the other then is, so that no more of them live at once than one launch needs.
 *
 * @throws {RangeError} If B is to be transposed and the layout is not nt.
 */
export function withCopies(
  recorder: Recorder,
  sized: Sized,
  { transposeB = false, multiply }: { transposeB?: boolean; multiply: Multiply },
): void {
  const { label, layout } = sized;
  if (transposeB && layout !== "nt") {
    throw new RangeError(
      `Cannot compute ${label} with B transposed as layout must be nt: current value is ${layout}`,
    );
  }
  const transposes = transposeB && sized.b.every((view) => fitsTransposed(recorder, view));
  const copiesB = (part: Sized) => transposes || aligns(recorder, part, "b");
  const copies = copiesB(sized) || aligns(recorder, sized, "a");
  for (const product of copies && addsInPlace(sized) ? productsApart(sized) : [sized]) {
    withAligned(recorder, product, "a", (ready) => {
      for (const part of copiesB(ready) ? columnsApart(ready) : [ready]) {
        if (transposes) copied(recorder, part, TRANSPOSED_B, multiply);
        else withAligned(recorder, part, "b", multiply);
      }
    });
  }
}

function withAligned(recorder: Recorder, sized: Sized, side: Side, multiply: Multiply): void {
  if (aligns(recorder, sized, side)) copied(recorder, sized, ALIGNED[side], multiply);
  else multiply(sized);
}

/** Whether the operands of a side are copied into aligned rows: all or none, as they have one stride. */
function aligns({ capabilities }: Recorder, sized: Sized, side: Side): boolean {
  const { m, n } = shapeToChooseBy(sized);
  const uses = side === "a" ? n : m;
  if (uses < LEAST_USES || sized[side].every(isAligned)) return false;
  return sized[side].every((view) =>
    fits(capabilities, view, view.rows * padded(view.cols)) && isBindable(withPadding(view), capabilities)
  );
}

const fitsTransposed = ({ capabilities }: Recorder, view: View) =>
  fits(capabilities, view, view.cols * padded(view.rows));

/** What fits the device as it is stored must not fail for its copy, of so many elements. */
function fits(
  { maxBufferSize, maxStorageBufferBindingSize }: Capabilities,
  { tensor }: View,
  length: number,
): boolean {
  return storageBytes(length, tensor.dtype) <= Math.min(maxBufferSize, maxStorageBufferBindingSize);
}

const padded = (cols: number) => Math.ceil(cols / 4) * 4;

const withPadding = (view: View): View => ({ ...view, cols: padded(view.cols) });

/** A way to copy the operands of a side. */
interface Way {
  readonly side: Side;
  /** What a copy is called in reports. */
  readonly name: string;
  /** Rows and columns of the copy, which is as wide as whole vectors are. */
  shape(from: View): readonly [number, number];
  record(recorder: Recorder, op: { label: string; from: View; to: View }): void;
  /** What the copies change of the product besides its operands. */
  readonly change?: Partial<Sized>;
}

const TRANSPOSED_B: Way = {
  side: "b",
  name: "B transposed",
  shape: ({ rows, cols }) => [cols, rows],
  record: transpose,
  change: { layout: "nn" },
};

const aligned = (side: Side, name: string): Way => ({
  side,
  name,
  shape: ({ rows, cols }) => [rows, cols],
  // Beyond a row's end it copies what follows there, or what a read beyond the tensor gives: no product uses either.
  record: (recorder, { label, from, to }) =>
    elementwise(recorder, { label, inputs: { x: withPadding(from) }, outputs: [{ to, value: "x" }] }),
});

const ALIGNED: Readonly<Record<Side, Way>> = { a: aligned("a", "A aligned"), b: aligned("b", "B aligned") };

function copied(recorder: Recorder, sized: Sized, way: Way, multiply: Multiply): void {
  const copies: Tensor[] = [];
  try {
    const views = sized[way.side].map((from) => {
      const [rows, cols] = way.shape(from);
      const as = { purpose: "workspace", label: way.name } as const;
      const copy = recorder.empty([rows, padded(cols)], from.tensor.dtype, as);
      copies.push(copy);
      way.record(recorder, { label: `${sized.label}: ${way.name}`, from, to: matrix(copy) });
      return { ...matrix(copy), cols };
    });
    multiply({ ...sized, ...way.change, [way.side]: views });
  } finally {
    for (const copy of copies) copy.dispose();
  }
}
