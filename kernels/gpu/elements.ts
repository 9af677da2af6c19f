import { kindOf } from "./arguments.ts";
import { type DType, encode } from "./dtype.ts";

/**
 * Values that a tensor can be filled with: numbers, or the bits of float16 or bfloat16 in a `Uint16Array`, as files of
 * weights store them.
 *
 * @example bfloat16 weights as a safetensors file stores them
 * ```ts
 * import { type Elements, requestGpu, Tensor } from "../../mod.ts";
 *
 * using gpu = await requestGpu();
 * const bits: Elements = Uint16Array.of(0x3f80, 0xc020);
 * using tensor = Tensor.from(gpu, bits, [2], { dtype: "bfloat16" });
 * console.log(await tensor.read()); // [1, -2.5]
 * ```
 */
export type Elements = Float32Array | Float64Array | Float16Array | Uint16Array;

/**
 * Stores values as a dtype: numbers are rounded once, to nearest even; bits are kept.
 *
 * @returns Little-endian bytes, padded with zeros to a multiple of 4.
 * @throws {TypeError} If values is no such array, or has bits where dtype is float32.
 */
export function store(values: Elements, dtype: DType, label: string): Uint8Array {
  if (values instanceof Float32Array || values instanceof Float64Array) return encode(values, dtype);
  const isHalves = typeof Float16Array === "function" && values instanceof Float16Array;
  if (isHalves && dtype !== "float16") return encode(Float32Array.from(values), dtype);
  if (!isHalves && !(values instanceof Uint16Array)) {
    throw new TypeError(
      `Cannot fill ${label} as values must be a Float32Array, Float64Array, Float16Array or Uint16Array: ` +
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
