/**
 * Storage type of a tensor's elements.
 *
 * @example Half the bytes
 * ```ts
 * import { type DType, requestGpu, Tensor } from "@swiglu/webgpu";
 *
 * using gpu = await requestGpu();
 * const dtype: DType = "float16";
 * using tensor = Tensor.empty(gpu, [128, 128], { dtype });
 * console.log(tensor.byteLength); // 32768
 * ```
 */
export type DType = "float32" | "float16" | "bfloat16";

/** All storage types, widest first. */
export const DTYPES: readonly DType[] = ["float32", "float16", "bfloat16"];

/** How {@linkcode encode}, {@linkcode decode} and {@linkcode roundTo} convert. */
export interface ConversionOptions {
  /** The engine's own half-precision array, or null to convert in integers. Default: the engine's, if it has one. */
  float16Array?: typeof Float16Array | null;
}

/** float32 bits of infinity. Without the sign, the bits of every NaN are above these. */
const INFINITY_BITS = 0x7f800000;

/** float32 bits of 2^-14, the smallest normal float16. */
const SMALLEST_NORMAL_BITS = 0x38800000;

/** float32 bits of 2^16. From there on, every number is infinite in float16. */
const OVERFLOW_BITS = 0x47800000;

/** Difference of the exponent biases, 127 - 15, at float32's place. */
const REBIAS_BITS = (127 - 15) << 23;

/** Bytes that one element takes. */
export function bytesPerElement(dtype: DType): number {
  return dtype === "float32" ? 4 : 2;
}

/**
 * Stores numbers as a dtype. Each is rounded once, to nearest, ties to even. Beyond the largest finite number it
 * becomes infinite.
 *
 * @returns Little-endian bytes, padded with zeros to a multiple of 4. A Float32Array as float32 is viewed, not copied.
 */
export function encode(
  numbers: Float32Array | Float64Array,
  dtype: DType,
  options?: ConversionOptions,
): Uint8Array {
  const values = numbers instanceof Float32Array
    ? numbers
    : dtype === "float32"
    ? Float32Array.from(numbers)
    : roundedToOdd(numbers);
  if (dtype === "float32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = dtype === "float16" ? new Uint16Array(paddedLength(values)) : bfloat16Bits(values);
  if (dtype === "float16") writeFloat16(values, halves, options);
  return new Uint8Array(halves.buffer);
}

/**
 * Widens stored elements to float32, which holds each of them exactly.
 *
 * @param length Number of elements; padding behind them is left out.
 * @returns The numbers. float32 is a view of `bytes`, where they are aligned, not a copy.
 * @throws {RangeError} If there are fewer bytes than `length` elements take.
 */
export function decode(
  bytes: Uint8Array,
  dtype: DType,
  length: number,
  options?: ConversionOptions,
): Float32Array {
  const needed = length * bytesPerElement(dtype);
  if (bytes.byteLength < needed) {
    throw new RangeError(
      `Cannot decode ${length} elements of ${dtype} as bytes must hold ${needed}: current value is ${bytes.byteLength}`,
    );
  }
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice(0, needed);
  const { buffer, byteOffset } = aligned;
  if (dtype === "float32") return new Float32Array(buffer, byteOffset, length);
  const halves = new Uint16Array(buffer, byteOffset, length);
  return dtype === "float16" ? widenFloat16(halves, options) : widenBfloat16(halves);
}

/** The nearest numbers that a dtype can store, as a new array: what {@linkcode decode} gives after {@linkcode encode}. */
export function roundTo(values: Float32Array, dtype: DType, options?: ConversionOptions): Float32Array {
  if (dtype === "float32") return values.slice();
  return decode(encode(values, dtype, options), dtype, values.length, options);
}

/**
 * Rounds numbers to float32 as the first of two steps to 16 bits. It rounds to odd: if float32 does not hold a number,
 * the neighbour whose last bit is 1 is taken. Rounding to nearest in both steps would be wrong, because a number just
 * beside a halfway point could fall on it first and then to the wrong side. An odd number is no halfway point, as those
 * end in 0 (https://inria.hal.science/inria-00080427).
 */
function roundedToOdd(numbers: Float64Array): Float32Array {
  const values = Float32Array.from(numbers);
  const bits = bitsOf(values);
  for (let i = 0; i < bits.length; i++) {
    const [value, number] = [values[i], numbers[i]];
    if (value === number || Number.isNaN(number) || bits[i] & 1) continue;
    bits[i] += Math.abs(number) > Math.abs(value) ? 1 : -1; // sign and magnitude: the next bits are the next number
  }
  return values;
}

/** The number of elements, made even, as two of them fill a 32-bit word. */
function paddedLength(values: Float32Array): number {
  return Math.ceil(values.length / 2) * 2;
}

function engineFloat16Array(options?: ConversionOptions): typeof Float16Array | null {
  if (options?.float16Array !== undefined) return options.float16Array;
  return typeof Float16Array === "function" ? Float16Array : null;
}

/** Bits of a float32 array, signed so that the loops below stay in 32-bit integers. */
function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

/** Rounds to the upper half of float32. NaN goes apart, as rounding could carry its payload into infinity or zero. */
function bfloat16Bits(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halves = new Uint16Array(paddedLength(values));
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i];
    const isNaN = (word & 0x7fffffff) > INFINITY_BITS;
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

function widenBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Int32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return new Float32Array(bits.buffer);
}

function writeFloat16(values: Float32Array, halves: Uint16Array, options?: ConversionOptions): void {
  const engine = engineFloat16Array(options);
  if (engine) return new engine(halves.buffer).set(values);
  const bits = bitsOf(values);
  for (let i = 0; i < bits.length; i++) halves[i] = float16Bits(values[i], bits[i]);
}

/** One number as float16; `bits` are its float32 bits. */
function float16Bits(value: number, bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > INFINITY_BITS) return sign | 0x7e00;
  if (magnitude >= OVERFLOW_BITS) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL_BITS) return sign | subnormalBits(Math.abs(value));
  // A carry out of the mantissa raises the exponent, and out of the largest exponent it gives infinity. Both are right.
  return sign | ((magnitude - REBIAS_BITS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** A subnormal counts units of 2^-24. Adding and subtracting 2^52 rounds a float64 to a whole number, ties to even. */
function subnormalBits(magnitude: number): number {
  return magnitude * 2 ** 24 + 2 ** 52 - 2 ** 52;
}

function widenFloat16(halves: Uint16Array, options?: ConversionOptions): Float32Array {
  const engine = engineFloat16Array(options);
  if (engine) return new Float32Array(new engine(halves.buffer, halves.byteOffset, halves.length));
  const values = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) values[i] = float16Value(halves[i]);
  return values;
}

function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return mantissa ? NaN : sign * Infinity;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * POWERS_OF_TWO[exponent];
}

/** The unit in the last place of each float16 exponent. Entry 0 is not used. */
const POWERS_OF_TWO = Float64Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25));
