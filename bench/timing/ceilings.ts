import {
  copy,
  matrixMultiplyAddFlops,
  matrixMultiplyAdds,
  multiplyAddFlops,
  multiplyAdds,
} from "./ceiling_kernels.ts";
import { subgroupsVary } from "../../kernels/gpu/capabilities.ts";
import { matricesOf } from "../../kernels/matmul/subgroup/operands.ts";
import type { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { gpuTimes, wallTime } from "./clock.ts";
import type { Instruments } from "./instruments.ts";
import { isCoarse, leastNs } from "./step.ts";

/** The most that a device can do, as measured in this run. */
export interface Ceilings {
  /** Fused multiply-adds in TFLOP/s, for each arithmetic type. Null where the device lacks the type. */
  readonly fmaTflops: { readonly float32: number; readonly float16: number | null };
  /**
   * Products of subgroup matrices on tensor cores, in TFLOP/s. Operands are float16, or float32 where the device has
   * no others; sums are float32. Null where the device has none.
   */
  readonly matrixTflops?: number | null;
  /** Copy on the device in GB/s: bytes read plus bytes written. */
  readonly copyGBps: number;
}

/** The best of so many runs counts, because a ceiling is what can be reached, not what usually is. */
const RUNS = 10;

/** A run of arithmetic lasts at least so long, to hide the cost of its start. */
const LEAST_NS = 5e6;

/** Bytes that are copied. On hardware this is far beyond the caches; on a CPU it is four times a common last-level cache. */
const COPY_BYTES = { hardware: 256 * 2 ** 20, software: 64 * 2 ** 20 };

/** Warm-up before each ceiling. It is needed because the device idles while the kernel is compiled. */
const WARM_MS = 250;

/** Measures the ceilings of arithmetic and bandwidth, in about a second. */
export async function measureCeilings(instruments: Instruments): Promise<Ceilings> {
  const { capabilities } = instruments.gpu;
  return {
    fmaTflops: {
      float32: await fmaTflops(instruments, "f32"),
      float16: capabilities.shaderF16 ? await fmaTflops(instruments, "f16") : null,
    },
    matrixTflops: await matrixTflops(instruments),
    copyGBps: await copyGBps(instruments),
  };
}

async function matrixTflops(instruments: Instruments): Promise<number | null> {
  const { capabilities } = instruments.gpu;
  const [matrix] = matricesOf(capabilities);
  if (matrix === undefined) return null;
  const { software, subgroupMaxSize: subgroupSize } = capabilities;
  const varying = subgroupsVary(capabilities);
  const workgroups = software ? 16 : 8192;
  using sink = scratch(instruments, 16);
  const work = (rounds: number) => ({ matrix, subgroupSize, varying, workgroups, rounds });
  const run = (rounds: number) => (recorder: GpuRecorder) =>
    matrixMultiplyAdds(recorder, { ...work(rounds), sink });
  const rounds = await roundsOf(instruments, run, LEAST_NS);
  return matrixMultiplyAddFlops(work(rounds)) / await bestNs(instruments, run(rounds), RUNS) / 1e3;
}

/**
 * How many rounds of some work last so long, and long beside the step of a coarse clock. It compiles the work and warms the
 * clocks first.
 */
async function roundsOf(
  instruments: Instruments,
  run: (rounds: number) => (recorder: GpuRecorder) => void,
  ns: number,
): Promise<number> {
  const enoughNs = isCoarse(instruments) ? Math.max(ns, leastNs(instruments)) : ns;
  let rounds = 1;
  await bestNs(instruments, run(rounds), 1); // compiles
  await instruments.warm(WARM_MS);
  while (await bestNs(instruments, run(rounds), 1) < enoughNs) rounds *= 2;
  return rounds;
}

async function fmaTflops(instruments: Instruments, type: "f32" | "f16"): Promise<number> {
  const workgroups = instruments.gpu.capabilities.software ? 64 : 32768;
  using sink = scratch(instruments, 16);
  const run = (rounds: number) => (recorder: GpuRecorder) =>
    multiplyAdds(recorder, { type, workgroups, rounds, sink });
  const rounds = await roundsOf(instruments, run, LEAST_NS);
  return multiplyAddFlops({ workgroups, rounds }) / await bestNs(instruments, run(rounds), RUNS) / 1e3;
}

async function copyGBps(instruments: Instruments): Promise<number> {
  const { software, maxBufferSize, maxStorageBufferBindingSize } = instruments.gpu.capabilities;
  const wanted = software ? COPY_BYTES.software : COPY_BYTES.hardware;
  const bytes = Math.floor(Math.min(wanted, maxBufferSize, maxStorageBufferBindingSize) / 16) * 16;
  using source = scratch(instruments, bytes);
  using target = scratch(instruments, bytes);
  const run = (rounds: number) => (recorder: GpuRecorder) => {
    for (let round = 0; round < rounds; round++) copy(recorder, source, target);
  };
  await bestNs(instruments, run(1), 1); // maps the buffers' pages
  const rounds = await roundsOf(instruments, run, 0); // one, but for a coarse clock
  return 2 * bytes * rounds / await bestNs(instruments, run(rounds), RUNS);
}

async function bestNs(
  instruments: Instruments,
  timed: (recorder: GpuRecorder) => void,
  runs: number,
): Promise<number> {
  const items = Array.from({ length: runs }, () => ({ timed }));
  if (instruments.timer) return Math.min(...await gpuTimes(instruments, items));
  const times: number[] = [];
  for (const item of items) times.push(await wallTime(instruments, item));
  return Math.min(...times);
}

function scratch(instruments: Instruments, bytes: number): Tensor {
  const { memory } = instruments.gpu;
  return new Tensor(memory, { shape: [bytes / 4], dtype: "float32", purpose: "internal", label: "ceiling" });
}
