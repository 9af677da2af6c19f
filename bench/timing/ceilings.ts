import {
  copy,
  matrixMultiplyAddFlops,
  matrixMultiplyAdds,
  multiplyAddFlops,
  multiplyAdds,
} from "./ceiling_kernels.ts";
import { matricesOf } from "../../kernels/matmul/subgroup/way.ts";
import type { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { gpuTimes, wallTime } from "./clock.ts";
import type { Instruments } from "./instruments.ts";

/** What a device can do at most, as just measured. */
export interface Ceilings {
  /** Fused multiply-adds in TFLOP/s for each arithmetic type; null where the device lacks it. */
  readonly fmaTflops: { readonly float32: number; readonly float16: number | null };
  /**
   * Products of subgroup matrices, float16 operands and float32 sums, in TFLOP/s: what tensor cores give. Null where the
   * device has none.
   */
  readonly matrixTflops?: number | null;
  /** Device copy, bytes read plus bytes written, in GB/s. */
  readonly copyGBps: number;
}

/** The best of so many runs counts: a ceiling is what can be reached, not what usually is. */
const RUNS = 10;

/** A run at least this long hides what starting it costs. */
const LEAST_NS = 5e6;

/** Far beyond the caches of hardware, four times the last-level cache of a common CPU. */
const COPY_BYTES = { hardware: 256 * 2 ** 20, software: 64 * 2 ** 20 };

/** Before each ceiling, as compiling its kernel leaves the device idle. */
const WARM_MS = 250;

/** Measures arithmetic and bandwidth at their best, in about a second. */
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
  const workgroups = software ? 16 : 8192;
  using sink = scratch(instruments, 16);
  const work = (rounds: number) => ({ matrix, subgroupSize, workgroups, rounds });
  const run = (rounds: number) => (recorder: GpuRecorder) =>
    matrixMultiplyAdds(recorder, { ...work(rounds), sink });
  const rounds = await roundsOf(instruments, run);
  return matrixMultiplyAddFlops(work(rounds)) / await bestNs(instruments, run(rounds), RUNS) / 1e3;
}

/** Rounds of some work that last long enough, after it was compiled and the clocks are warm. */
async function roundsOf(
  instruments: Instruments,
  run: (rounds: number) => (recorder: GpuRecorder) => void,
): Promise<number> {
  let rounds = 1;
  await bestNs(instruments, run(rounds), 1); // compiles
  await instruments.warm(WARM_MS);
  while (await bestNs(instruments, run(rounds), 1) < LEAST_NS) rounds *= 2;
  return rounds;
}

async function fmaTflops(instruments: Instruments, type: "f32" | "f16"): Promise<number> {
  const workgroups = instruments.gpu.capabilities.software ? 64 : 32768;
  using sink = scratch(instruments, 16);
  const run = (rounds: number) => (recorder: GpuRecorder) =>
    multiplyAdds(recorder, { type, workgroups, rounds, sink });
  const rounds = await roundsOf(instruments, run);
  return multiplyAddFlops({ workgroups, rounds }) / await bestNs(instruments, run(rounds), RUNS) / 1e3;
}

async function copyGBps(instruments: Instruments): Promise<number> {
  const { software, maxBufferSize, maxStorageBufferBindingSize } = instruments.gpu.capabilities;
  const wanted = software ? COPY_BYTES.software : COPY_BYTES.hardware;
  const bytes = Math.floor(Math.min(wanted, maxBufferSize, maxStorageBufferBindingSize) / 16) * 16;
  using source = scratch(instruments, bytes);
  using target = scratch(instruments, bytes);
  const run = (recorder: GpuRecorder) => copy(recorder, source, target);
  await bestNs(instruments, run, 2); // compiles, and makes the buffers' pages real
  await instruments.warm(WARM_MS);
  return 2 * bytes / await bestNs(instruments, run, RUNS);
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
