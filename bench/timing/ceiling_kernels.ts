import type { Kernel } from "../../kernels/gpu/kernel.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import { matrix } from "../../kernels/view.ts";

/** Independent chains in a thread: enough to hide the latency of one multiply-add. */
const CHAINS = 8;
const STEPS = 64;
const THREADS = 256;
const WIDTH = 4;

/** Floating-point operations of {@linkcode multiplyAdds}. */
export function multiplyAddFlops({ workgroups, rounds }: { workgroups: number; rounds: number }): number {
  return 2 * WIDTH * CHAINS * STEPS * THREADS * workgroups * rounds;
}

/**
 * Records nothing but multiply-adds in registers: the arithmetic ceiling.
 * `sink`, a float32 tensor, receives a value that depends on all of them, so that none is optimised away.
 */
export function multiplyAdds(
  recorder: Recorder,
  { type, workgroups, rounds, sink }: {
    type: "f32" | "f16";
    workgroups: number;
    rounds: number;
    sink: Tensor;
  },
): void {
  recorder.dispatch({
    kernel: multiplyAddKernel(type),
    bindings: [{ tensor: sink }],
    uniforms: [rounds],
    workgroups: [workgroups, 1, 1],
    flops: multiplyAddFlops({ workgroups, rounds }),
    bytes: 0,
  });
}

function multiplyAddKernel(type: "f32" | "f16"): Kernel {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  const vector = type === "f32" ? "vec4f" : "vec4<f16>";
  const step = chains.map((i) => `c${i} = fma(c${i}, a, b);`).join(" ");
  return {
    key: `ceiling|${type}`,
    label: `${type} multiply-add ceiling`,
    access: ["read_write"],
    wgsl: () =>
      `${type === "f16" ? "enable f16;" : ""}
@group(0) @binding(0) var<storage, read_write> sink: array<f32>;
struct Params { rounds: u32 }
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  // |a| < 1 keeps the chains finite.
  let a = ${vector}(0.5) + ${vector}(${type}(id.x & 7u) * 0.03125);
  let b = ${vector}(0.25);
${chains.map((i) => `  var c${i} = ${vector}(${type}(id.x & 3u) + ${i}.0);`).join("\n")}
  for (var round = 0u; round < p.rounds; round++) {
${Array.from({ length: STEPS }, () => `    ${step}`).join("\n")}
  }
  let sum = ${chains.map((i) => `c${i}`).join(" + ")};
  // Never true, and no compiler can know.
  if (f32(sum.x + sum.y + sum.z + sum.w) == -1.0) { sink[id.x & 3u] = f32(sum.x); }
}
`,
  };
}

/** Records a copy of `source` to `target`: the bandwidth ceiling, 2 bytes moved for each byte of the tensor. */
export function copy(recorder: Recorder, source: Tensor, target: Tensor): void {
  elementwise(recorder, {
    label: "copy",
    inputs: { x: matrix(source) },
    outputs: [{ to: matrix(target), value: "x" }],
  });
}
