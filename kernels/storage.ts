import type { DType } from "./gpu/dtype.ts";
import type { Access } from "./gpu/kernel.ts";
import { isAligned, isWriteAligned, type View } from "./view.ts";

/**
 * How a storage buffer is declared and accessed: four elements at a time, or one.
 *
 * 16-bit elements are packed two to a u32, so that shader-f16 is not needed. Loads widen them to f32.
 */
export interface Storage {
  readonly dtype: DType;
  readonly access: Access;
  /** Whether every access is four elements at a multiple of four. */
  readonly aligned: boolean;
  /** Whether loads give WGSL's own f16. It is for float16 that is only read, and needs shader-f16. */
  readonly half?: boolean;
  /** Elements of a word, if the buffer is also loaded by words: one or two of float32, two of a 16-bit type. */
  readonly words?: 1 | 2;
  /** For a 16-bit type: a WGSL condition under which elements are float32 instead. One kernel can thus write either. */
  readonly wideIf?: string;
}

/**
 * Declares each binding of some views. The first `inputs` views are read, the others written. A binding is aligned only
 * if all its views are, and writable if any of them is written.
 */
export function storagesOf(
  views: readonly View[],
  { slots, inputs }: { slots: readonly number[]; inputs: number },
): Storage[] {
  const count = Math.max(...slots) + 1;
  return Array.from({ length: count }, (_, slot) => {
    const own = views.map((view, i) => ({ view, output: i >= inputs })).filter((_, i) => slots[i] === slot);
    return {
      dtype: own[0].view.tensor.dtype,
      access: own.some(({ output }) => output) ? "read_write" : "read",
      aligned: own.every(({ view, output }) => output ? isWriteAligned(view) : isAligned(view)),
    };
  });
}

/**
 * WGSL that declares a buffer and the functions that access it:
 *
 * - `load_NAME(i)`, `load_one_NAME(i)`, `store_NAME(i, v)` and `store_one_NAME(i, v)`, where i counts elements.
 * - `vector_NAME(i)` of an aligned buffer, where i counts vectors of four.
 * - `load_word_NAME(i)` of a buffer loaded by words, where i counts elements.
 * - `word_NAME(i)` of an aligned buffer loaded by words, where i counts words.
 */
export function storageWgsl(name: string, binding: number, storage: Storage): string {
  const { access, dtype } = storage;
  const declare = (type: string) =>
    `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;`;
  if (storage.half) return half(name, declare, storage);
  if (storage.words && storage.aligned) {
    return dtype === "float32" ? words(name, declare, storage) : packedWords(name, declare, storage);
  }
  if (dtype === "float32") {
    return storage.aligned ? float32x4(name, declare, storage) : float32(name, declare, storage);
  }
  return storage.aligned ? packedx4(name, declare, storage) : packed(name, declare, storage);
}

type Declare = (type: string) => string;

function float32x4(name: string, declare: Declare, storage: Storage): string {
  return `${declare("vec4f")}
fn vector_${name}(i: u32) -> vec4f { return ${name}[i]; }
fn load_${name}(i: u32) -> vec4f { return ${name}[i >> 2u]; }
fn load_one_${name}(i: u32) -> f32 { return ${name}[i >> 2u][i & 3u]; }
${ifWritable(storage, `fn store_${name}(i: u32, v: vec4f) { ${name}[i >> 2u] = v; }`)}`;
}

/** An aligned buffer, declared as words so that loading one word moves no more than that. */
function words(name: string, declare: Declare, storage: Storage): string {
  const one = storage.words === 1;
  const word = (i: string, c: number) => `${name}[${one ? 4 : 2}u * (${i}) + ${c}u]`;
  const parts = one ? [0, 1, 2, 3] : [0, 1];
  const part = (c: number) => one ? `v[${c}]` : ["v.xy", "v.zw"][c];
  return `${declare(one ? "f32" : "vec2f")}
fn word_${name}(i: u32) -> ${one ? "f32" : "vec2f"} { return ${name}[i]; }
fn load_word_${name}(i: u32) -> ${one ? "f32" : "vec2f"} { return ${name}[${one ? "i" : "i >> 1u"}]; }
fn vector_${name}(i: u32) -> vec4f { return vec4f(${parts.map((c) => word("i", c)).join(", ")}); }
fn load_${name}(i: u32) -> vec4f { return vector_${name}(i >> 2u); }
fn load_one_${name}(i: u32) -> f32 { return ${name}[${one ? "i" : "i >> 1u][i & 1u"}]; }
${
    ifWritable(
      storage,
      `fn store_${name}(i: u32, v: vec4f) { ${
        parts.map((c) => `${word("i >> 2u", c)} = ${part(c)};`).join(" ")
      } }`,
    )
  }`;
}

