import { bytesPerElement, decode, type DType, encode } from "./dtype.ts";
import type { Purpose } from "./ledger.ts";
import type { Memory } from "./memory.ts";

/** Bytes that a tensor of this many elements occupies on the device: a multiple of 4, never 0. */
export function storageBytes(elements: number, dtype: DType): number {
  return Math.max(4, Math.ceil(elements * bytesPerElement(dtype) / 4) * 4);
}

/** How a {@linkcode Tensor} is made. */
export interface TensorInit {
  /** Whole numbers from 1 up, outermost first. */
  shape: readonly number[];
  /** Storage type of the elements. */
  dtype: DType;
  /** What the ledger counts it as. */
  purpose: Purpose;
  /** Shown by error messages and GPU debuggers. */
  label: string;
}

/**
 * A row-major array on the device: shape, dtype and the GPUBuffer that holds it.
 *
 * bfloat16 and float16 are packed two to a 32-bit word, little-endian.
 */
export class Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly label: string;
  /** Bytes on the device. */
  readonly byteLength: number;
  /** Where the first element lies in `buffer`, in bytes. */
  readonly byteOffset: number;
  readonly #memory: Memory;
  readonly #borrowed: boolean;
  #purpose: Purpose;
  #buffer: GPUBuffer | null;
  #disposed = false;

  /** Takes bytes from `memory`, or borrows `external`, a caller's buffer that stays the caller's. */
  constructor(memory: Memory, init: TensorInit, external?: { buffer: GPUBuffer; byteOffset: number }) {
    this.shape = [...init.shape];
    this.dtype = init.dtype;
    this.label = init.label;
    this.byteLength = storageBytes(this.length, init.dtype);
    this.#memory = memory;
    this.#purpose = init.purpose;
    this.#borrowed = external !== undefined;
    this.byteOffset = external?.byteOffset ?? 0;
    this.#buffer = external?.buffer ?? memory.acquire(this.byteLength, init.purpose, init.label);
  }

  /** Number of elements. */
  get length(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Rows when all leading dimensions are merged: the product of all but the last. */
  get rows(): number {
    return this.length / this.columns;
  }

  /** Size of the last dimension. */
  get columns(): number {
    return this.shape[this.shape.length - 1];
  }

  /** Whether {@linkcode dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** What the ledger counts it as. */
  get purpose(): Purpose {
    return this.#purpose;
  }

  /** The memory it was made in: tensors of two devices never meet in one call. */
  get memory(): Memory {
    return this.#memory;
  }

  /**
   * The buffer on the device.
   *
   * @throws {TypeError} If the tensor is disposed, or belongs to a run that is only planned.
   */
  get buffer(): GPUBuffer {
    if (this.#disposed) throw new TypeError(`Cannot use ${this.label} as it is disposed`);
    if (!this.#buffer) throw new TypeError(`Cannot use ${this.label} as its run is only planned`);
    return this.#buffer;
  }

  /** Counts the tensor as something else from now on: g, saved by forward, becomes dg, a workspace. */
  repurpose(purpose: Purpose): void {
    if (this.#borrowed || this.#disposed || purpose === this.#purpose) return;
    this.#memory.ledger.remove(this.byteLength, this.#purpose);
    this.#memory.ledger.add(this.byteLength, purpose);
    this.#purpose = purpose;
  }

  /** Gives the bytes back; a borrowed buffer stays as it is. Disposing twice does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#borrowed) this.#memory.release(this.#buffer, this.byteLength, this.#purpose);
    this.#buffer = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Replaces the elements; values are rounded to nearest even where dtype is narrower than float32. */
  write(values: Float32Array): void {
    if (values.length !== this.length) {
      throw new RangeError(
        `Cannot write ${this.label} as values must have ${this.length} elements: current value is ${values.length}`,
      );
    }
    this.#memory.upload(this.buffer, this.byteOffset, encode(values, this.dtype));
  }

  /** Copies the elements to the CPU, widened to float32. Waits for all submitted work that writes them. */
  async read(): Promise<Float32Array> {
    return decode(
      await this.#memory.download(this.buffer, this.byteOffset, this.byteLength),
      this.dtype,
      this.length,
    );
  }
}
