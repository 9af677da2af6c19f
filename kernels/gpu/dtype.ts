/** Storage type of a tensor's elements. */
export type DType = "float32" | "float16" | "bfloat16";
export function bytesPerElement(dtype: DType): number {
  return dtype === "float32" ? 4 : 2;
}
function bf(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (w) => (w & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (w + 0x7fff + ((w >>> 16) & 1)) >>> 16);
}
export function encode(values: Float32Array, dtype: DType): Uint8Array {
  if (dtype === "float32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const half = dtype === "float16" ? new Float16Array(values) : bf(values);
  const out = new Uint8Array(Math.ceil(half.byteLength / 4) * 4);
  out.set(new Uint8Array(half.buffer));
  return out;
}
export function decode(bytes: Uint8Array, dtype: DType, length: number): Float32Array {
  if (dtype === "float32") return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  if (dtype === "float16") return Float32Array.from(new Float16Array(bytes.buffer, bytes.byteOffset, length));
  const words = new Uint32Array(length);
  const src = new Uint16Array(bytes.buffer, bytes.byteOffset, length);
  for (let i = 0; i < length; i++) words[i] = src[i] << 16;
  return new Float32Array(words.buffer);
}