function packedWords(name: string, declare: Declare, storage: Storage): string {
  const { dtype } = storage;
  return `${declare("u32")}
fn word_${name}(i: u32) -> vec2f { let w = ${name}[i]; return ${unpackPair(dtype, "w")}; }
fn load_word_${name}(i: u32) -> vec2f { return word_${name}(i >> 1u); }
fn vector_${name}(i: u32) -> vec4f { return vec4f(word_${name}(2u * i), word_${name}(2u * i + 1u)); }
fn load_${name}(i: u32) -> vec4f { return vector_${name}(i >> 2u); }
fn load_one_${name}(i: u32) -> f32 { return word_${name}(i >> 1u)[i & 1u]; }
${
    ifWritable(
      storage,
      `fn store_${name}(i: u32, v: vec4f) { ${name}[i >> 1u] = ${
        pack(dtype)
      }(v.xy); ${name}[(i >> 1u) + 1u] = ${pack(dtype)}(v.zw); }`,
    )
  }`;
}

function float32(name: string, declare: Declare, storage: Storage): string {
  const loadWord = {
    0: "",
    1: `fn load_word_${name}(i: u32) -> f32 { return ${name}[i]; }\n`,
    2: `fn load_word_${name}(i: u32) -> vec2f { return vec2f(${name}[i], ${name}[i + 1u]); }\n`,
  };
  return `${declare("f32")}
${loadWord[storage.words ?? 0]}fn load_${name}(i: u32) -> vec4f { return vec4f(${
    [0, 1, 2, 3].map((c) => `${name}[i + ${c}u]`).join(", ")
  }); }
fn load_one_${name}(i: u32) -> f32 { return ${name}[i]; }
${ifWritable(storage, `fn store_one_${name}(i: u32, v: f32) { ${name}[i] = v; }`)}`;
}

function half(name: string, declare: Declare, { aligned, words }: Storage): string {
  const elements = (count: number) =>
    Array.from({ length: count }, (_, c) => `${name}[i + ${c}u]`).join(", ");
  if (words && aligned) {
    return `${declare("vec2<f16>")}
fn word_${name}(i: u32) -> vec2<f16> { return ${name}[i]; }
fn load_word_${name}(i: u32) -> vec2<f16> { return ${name}[i >> 1u]; }
fn vector_${name}(i: u32) -> vec4<f16> { return vec4<f16>(${name}[2u * i], ${name}[2u * i + 1u]); }
fn load_${name}(i: u32) -> vec4<f16> { return vector_${name}(i >> 2u); }`;
  }
  return aligned
    ? `${declare("vec4<f16>")}
fn vector_${name}(i: u32) -> vec4<f16> { return ${name}[i]; }
fn load_${name}(i: u32) -> vec4<f16> { return ${name}[i >> 2u]; }`
    : `${declare("f16")}
${
      words
        ? `fn load_word_${name}(i: u32) -> vec2<f16> { return vec2<f16>(${elements(2)}); }\n`
        : ""
    }fn load_${name}(i: u32) -> vec4<f16> { return vec4<f16>(${elements(4)}); }`;
}

function packedx4(name: string, declare: Declare, storage: Storage): string {
  const { dtype } = storage;
  const [first, second] = ["w.x", "w.y"].map((word) => unpackPair(dtype, word));
  const pair = (index: string) => `bitcast<vec2f>(${name}[${index}])`;
  const loadWide = ifWide(storage, `return vec4f(${pair("2u * i")}, ${pair("2u * i + 1u")});`);
  const loadOneWide = ifWide(storage, `return ${pair("i >> 1u")}[i & 1u];`);
  const words = ["v.xy", "v.zw"].map((pair, c) => `${name}[(i >> 1u) + ${c}u] = bitcast<vec2u>(${pair});`);
  const storeWide = ifWide(storage, `${words.join(" ")} return;`);
  return `${declare("vec2u")}
fn vector_${name}(i: u32) -> vec4f {
  ${loadWide}let w = ${name}[i];
  return vec4f(${first}, ${second});
}
fn load_${name}(i: u32) -> vec4f { return vector_${name}(i >> 2u); }
fn load_one_${name}(i: u32) -> f32 {
  ${loadOneWide}let w = ${name}[i >> 2u][(i >> 1u) & 1u] >> ((i & 1u) * 16u);
  return (${unpackPair(dtype, "w")}).x;
}
${
    ifWritable(
      storage,
      `fn store_${name}(i: u32, v: vec4f) {
  ${storeWide}${name}[i >> 2u] = vec2u(${pack(dtype)}(v.xy), ${pack(dtype)}(v.zw));
}`,
    )
  }`;
}

