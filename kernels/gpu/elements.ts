import { kindOf } from "./arguments.ts";
import { bytesPerElement, type DType, encode } from "./dtype.ts";

/**
 * Values that a tensor can be filled with: numbers, the bits of float16 or bfloat16 in a `Uint16Array`, or the bytes of any
 * dtype in a `Uint8Array`, as files of weights store them: little-endian, from any offset on.
 *
 * @example bfloat16 weights as a safetensors file stores them
 * ```ts
 * import { type Elements, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const file = Uint8Array.of(0, 0x80, 0x3f, 0x20, 0xc0); // a byte of something else, then two elements
 * const bytes: Elements = file.subarray(1);
 * using tensor = Tensor.from(gpu, bytes, [2], { dtype: "bfloat16" });
 * console.log(await tensor.read()); // [1, -2.5]
 * ```
 */
export type Elements = Float32Array | Float64Array | Float16Array | Uint16Array | Uint8Array;

/** How many elements of a dtype values are. Bytes may be a part of one, which makes the count no whole number. */
export function countOf(values: Elements, dtype: DType): number {
  return values instanceof Uint8Array ? values.length / bytesPerElement(dtype) : values?.length;
}

/**
 * Stores values as a dtype: numbers are rounded once, to nearest even; bits and bytes are kept.
 *
 * @returns Little-endian bytes, padded with zeros to a multiple of 4.
 * @throws {TypeError} If values is no such array, or has bits where dtype is float32.
 */
export function store(values: Elements, dtype: DType, label: string): Uint8Array {
  if (values instanceof Float32Array || values instanceof Float64Array) return encode(values, dtype);
  if (values instanceof Uint8Array) return paddedToWords(values);
  const isHalves = typeof Float16Array === "function" && values instanceof Float16Array;
  if (isHalves && dtype !== "float16") return encode(Float32Array.from(values), dtype);
  if (!isHalves && !(values instanceof Uint16Array)) {
    throw new TypeError(
      `Cannot fill ${label} as values must be a Float32Array, Float64Array, Float16Array, Uint16Array or Uint8Array: ` +
        `current value is ${kindOf(values)}`,
    );
  }
  if (dtype === "float32") {
    throw new TypeError(
      `Cannot fill ${label} as a Uint16Array holds bits of float16 or bfloat16: current value of dtype is float32`,
    );
  }
  const bits = new Uint16Array(Math.ceil(values.length / 2) * 2);
  bits.set(new Uint16Array(values.buffer, values.byteOffset, values.length));
  return new Uint8Array(bits.buffer);
}

/** Bytes as they are where they fill words, else a copy. */
function paddedToWords(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
}
