/** Matrices inside larger tensors, with offsets and strides of every kind. Poison or guards surround them. */
import { type DType, encode, roundTo } from "../../../kernels/gpu/dtype.ts";
import type { Gpu } from "../../../kernels/gpu/device.ts";
import type { Tensor } from "../../../kernels/gpu/tensor.ts";
import type { RandomSource } from "../../../bench/timing/random.ts";
import type { View } from "../../../kernels/view.ts";
import { upload } from "../../gpu.ts";

/** Matrices of one shape, as the operands of one side of a product are. */
export interface PlacedInit {
  /** Row-major values of each matrix. */
  readonly matrices: readonly Float32Array[];
  readonly rows: number;
  readonly cols: number;
  readonly dtype: DType;
  /** Whether vectors of four may be used on them. */
  readonly aligned: boolean;
  /** Whether all lie side by side in one tensor, as gate and up of a combined weight do. */
  readonly together: boolean;
  /** What surrounds them: NaN and infinities, or numbers. */
  readonly around: "poison" | "guard";
  readonly random: RandomSource;
}

/** A tensor on the device with its content on the CPU. */
interface Placed {
  readonly tensor: Tensor;
  readonly content: Float32Array;
}

/** Matrices placed into tensors. */
export interface Operands {
  readonly views: readonly View[];
  readonly placed: readonly Placed[];
}

/** A whole number from 0 to `limit` - 1. */
export function below(random: RandomSource, limit: number): number {
  return Math.floor(random() * limit);
}

/** Uploads matrices into tensors of their own, or into one, at a random place that is aligned or not. */
export function place(gpu: Gpu, init: PlacedInit): Operands {
  const { matrices, rows, cols, together } = init;
  const perTensor = together ? matrices.length : 1;
  const { offset, step, length } = layOut(init, perTensor);
  const tensors = Array.from({ length: matrices.length / perTensor }, (_, t) => {
    const content = surroundings(length, init);
    const own = matrices.slice(t * perTensor, (t + 1) * perTensor);
    own.forEach((matrix, i) => {
      for (let row = 0; row < rows; row++) {
        const start = offset + row * step * perTensor + i * step;
        content.set(matrix.subarray(row * cols, (row + 1) * cols), start);
      }
    });
    const rounded = roundTo(content, init.dtype);
    return { tensor: upload(gpu, rounded, { dtype: init.dtype }), content: rounded };
  });
  const views = matrices.map((_, i) => ({
    tensor: tensors[Math.floor(i / perTensor)].tensor,
    rows,
    cols,
    stride: step * perTensor,
    offset: offset + (i % perTensor) * step,
  }));
  return { views, placed: tensors };
}

/** Offset of the first matrix, elements from one to the next in a row, and elements of the tensor. */
function layOut({ rows, cols, aligned, random }: PlacedInit, perTensor: number) {
  const up = (size: number) => aligned ? Math.ceil(size / 4) * 4 : size;
  const unit = aligned ? 4 : 1;
  const step = up(cols) + unit * below(random, 3);
  const oddRows = rows > 1 && (step * perTensor) % 4 !== 0;
  // A first row at a multiple of four makes a matrix unaligned only if its other rows begin elsewhere.
  const offset = aligned ? 4 * below(random, 3) : oddRows ? below(random, 4) : 1 + below(random, 3);
  const end = offset + (rows - 1) * step * perTensor + (perTensor - 1) * step + up(cols);
  return { offset, step, length: end + unit * below(random, 3) };
}

const POISON = [NaN, Infinity, -Infinity];

function surroundings(length: number, { around }: PlacedInit): Float32Array {
  return Float32Array.from({ length }, (_, i) => around === "poison" ? POISON[i % 3] : i % 97 - 48);
}

/** The bytes that tensors hold once their views hold these matrices, and nothing else has changed. */
export function bytesWith({ views, placed }: Operands, matrices: readonly Float32Array[]): Uint8Array[] {
  return placed.map(({ tensor, content }) => {
    const expected = content.slice();
    views.forEach((view, i) => {
      if (view.tensor !== tensor) return;
      for (let row = 0; row < view.rows; row++) {
        const values = matrices[i].subarray(row * view.cols, (row + 1) * view.cols);
        expected.set(values, view.offset + row * view.stride);
      }
    });
    return encode(expected, tensor.dtype);
  });
}

/** Disposes the tensors of operands. */
export function dispose(...operands: readonly Operands[]): void {
  for (const { placed } of operands) for (const { tensor } of placed) tensor.dispose();
}
