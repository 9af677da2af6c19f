import { bytesPerElement, type DType } from "./gpu/dtype.ts";
import type { Binding } from "./gpu/dispatch.ts";
import { LimitError } from "./gpu/limits.ts";
import type { Tensor } from "./gpu/tensor.ts";
import type { Capabilities } from "./gpu/capabilities.ts";

/** A row-major matrix inside a tensor: rows of `cols` elements, `stride` elements apart. */
export interface View {
  /** Whose elements these are. */
  readonly tensor: Tensor;
  /** Number of rows. */
  readonly rows: number;
  /** Elements of a row. */
  readonly cols: number;
  /** Elements from one row's start to the next's. */
  readonly stride: number;
  /** Elements from the tensor's start to the first. */
  readonly offset: number;
  /** Elements from one to the next of a row. Products take no other than 1. Default: 1. */
  readonly step?: number;
  /**
   * Whether products take it for the transpose of these rows, as a weight [out, in] is. The kernels of elements look at
   * the rows as they are. Default: false.
   */
  readonly transposed?: boolean;
}

/** The whole tensor as a matrix, its leading dimensions merged into rows. */
export function matrix(tensor: Tensor): View {
  return { tensor, rows: tensor.rows, cols: tensor.columns, stride: tensor.columns, offset: 0 };
}

/** All elements as one row. */
export function oneRow(tensor: Tensor): View {
  return { tensor, rows: 1, cols: tensor.length, stride: tensor.length, offset: 0 };
}

/** Columns `start` to `start + count` of a view. */
export function columnRange(view: View, start: number, count: number): View {
  return { ...view, offset: view.offset + start, cols: count };
}

/** Rows `start` to `start + count` of a view. */
export function rowRange(view: View, start: number, count: number): View {
  return { ...view, offset: view.offset + start * view.stride, rows: count };
}

/** The gate (first) and up (second) halves of a combined [D, 2, H] weight, or of [T, 2, H] pre-activations. */
export function halves(tensor: Tensor): { gate: View; up: View } {
  const [half] = tensor.shape.slice(-1);
  const count = tensor.length / (2 * half);
  const gate = { tensor, rows: count, cols: half, stride: 2 * half, offset: 0 };
  return { gate, up: { ...gate, offset: half } };
}

/** Elements that a view spans, from its first to its last. */
export function span(view: View): number {
  return (view.rows - 1) * view.stride + (view.cols - 1) * stepOf(view) + 1;
}

/** Elements from one to the next of a row. */
export function stepOf({ step = 1 }: View): number {
  return step;
}

/** True if groups of four elements along a row may be read as one vector, even the last group of the last row. */
export function isAligned(view: View): boolean {
  return isAlignedTo(view, 4);
}

/** As {@linkcode isAligned}, for groups of any size. */
export function isAlignedTo(view: View, group: number): boolean {
  const strides = stepOf(view) === 1 && (view.rows === 1 || view.stride % group === 0);
  const end = view.offset + Math.ceil(span(view) / group) * group;
  return strides && view.offset % group === 0 && end <= view.tensor.length;
}

/** Whether groups of four elements along a row may be written as one vector. */
export function isWriteAligned(view: View): boolean {
  return isAligned(view) && view.cols % 4 === 0;
}

/** Bytes of the elements of a view. */
export function viewBytes(view: View): number {
  return view.rows * view.cols * bytesPerElement(view.tensor.dtype);
}

/** Views bound to a kernel. Views of one tensor share a binding, as WebGPU forbids writable bindings that overlap. */
export interface BoundViews {
  /** One for each tensor, in order of first appearance. */
  readonly bindings: Binding[];
  /** The binding's index for each view. */
  readonly slots: number[];
  /** Elements from the binding's start to each view's first element. */
  readonly offsets: number[];
}

/**
 * Binds views, each tensor once: all of it, or only the bytes that its views need if it exceeds the device's limit.
 *
 * @throws {LimitError} If one binding would exceed the device's limit.
 */
export function bind(views: readonly View[], capabilities: Capabilities): BoundViews {
  const tensors = [...new Set(views.map((view) => view.tensor))];
  const ranges = tensors.map((tensor) =>
    rangeOf(views.filter((view) => view.tensor === tensor), capabilities)
  );
  const slots = views.map((view) => tensors.indexOf(view.tensor));
  const offsets = views.map((view, i) => view.offset - ranges[slots[i]].firstElement);
  return { bindings: tensors.map((tensor, i) => ({ tensor, ...ranges[i] })), slots, offsets };
}

/** As {@linkcode bind}, each view in a binding of its own: for views that are only read, or share no tensor. */
export function bindApart(views: readonly View[], capabilities: Capabilities): BoundViews {
  const bound = views.map((view) => bind([view], capabilities));
  return {
    bindings: bound.flatMap(({ bindings }) => bindings),
    slots: views.map((_, i) => i),
    offsets: bound.flatMap(({ offsets }) => offsets),
  };
}

/** Whether one binding holds all that a view needs. */
export function isBindable(view: View, capabilities: Capabilities): boolean {
  return needed([view], capabilities).byteLength <= capabilities.maxStorageBufferBindingSize;
}

function rangeOf(views: readonly View[], capabilities: Capabilities) {
  const range = needed(views, capabilities);
  const limit = capabilities.maxStorageBufferBindingSize;
  if (range.byteLength > limit) {
    const { label } = views[0].tensor;
    throw new LimitError(
      `Cannot bind ${label} as one binding holds at most ${limit} bytes (maxStorageBufferBindingSize): ` +
        `current value is ${range.byteLength}`,
    );
  }
  return range;
}

/**
 * The part to bind: the whole tensor if one binding holds it, else from the first byte that a view needs to the last.
 */
function needed(views: readonly View[], capabilities: Capabilities) {
  const { tensor } = views[0];
  const size = bytesPerElement(tensor.dtype);
  const limit = capabilities.maxStorageBufferBindingSize;
  let byteOffset = 0;
  let byteLength = tensor.byteLength;
  if (byteLength > limit) {
    const unit = Math.max(16, capabilities.minStorageBufferOffsetAlignment);
    const first = Math.min(...views.map((view) => view.offset)) * size;
    const end = Math.max(...views.map((view) => view.offset + span(view))) * size;
    byteOffset = Math.floor(first / unit) * unit;
    byteLength = Math.min(tensor.byteLength, Math.ceil(end / 16) * 16) - byteOffset;
  }
  return { byteOffset, byteLength, firstElement: byteOffset / size };
}

/** The element type shared by views. */
export function dtypeOf(views: readonly View[]): DType {
  const dtypes = [...new Set(views.map((view) => view.tensor.dtype))];
  if (dtypes.length !== 1) {
    throw new TypeError(
      `Cannot combine tensors as their dtypes must agree: current value is ${dtypes.join(", ")}`,
    );
  }
  return dtypes[0];
}
