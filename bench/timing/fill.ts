import type { DType } from "../../kernels/gpu/dtype.ts";
import type { Kernel } from "../../kernels/gpu/kernel.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";

/** A word that is NaN as float32, and two NaNs as float16 or bfloat16. */
export const POISON = 0x7fc07fc0;

const THREADS = 256;

/** Records that every 32-bit word of a tensor's bytes becomes `word`. */
export function fill(recorder: Recorder, tensor: Tensor, word: number): void {
  fillWords(recorder, tensor, { name: "fill", value: word, word: "p.value" });
}

/** Records that element `i` of a tensor becomes `integer(i, which)`. */
export function fillIntegers(recorder: Recorder, tensor: Tensor, which: number): void {
  const word = WORDS[tensor.dtype];
  fillWords(recorder, tensor, { name: `integers ${tensor.dtype}`, value: factor(which), word });
}

/** Element `i` of operand `which`. It is a whole number from -2 to 2. The sequence has no short period. */
export function integer(i: number, which: number): number {
  return (Math.imul(i + 1, factor(which)) >>> 13) % 5 - 2;
}

function factor(which: number): number {
  return (2654435761 + 40503 * which) >>> 0;
}

/** Word `i` of a tensor of such integers: one element of 32 bits, or two of 16. */
const WORDS: Record<DType, string> = {
  float32: "bitcast<u32>(integer(i))",
  float16: "pack2x16float(vec2f(integer(2u * i), integer(2u * i + 1u)))",
  bfloat16: "(bitcast<u32>(integer(2u * i)) >> 16u) | (bitcast<u32>(integer(2u * i + 1u)) & 0xffff0000u)",
};

/** Fills a tensor in pieces that a binding can hold, one launch for each. */
function fillWords(
  recorder: Recorder,
  tensor: Tensor,
  { name, value, word }: { name: string; value: number; word: string },
): void {
  const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = recorder.capabilities;
  const piece = Math.floor(maxStorageBufferBindingSize / 4096) * 4096; // keeps every offset aligned
  for (let byteOffset = 0; byteOffset < tensor.byteLength; byteOffset += piece) {
    const byteLength = Math.min(piece, tensor.byteLength - byteOffset);
    const groups = Math.ceil(byteLength / 4 / THREADS);
    const x = Math.min(groups, maxComputeWorkgroupsPerDimension);
    recorder.dispatch({
      kernel: fillKernel(name, word),
      bindings: [{ tensor, byteOffset, byteLength }],
      uniforms: [value, byteOffset / 4, byteLength / 4],
      workgroups: [x, Math.ceil(groups / x), 1],
      flops: 0,
      bytes: byteLength,
    });
  }
}

function fillKernel(name: string, word: string): Kernel {
  return {
    key: name,
    label: name,
    access: ["read_write"],
    wgsl: () =>
      `@group(0) @binding(0) var<storage, read_write> words: array<u32>;
struct Params { value: u32, first: u32, count: u32 }
@group(0) @binding(1) var<uniform> p: Params;

fn integer(i: u32) -> f32 { return f32((((i + 1u) * p.value) >> 13u) % 5u) - 2.0; }

@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let at = (group.y * groups.x + group.x) * ${THREADS}u + tid;
  let i = p.first + at;
  if (at < p.count) { words[at] = ${word}; }
}
`,
  };
}
