import { kindOf, readOnce } from "./arguments.ts";
import { bytesPerElement, decode, type DType, DTYPES } from "./dtype.ts";
import { countOf, type Elements, store } from "./elements.ts";
import { assertGpu, type Gpu } from "./device.ts";
import type { Purpose } from "./ledger.ts";
import type { Memory } from "./memory.ts";

/** Bytes that a tensor of this many elements occupies on the device: a multiple of 4, never 0. */
export function storageBytes(elements: number, dtype: DType): number {
  return Math.max(4, Math.ceil(elements * bytesPerElement(dtype) / 4) * 4);
}

function checkedShape(shape: unknown, label: string): readonly number[] {
  const broken = (size: unknown) => !Number.isSafeInteger(size) || size as number < 0;
  // Unlike every(), findIndex() sees holes.
  if (Array.isArray(shape) && shape.findIndex(broken) < 0 && shape.at(-1) >= 1) return [...shape];
  const value = Array.isArray(shape) ? `[${Array.from(shape.slice(0, 16), kindOf)}]` : kindOf(shape);
  throw new RangeError(
    `Cannot make ${label} as its shape must be whole numbers, the last from 1 up: current value is ${value}`,
  );
}

function checkedDtype(dtype: unknown, label: string): DType {
  const known = DTYPES.find((each) => each === dtype);
  if (known) return known;
  throw new RangeError(
    `Cannot make ${label} as dtype must be one of ${DTYPES.join(", ")}: current value is ${kindOf(dtype)}`,
  );
}

/** Reads and checks how a caller's tensor is stored. The options may hold anything. */
function storageOf(
  options: unknown,
  names: readonly ("dtype" | "label" | "byteOffset")[],
): { dtype: DType; label: string; byteOffset: unknown } {
  const { dtype = "float32", label = "tensor", byteOffset = 0 } = readOnce("options", options, names);
  if (typeof label === "string") return { dtype: checkedDtype(dtype, label), label, byteOffset };
  throw new TypeError(`Cannot use label as it must be a string: current value is ${kindOf(label)}`);
}

const isOffset = (value: unknown, alignment: number): value is number =>
  Number.isSafeInteger(value) && value as number >= 0 && value as number % alignment === 0;