function packed(name: string, declare: Declare, storage: Storage): string {
  const { dtype, access } = storage;
  // Two threads may share a word if rows have odd lengths, so each changes its half atomically.
  const atomic = access === "read_write";
  const word = (index: string) => atomic ? `atomicLoad(&${name}[${index}])` : `${name}[${index}]`;
  const loadWide = ifWide(storage, `return bitcast<f32>(${word("i")});`);
  const storeWide = ifWide(storage, `atomicStore(&${name}[i], bitcast<u32>(v)); return;`);
  return `${declare(atomic ? "atomic<u32>" : "u32")}
${
    storage.words
      ? `fn load_word_${name}(i: u32) -> vec2f { return vec2f(load_one_${name}(i), load_one_${name}(i + 1u)); }\n`
      : ""
  }fn load_one_${name}(i: u32) -> f32 {
  ${loadWide}let w = ${word("i >> 1u")} >> ((i & 1u) * 16u);
  return (${unpackPair(dtype, "w")}).x;
}
fn load_${name}(i: u32) -> vec4f {
  return vec4f(${[0, 1, 2, 3].map((c) => `load_one_${name}(i + ${c}u)`).join(", ")});
}
${
    ifWritable(
      storage,
      `fn store_one_${name}(i: u32, v: f32) {
  ${storeWide}let shift = (i & 1u) * 16u;
  atomicAnd(&${name}[i >> 1u], ~(0xffffu << shift));
  atomicOr(&${name}[i >> 1u], (${pack(dtype)}(vec2f(v, 0)) & 0xffffu) << shift);
}`,
    )
  }`;
}

/** The statement for elements that are float32. It ends the function. */
const ifWide = ({ wideIf }: Storage, statement: string) =>
  wideIf ? `if (${wideIf}) { ${statement} }\n  ` : "";

const ifWritable = ({ access }: Storage, text: string) => access === "read_write" ? text : "";

function unpackPair(dtype: DType, word: string): string {
  return dtype === "float16"
    ? `unpack2x16float(${word})`
    : `vec2f(bitcast<f32>(${word} << 16u), bitcast<f32>(${word} & 0xffff0000u))`;
}

const pack = (dtype: DType) => dtype === "float16" ? "pack_half" : "pack_bfloat";

/** WGSL that the store functions of these types call. Emit once per module. */
export function packingWgsl(dtypes: readonly DType[]): string {
  return [dtypes.includes("float16") ? PACK_HALF : "", dtypes.includes("bfloat16") ? PACK_BFLOAT : ""].join(
    "",
  );
}

/** Values beyond float16's range become infinities, which the accuracy check sees and `countNonFinite` counts. */
const PACK_HALF = `
fn pack_half(v: vec2f) -> u32 {
  let big = abs(v) >= vec2f(65520);
  let inf = select(vec2u(0x7c00u), vec2u(0xfc00u), v < vec2f(0));
  let w = pack2x16float(select(v, vec2f(0), big));
  return select(w & 0xffffu, inf.x, big.x) | select(w & 0xffff0000u, inf.y << 16u, big.y);
}`;

/** Rounds to nearest even: adds 0x7fff, a little less than half, plus the last kept bit. NaN stays NaN. */
const PACK_BFLOAT = `
fn round_bfloat(v: f32) -> u32 {
  let w = bitcast<u32>(v);
  let rounded = (w + 0x7fffu + ((w >> 16u) & 1u)) >> 16u;
  return select(rounded, 0x7fc0u, (w & 0x7fffffffu) > 0x7f800000u);
}
fn pack_bfloat(v: vec2f) -> u32 { return round_bfloat(v.x) | (round_bfloat(v.y) << 16u); }`;
