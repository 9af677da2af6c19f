import type { SubgroupMatrixConfig } from "../../kernels/gpu/capabilities.ts";
import type { Kernel } from "../../kernels/gpu/kernel.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import { matrix } from "../../kernels/view.ts";

/** Independent chains in a thread. So many hide the latency of one multiply-add. */
const CHAINS = 8;
const STEPS = 64;
const THREADS = 256;
const WIDTH = 4;

/** Floating-point operations of {@linkcode multiplyAdds}. */
export function multiplyAddFlops({ workgroups, rounds }: { workgroups: number; rounds: number }): number {
  return 2 * WIDTH * CHAINS * STEPS * THREADS * workgroups * rounds;
}

/**
 * Records only multiply-adds in registers, which run at the arithmetic ceiling.
 * A value that depends on all of them may go to `sink`, a float32 tensor, so that none is optimised away.
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

/** Operands of one subgroup on each side, whose products are 16 sums: a patch as those of products. */
const MATRIX_OPERANDS = 4;
const MATRIX_SUMS = MATRIX_OPERANDS ** 2;
const MATRIX_STEPS = 8;
const SUBGROUPS = 4;

/** What {@linkcode matrixMultiplyAdds} runs. */
export interface MatrixWork {
  readonly matrix: SubgroupMatrixConfig;
  /** Most threads of a subgroup. */
  readonly subgroupSize: number;
  /** Whether the device may run smaller subgroups. There are more of them then, and only the first ones multiply. */
  readonly varying: boolean;
  readonly workgroups: number;
  readonly rounds: number;
}

/** Floating-point operations of {@linkcode matrixMultiplyAdds}. */
export function matrixMultiplyAddFlops({ matrix: { M, N, K }, workgroups, rounds }: MatrixWork): number {
  return 2 * M * N * K * MATRIX_SUMS * MATRIX_STEPS * SUBGROUPS * workgroups * rounds;
}

/**
 * Records only products of subgroup matrices in registers, with float32 sums. They run at the ceiling of tensor cores.
 * A value that depends on all of them may go to `sink`, a float32 tensor, so that none is optimised away.
 */
export function matrixMultiplyAdds(recorder: Recorder, work: MatrixWork & { readonly sink: Tensor }): void {
  const { workgroups, rounds, sink } = work;
  recorder.dispatch({
    kernel: matrixKernel(work),
    bindings: [{ tensor: sink }],
    uniforms: [rounds],
    workgroups: [workgroups, 1, 1],
    flops: matrixMultiplyAddFlops(work),
    bytes: 0,
  });
}

function matrixKernel({ matrix: { componentType, M, N, K }, subgroupSize, varying }: MatrixWork): Kernel {
  const sums = Array.from({ length: MATRIX_SUMS }, (_, i) => i);
  const result = `subgroup_matrix_result<f32, ${N}, ${M}>`;
  const step = sums.map((i) => {
    const [row, col] = [Math.floor(i / MATRIX_OPERANDS), i % MATRIX_OPERANDS];
    return `c${i} = subgroupMatrixMultiplyAccumulate(a${row}, b${col}, c${i});`;
  }).join(" ");
  const operands = sums.slice(0, MATRIX_OPERANDS);
  const most = Math.max(M * K, K * N) + MATRIX_OPERANDS;
  return {
    key: `ceiling|matrix|${componentType}|${M}x${N}x${K}|${subgroupSize}|${varying}`,
    label: "subgroup matrix ceiling",
    access: ["read_write"],
    wgsl: () =>
      `${componentType === "f16" ? "enable f16;\n" : ""}enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
@group(0) @binding(0) var<storage, read_write> sink: array<f32>;
struct Params { rounds: u32 }
@group(0) @binding(1) var<uniform> p: Params;
var<workgroup> operands: array<${componentType}, ${most}>;
var<workgroup> results: array<f32, ${M * N}>;

@compute @workgroup_size(${SUBGROUPS * subgroupSize})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(subgroup_id) subgroup: u32) {
  // Operands this small keep the sums finite.
  for (var i = tid; i < ${most}u; i += ${
        SUBGROUPS * subgroupSize
      }u) { operands[i] = ${componentType}(f32(i & 7u) * 0.0001); }
  workgroupBarrier();
${
        operands.map((i) =>
          `  let a${i} = subgroupMatrixLoad<subgroup_matrix_left<${componentType}, ${K}, ${M}>, row_major>(&operands, ${i}u, ${K}u);
  let b${i} = subgroupMatrixLoad<subgroup_matrix_right<${componentType}, ${N}, ${K}>, row_major>(&operands, ${i}u, ${N}u);`
        ).join("\n")
      }
${sums.map((i) => `  var c${i} = ${result}();`).join("\n")}
  for (var round = 0u; round < ${
        varying ? `select(0u, p.rounds, subgroup < ${SUBGROUPS}u)` : "p.rounds"
      }; round++) {
${Array.from({ length: MATRIX_STEPS }, () => `    ${step}`).join("\n")}
  }
${
        sums.map((i) =>
          `  if (subgroup == ${
            i % SUBGROUPS
          }u) { subgroupMatrixStore<row_major>(&results, 0u, c${i}, ${N}u); }
  workgroupBarrier();
  // Never true, and no compiler can know.
  if (results[tid % ${M * N}u] == -1.0) { sink[0] = 1.0; }
  workgroupBarrier();`
        ).join("\n")
      }
}
`,
  };
}

/** Records a copy of `source` to `target`, which runs at the bandwidth ceiling. Each byte is read and written. */
export function copy(recorder: Recorder, source: Tensor, target: Tensor): void {
  elementwise(recorder, {
    label: "copy",
    inputs: { x: matrix(source) },
    outputs: [{ to: matrix(target), value: "x" }],
  });
}
