import { BROWSER } from "../report/schema.ts";
import type { Ceilings } from "../timing/ceilings.ts";
import { doubtsOf } from "../timing/doubts.ts";
import { type Roof, standing } from "../timing/roofline.ts";
import { FEW_STEPS } from "../timing/step.ts";
import { median, summarize, type Summary } from "../timing/statistics.ts";
import { flopsOf, minimalBytes } from "./shapes.ts";
import { variantName } from "../../variants/variant.ts";
import type { CheckedRun, CompileTimes } from "./check.ts";
import type { Case } from "./execution.ts";
import type { Errors, KernelFigures, ProblemSpec, RowResult, RowSpec, WebGpu } from "./job.ts";
import type { RowPlan } from "./row_plan.ts";
import type { Dispatch, Units } from "../../kernels/gpu/dispatch.ts";

/** A row that can run. */
export interface RunnableRow {
  readonly spec: RowSpec;
  readonly plan: RowPlan;
}

/** A row whose outputs are right. */
export interface CheckedRow extends RunnableRow {
  readonly problem: ProblemSpec;
  readonly run: Case;
  readonly checked: CheckedRun;
}

/** A row that is ready to be sampled. */
export interface ProfiledRow extends CheckedRow {
  /** Nanoseconds that it takes, roughly; Infinity where that is not known. */
  readonly aboutNs: number;
  /** How often one timing repeats the work. */
  readonly repeats: number;
  /** Nanoseconds of each launch, for each run that timed them. They join as they are taken. Empty if launches cannot be timed. */
  readonly launchNs: (readonly number[])[];
  /** Wall times in nanoseconds. They join as they are taken. */
  readonly wallNs: number[];
}

/** A row without figures, because it was refused or failed. */
export function bareRow(
  problem: ProblemSpec,
  spec: RowSpec,
  { status, reason }: { status: "skipped" | "failed"; reason: string },
): RowResult {
  return {
    ...spec,
    ...problem,
    status,
    reason,
    implementation: null,
    tile: null,
    timing: null,
    flops: null,
    bytes: null,
    tflops: null,
    fractionOfCeiling: null,
    bound: null,
    memory: null,
    accuracy: null,
    webgpu: null,
    units: null,
    sampled: null,
    compileMs: null,
    coldMs: null,
    kernels: [],
    warnings: [],
  };
}

/** What a row's figures are set against. */
export interface FigureContext {
  readonly ceilings: Ceilings;
  /** The least difference that the device's clock tells, in nanoseconds; null without timestamps. */
  readonly resolutionNs: number | null;
  readonly compileTimes: CompileTimes;
  /** Whose WebGPU it is. */
  readonly webgpu: WebGpu;
  /** Seed of the bootstrap that gives intervals. */
  readonly seed: number;
}

/**
 * A measured row.
 *
 * @param gpuSamples Nanoseconds of a run by the device's clock; empty where it has none.
 */
export function finishedRow(
  work: ProfiledRow,
  gpuSamples: readonly number[],
  context: FigureContext,
): RowResult {
  const { spec, problem, plan, checked } = work;
  const gpuNs = gpuSamples.length > 0 ? summarize(gpuSamples, context) : null;
  const wallNs = work.wallNs.length > 0 ? summarize(work.wallNs, context) : null;
  const flops = flopsOf(problem, spec.mode);
  const bytes = minimalBytes(problem, spec.mode);
  const ns = medianOf(gpuNs, wallNs);
  const { bound, fraction } = standing(
    { flops, bytes, ns },
    roofOf(problem, context.ceilings, unitsOf(plan.dispatches)),
  );
  const compileMs = [...checked.kernels].reduce((sum, key) => sum + (context.compileTimes.get(key) ?? 0), 0);
  const coldMs = compileMs + checked.runMs;
  const kernels = kernelFigures(work, context);
  const launchesNs = kernels.some(({ gpuNs }) => gpuNs === null)
    ? null
    : kernels.reduce((sum, { gpuNs }) => sum + gpuNs!, 0);
  const memory = spec.mode === "backward" ? checked.backwardMemory : checked.memory;
  return {
    ...spec,
    ...problem,
    status: "ok",
    reason: null,
    implementation: variantName(plan.variant.id, plan.variant.chunkTokens),
    tile: plan.tile,
    timing: { gpuNs, wallNs },
    flops,
    bytes,
    tflops: flops / ns / 1e3,
    fractionOfCeiling: fraction,
    bound,
    memory: { ...memory, predictedPeakBytes: plan.peakBytes },
    accuracy: accuracyOf(spec, checked.errors),
    webgpu: context.webgpu,
    units: unitsOf(plan.dispatches),
    sampled: checked.sampled,
    compileMs,
    coldMs,
    kernels,
    warnings: [
      ...checked.gap === null ? [] : [`Of its outputs ${checked.gap}.`],
      ...doubtsOf({
        ...{ time: gpuNs ?? wallNs, launchesNs, coldMs, fraction },
        resolutionNs: context.resolutionNs,
        repeats: work.repeats,
        adjustable: context.webgpu !== BROWSER,
      }),
      ...memory.peakBytes === plan.peakBytes
        ? []
        : [`The peak differs from the plan's ${plan.peakBytes} bytes: report it as a fault of the plan.`],
    ],
  };
}

function medianOf(gpuNs: Summary | null, wallNs: Summary | null): number {
  return (gpuNs ?? wallNs)?.median ?? 0;
}

/**
 * The ceilings that a launch or a row stands under. The arithmetic one is that of float32 multiply-adds, and a higher one
 * for float16 sums and for tensor cores.
 */
function roofOf(
  { dtype, precision }: ProblemSpec,
  { fmaTflops, matrixTflops, copyGBps }: Ceilings,
  units: Units,
): Roof {
  const narrow = dtype === "float16" && precision === "float16-sums" ? fmaTflops.float16 ?? 0 : 0;
  const tensor = units === "subgroup matrices" ? matrixTflops ?? 0 : 0;
  return { flopsPerNs: Math.max(fmaTflops.float32, narrow, tensor) * 1e3, bytesPerNs: copyGBps };
}

/** What computes the products of a row: tensor cores if any of its launches uses them. */
function unitsOf(dispatches: readonly Dispatch[]): Units {
  return dispatches.some(({ units }) => units === "subgroup matrices")
    ? "subgroup matrices"
    : "multiply-adds";
}

/** Backward makes no y. */
function accuracyOf({ mode }: RowSpec, errors: Errors): Errors {
  return mode === "backward" ? { ...errors, y: null } : errors;
}

/** A launch that a coarse clock hardly tells from nothing has no time: it runs once, as others that it depends on do. */
function kernelFigures(
  { plan, launchNs, problem }: ProfiledRow,
  { ceilings, resolutionNs }: FigureContext,
): KernelFigures[] {
  const leastNs = FEW_STEPS * (resolutionNs ?? 0);
  return plan.dispatches.map(({ kernel, flops, bytes, tile = null, units = "multiply-adds" }, i) => {
    const roof = roofOf(problem, ceilings, units);
    const ns = launchNs.length === 0 ? null : median(launchNs.map((run) => run[i]));
    const gpuNs = ns === null || ns < leastNs ? null : ns;
    const { bound, fraction } = gpuNs === null
      ? { bound: null, fraction: null }
      : standing({ flops, bytes, ns: gpuNs }, roof);
    return { label: kernel.label, gpuNs, flops, bytes, tile, units, bound, fractionOfCeiling: fraction };
  });
}