/** Checks that a caller's buffer can be bound, up to the byte `end`. */
function checkBuffer(buffer: GPUBuffer, { label, end }: { label: string; end: number }): void {
  if (typeof buffer?.size !== "number" || typeof buffer.usage !== "number") {
    throw new TypeError(
      `Cannot wrap ${label} as buffer must be a GPUBuffer: current value is ${kindOf(buffer)}`,
    );
  }
  if ((buffer.usage & 0x80) === 0) { // GPUBufferUsage.STORAGE
    throw new RangeError(
      `Cannot wrap ${label} as buffer.usage must include STORAGE: current value is ${buffer.usage}`,
    );
  }
  if (end <= buffer.size) return;
  throw new RangeError(
    `Cannot wrap ${label} as buffer must hold its bytes up to ${end}: current value is ${buffer.size}`,
  );
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How a {@linkcode Tensor} is made. */
export interface TensorInit {
  /** Whole numbers, outermost first. All but the last may be 0, which makes a tensor without elements. */
  shape: readonly number[];
  /** Storage type of the elements. */
  dtype: DType;
  /** What the ledger counts it as. */
  purpose: Purpose;
  /** Shown by error messages and GPU debuggers. */
  label: string;
  /** The caller's encoder that it is made for; without it, for work that is submitted at once. */
  encoder?: GPUCommandEncoder;
}

/**
 * The memory of a Gpu. Buffers that wait beyond the pool's bound are destroyed first, as nothing is being recorded
 * here.
 */
function roomIn(gpu: Gpu): Gpu["memory"] {
  assertGpu(gpu);
  gpu.memory.evict();
  return gpu.memory;
}

/**
 * A row-major array on the device: shape, dtype and the GPUBuffer that holds it.
 *
 * bfloat16 and float16 are packed two to a 32-bit word, little-endian.
 *
 * @example From values, to the device and back
 * ```ts
 * import { requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * using tensor = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2], { dtype: "bfloat16", label: "x" });
 * console.log(tensor.shape, tensor.byteLength, await tensor.read()); // [2, 2] 8 [1, 2, 3, 4]
 * ```
 */
export class Tensor {
  #shape: readonly number[];
  /** Storage type of the elements. */
  readonly dtype: DType;
  /** Shown by error messages and GPU debuggers. */
  readonly label: string;
  /** Bytes on the device. */
  readonly byteLength: number;
  /** Where the first element lies in `buffer`, in bytes. */
  readonly byteOffset: number;
  readonly #memory: Memory;
  readonly #borrowed: boolean;
  readonly #purpose: Purpose;
  #buffer: GPUBuffer | null;
  #disposed = false;

  /**
   * Takes bytes from `memory`, or borrows `external`, a caller's buffer that stays the caller's.
   *
   * @internal Users make tensors by {@linkcode Tensor.from}, {@linkcode Tensor.empty} or {@linkcode Tensor.wrap}.
   */
  constructor(memory: Memory, init: TensorInit, external?: { buffer: GPUBuffer | null; byteOffset: number }) {
    this.#shape = checkedShape(init.shape, init.label);
    this.dtype = checkedDtype(init.dtype, init.label);
    this.label = init.label;
    this.byteLength = storageBytes(this.length, init.dtype);
    this.#memory = memory;
    this.#purpose = init.purpose;
    this.#borrowed = external !== undefined;
    this.byteOffset = external?.byteOffset ?? 0;
    this.#buffer = external ? external.buffer : memory.acquire(this.byteLength, init);
  }

  /**
   * Makes a tensor with these values. Numbers are rounded once, to nearest even, if dtype is narrower. Bits and bytes are
   * kept.
   *
   * @throws {TypeError} If gpu is no Gpu, values is no such array, values holds bits and dtype is float32, or options
   * has a property other than dtype and label.
   * @throws {RangeError} If the shape does not hold as many elements as there are values, or there is no such dtype.
   * @throws {OutOfMemoryError} If it is larger than a buffer of the device can be.
   */
  static from(
    gpu: Gpu,
    values: Elements,
    shape: readonly number[],
    options: { dtype?: DType; label?: string } = {},
  ): Tensor {
    const { dtype, label } = storageOf(options, ["dtype", "label"]);
    const sizes = checkedShape(shape, label);
    const count = elementsOf(sizes);
    const given = countOf(values, dtype);
    if (count !== given) {
      throw new RangeError(
        `Cannot make ${label} as values must be the ${count} elements of shape [${sizes}]: current value is ${
          kindOf(given)
        }`,
      );
    }
    const bytes = store(values, dtype, label);
    const tensor = new Tensor(roomIn(gpu), { shape: sizes, dtype, purpose: "input", label });
    tensor.#memory.upload(tensor.buffer, 0, bytes);
    return tensor;
  }

  /**
   * Makes a tensor that holds zeros, or whatever a reused buffer held. Write it before you read it.
   *
   * @throws {TypeError} If gpu is no Gpu, or options has a property other than dtype and label.
   * @throws {RangeError} If a size of `shape` is not a whole number, the last is 0, or there is no such dtype.
   * @throws {OutOfMemoryError} If it is larger than the device's largest buffer.
   */
  static empty(
    gpu: Gpu,
    shape: readonly number[],
    options: { dtype?: DType; label?: string } = {},
  ): Tensor {
    const { dtype, label } = storageOf(options, ["dtype", "label"]);
    return new Tensor(roomIn(gpu), { shape, dtype, purpose: "input", label });
  }

  /**
   * Makes a tensor in a caller's buffer. The buffer stays the caller's: disposing the tensor leaves it as it is.
   *
   * @param options `byteOffset` is where the first element lies, a multiple of the device's
   * `minStorageBufferOffsetAlignment`.
   * @throws {TypeError} If gpu is no Gpu, `buffer` is no GPUBuffer, or options has another property.
   * @throws {RangeError} If the buffer is too small or no storage buffer, or `byteOffset` no such multiple.
   */
  static wrap(
    gpu: Gpu,
    buffer: GPUBuffer,
    shape: readonly number[],
    options: { dtype?: DType; byteOffset?: number; label?: string } = {},
  ): Tensor {
    assertGpu(gpu);
    const { dtype, label, byteOffset } = storageOf(options, ["dtype", "byteOffset", "label"]);
    const sizes = checkedShape(shape, label);
    const alignment = gpu.capabilities.minStorageBufferOffsetAlignment;
    if (!isOffset(byteOffset, alignment)) {
      throw new RangeError(
        `Cannot wrap ${label} as byteOffset must be a multiple of ${alignment} (minStorageBufferOffsetAlignment): ` +
          `current value is ${kindOf(byteOffset)}`,
      );
    }
    checkBuffer(buffer, { label, end: byteOffset + storageBytes(elementsOf(sizes), dtype) });
    return new Tensor(gpu.memory, { shape: sizes, dtype, purpose: "input", label }, { buffer, byteOffset });
  }

  /** Sizes of the dimensions, outermost first. */
  get shape(): readonly number[] {
    return this.#shape;
  }

  /**
   * Gives the same elements another shape, in place.
   *
   * @throws {RangeError} If it does not hold as many elements.
   */
  reshape(shape: readonly number[]): this {
    const sizes = checkedShape(shape, this.label);
    if (elementsOf(sizes) !== this.length) {
      throw new RangeError(
        `Cannot reshape ${this.label} as it has ${this.length} elements: current value is [${sizes}]`,
      );
    }
    this.#shape = sizes;
    return this;
  }

  /**
   * Some of the elements, from the byte `byteOffset` on, as a tensor that borrows their bytes. A kernel can bind it if the
   * offset is a multiple of the device's `minStorageBufferOffsetAlignment`.
   *
   * @internal
   */
  part(shape: readonly number[], byteOffset: number): Tensor {
    const init = { shape, dtype: this.dtype, purpose: this.#purpose, label: this.label };
    const place = { buffer: this.#buffer, byteOffset: this.byteOffset + byteOffset };
    return new Tensor(this.#memory, init, place);
  }

  /** Number of elements. */
  get length(): number {
    return elementsOf(this.shape);
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

  /**
   * The memory that it was made in. It tells tensors of different devices apart, which never meet in one call.
   *
   * @internal
   */
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

  /**
   * Frees the bytes. A borrowed buffer stays as it is. Work that is recorded but not submitted yet keeps the bytes
   * until {@linkcode Gpu.submitted}. Disposing twice does nothing.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#borrowed) this.#memory.release(this.#buffer, this.byteLength, this.#purpose);
    this.#buffer = null;
  }

  /** As {@linkcode Tensor.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Replaces the elements, as {@linkcode Tensor.from} would store them. A caller's buffer needs COPY_DST for it.
   *
   * @throws {RangeError} If there are more or fewer values than elements.
   * @throws {TypeError} If its dtype cannot store the values, or the tensor is disposed. If it lies in a caller's
   * buffer and has an odd number of 16-bit elements: its last word then holds a neighbour's element too. If a caller's
   * encoder uses its buffer and is not submitted yet: what was recorded would run on the new values.
   */
  write(values: Elements): void {
    const given = countOf(values, this.dtype);
    if (given !== this.length) {
      throw new RangeError(
        `Cannot write ${this.label} as values must have ${this.length} elements: current value is ${
          kindOf(given)
        }`,
      );
    }
    const bytes = store(values, this.dtype, this.label);
    if (this.#borrowed && bytes.length > this.length * bytesPerElement(this.dtype)) {
      throw new TypeError(
        `Cannot write ${this.label} as a caller's buffer is written in words of 4 bytes: ` +
          `current value is ${this.length} elements of ${this.dtype}`,
      );
    }
    this.#memory.upload(this.buffer, this.byteOffset, bytes, this.label);
  }

  /**
   * Copies the elements to the CPU, widened to float32. Waits for all submitted work that writes them. A caller's buffer
   * needs COPY_SRC for it.
   *
   * @throws {TypeError} If the tensor is disposed, or the encoder that writes it is not submitted yet, or never was
   * although {@linkcode Gpu.submitted} was called.
   * @throws {OutOfMemoryError} If the device had no room for the work that makes it, or for the copy.
   * @throws {Error} If the device found a fault in any work since the last report, or is lost.
   */
  async read(): Promise<Float32Array> {
    const { buffer, byteOffset, byteLength, label, dtype, length } = this;
    return decode(await this.#memory.download(buffer, byteOffset, byteLength, label), dtype, length);
  }
}
