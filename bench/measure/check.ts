import type { Gpu } from "../../kernels/gpu/device.ts";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { GpuRecorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { fill, POISON } from "../timing/fill.ts";
import { ObservedRecorder } from "../timing/observed.ts";
import { release } from "../../variants/variant.ts";
import { AllocationWatch } from "./allocation.ts";
import { withErrorScopes } from "./scopes.ts";
import { type Case, type Outputs, recordRun, timedParts } from "./execution.ts";
import type { Mode } from "./shapes.ts";
import { type ComparedMatrix, faultIn } from "./tolerance.ts";
import { compared, comparedWhole, errorsOf, type Reference } from "./reference.ts";
import type { Errors, MemoryFigures, ProblemSpec } from "./job.ts";

/** What a checked run showed. */
export interface CheckedRun {
  readonly errors: Errors;
  /** Whether only some tokens and hidden units were compared. */
  readonly sampled: boolean;
  /** Why not all were compared; null where they were. */
  readonly gap: string | null;
  /** Why the outputs are wrong; null where they are right. */
  readonly fault: string | null;
  readonly memory: Omit<MemoryFigures, "predictedPeakBytes">;
  /** The same of backward alone. */
  readonly backwardMemory: Omit<MemoryFigures, "predictedPeakBytes">;
  /** Keys of the kernels that ran. */
  readonly kernels: ReadonlySet<string>;
  /** Wall time of the run, without what compiling took. */
  readonly runMs: number;
}

/** Milliseconds that each kernel took to compile, by its key. Rows share kernels: each is compiled for the first row that needs it. */
export type CompileTimes = Map<string, number>;

/**
 * Runs a variant once, and compares what it leaves with the reference. All memory is poisoned first, so that an element
 * that is never written shows.
 *
 * @throws {OutOfMemoryError} If the device has no room for it.
 */
export async function checkRun(
  gpu: Gpu,
  run: Case,
  { training, reference, compileTimes }: {
    training: boolean;
    reference: Reference;
    compileTimes: CompileTimes;
  },
): Promise<CheckedRun> {
  const { ledger } = gpu.memory;
  const kernels = new Set<string>();
  const start = performance.now();
  const compiledBefore = gpu.compileMs;
  const peaks: MemoryFigures[] = [];
  const made: Tensor[] = [];
  const note = () => peaks.push(figures(gpu, ledger.live("saved")));
  const between = () => {
    note();
    ledger.resetPeak();
  };
  try {
    const watch = new AllocationWatch(gpu);
    gpu.memory.trim(); // or buffers that other rows left would count as reserved by this one
    const outputs = await withErrorScopes(gpu, async () => {
      ledger.resetPeak();
      const recorder = new GpuRecorder(gpu);
      const observed = poisoned(recorder, { kernels, compileTimes, made, watch });
      const left = recordRun(observed, run, { training, hooks: { between } });
      await watch.check();
      recorder.submit();
      return left;
    });
    note();
    await gpu.idle();
    const runMs = performance.now() - start - (gpu.compileMs - compiledBefore);
    gpu.check();
    const all = await compared(outputs, reference);
    const backwardMemory = { ...peaks[peaks.length - 1], savedBytes: peaks[0].savedBytes };
    const everywhere = reference.device === null ? [] : await comparedWhole(outputs, reference);
    const fault = firstFault([...all, ...everywhere], reference.problem);
    const sampled = reference.rows !== null && reference.device === null;
    return {
      errors: errorsOf(all),
      sampled,
      gap: reference.gap,
      fault,
      memory: greatest(peaks),
      backwardMemory,
      kernels,
      runMs,
    };
  } finally {
    release(...made); // the outputs; after a fault also what was left on the way
  }
}

/**
 * Runs a row once more exactly as it was timed, over poisoned memory, and compares what it leaves.
 *
 * @returns Why the outputs are wrong; null where they are right.
 * @throws {Error} If its launches are not the planned ones.
 */
export async function checkTimed(
  gpu: Gpu,
  { run, mode, planned }: { run: Case; mode: Mode; planned: readonly Dispatch[] },
  reference: Reference,
): Promise<string | null> {
  const made: Tensor[] = [];
  const left: Outputs[] = [];
  const parts = timedParts(run, mode, { planned, keep: (outputs) => left.push(outputs) });
  try {
    await withErrorScopes(gpu, async () => {
      const watch = new AllocationWatch(gpu);
      for (const part of [parts.prepare, parts.timed]) {
        const recorder = new GpuRecorder(gpu);
        part?.(poisoned(recorder, { kernels: new Set(), compileTimes: new Map(), made, watch }));
        await watch.check();
        recorder.submit();
      }
    });
    gpu.check();
    return firstFault(await comparedWhole(left[0], reference), reference.problem);
  } finally {
    release(...made);
  }
}

function firstFault(all: readonly ComparedMatrix[], problem: ProblemSpec): string | null {
  return all.map((one) => faultIn(problem, one)).find((fault) => fault !== null) ?? null;
}

/** A recorder whose new tensors hold NaN everywhere, and which notes what each kernel takes to compile. */
function poisoned(
  recorder: GpuRecorder,
  { kernels, compileTimes, made, watch }: {
    kernels: Set<string>;
    compileTimes: CompileTimes;
    made: Tensor[];
    watch: AllocationWatch;
  },
): ObservedRecorder {
  const { gpu } = recorder;
  const launch = ({ kernel }: Dispatch, dispatch: () => void) => {
    const before = gpu.compileMs;
    dispatch();
    kernels.add(kernel.key);
    if (gpu.compileMs > before) compileTimes.set(kernel.key, gpu.compileMs - before);
  };
  const poison = (tensor: Tensor) => {
    made.push(tensor);
    fill(recorder, tensor, POISON);
  };
  return new ObservedRecorder(recorder, { make: (create) => watch.make(create), made: poison, launch });
}

function figures({ memory: { ledger } }: Gpu, savedBytes: number): MemoryFigures {
  return {
    peakBytes: ledger.peakBytes,
    savedBytes,
    workspaceBytes: ledger.peakWorkspaceBytes,
    reservedBytes: ledger.peakReservedBytes,
    predictedPeakBytes: null,
  };
}

/** The larger of each figure of forward and of backward, which is what both together need. */
function greatest(figures: readonly MemoryFigures[]): MemoryFigures {
  const most = (name: "peakBytes" | "savedBytes" | "workspaceBytes" | "reservedBytes") =>
    Math.max(...figures.map((figure) => figure[name]));
  return {
    peakBytes: most("peakBytes"),
    savedBytes: figures[0].savedBytes,
    workspaceBytes: most("workspaceBytes"),
    reservedBytes: most("reservedBytes"),
    predictedPeakBytes: null,
  };
}
