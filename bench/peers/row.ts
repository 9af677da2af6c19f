/** Rows of the report from the answers of peers. */
import { doubtsOf } from "../timing/doubts.ts";
import { standing } from "../timing/roofline.ts";
import { summarize, type Summary } from "../timing/statistics.ts";
import type { CeilingsReport, Row } from "../report/schema.ts";
import type { Errors, ProblemSpec } from "../measure/job.ts";
import { faultOf } from "../measure/tolerance.ts";
import { bareRow } from "../measure/row.ts";
import { flopsOf, minimalBytes, type Mode } from "../measure/shapes.ts";
import { type Peer, type PeerEvent, type PeerFigures, rowId } from "./peer.ts";

/** A rate may exceed a ceiling by this factor. A ceiling is known only to a few percent, as clocks rise and fall. */
const CEILING_MARGIN = 1.05;

/** A row that was not measured, or cannot be believed. */
export function skippedRow(peer: Peer, { problem, mode, reason }: {
  problem: ProblemSpec;
  mode: Mode;
  reason: string;
}): Row {
  return bareRow(problem, { variant: rowId(peer), mode }, { status: "skipped", reason });
}

/** All that is known of a mode that was measured. */
export interface PeerEvidence {
  readonly problem: ProblemSpec;
  readonly mode: Mode;
  readonly ready: PeerEvent & { type: "ready" };
  readonly measured: PeerFigures;
  readonly errors: Errors;
  /** Whether the errors are of sampled tokens and units only. */
  readonly sampled: boolean;
  readonly ceilings: CeilingsReport;
  /** Seed of the intervals. */
  readonly seed: number;
}

/** The row of a mode that was measured. It is skipped if its outputs or its times cannot be believed. */
export function measuredRow(peer: Peer, evidence: PeerEvidence): Row {
  const { problem, mode, measured, errors } = evidence;
  const skip = (reason: string) => skippedRow(peer, { problem, mode, reason });
  const fault = faultOf(errors, arithmeticOf(peer, problem));
  if (fault !== null) return skip(fault);
  if (!usable(measured.wallNs) || measured.gpuNs !== null && !usable(measured.gpuNs)) {
    return skip(
      "it gave no times above 0: its runs are too short, or its clock stopped before its work was done",
    );
  }
  const row = timedRow(peer, evidence);
  const ceiling = ceilingOf(evidence);
  if (ceiling === null || row.tflops! <= CEILING_MARGIN * ceiling) return row;
  return skip(
    `its rate of ${row.tflops!.toPrecision(3)} TFLOP/s is above the ceiling of ${ceiling.toPrecision(3)}: ` +
      "its clock stopped before its work was done",
  );
}

/** The most that a peer's arithmetic can do, in TFLOP/s: the rate of its own large product if it is not WebGPU's. */
function ceilingOf(
  { ready: { tensorTflops }, ceilings: { fmaTflops }, problem }: PeerEvidence,
): number | null {
  // A library may add up float16 in float16, whatever precision was asked for.
  const narrow = problem.dtype === "float16" ? fmaTflops.float16 ?? 0 : 0;
  return tensorTflops ?? (fmaTflops.float32 === null ? null : Math.max(fmaTflops.float32, narrow));
}

/** The problem in the arithmetic of a peer. That decides how far from the reference its outputs may be. */
function arithmeticOf({ tf32, narrowSums }: Peer, problem: ProblemSpec): ProblemSpec {
  const { dtype, precision } = problem;
  if (narrowSums && dtype === "float16") return { ...problem, precision: "float16-sums" };
  // "fastest" allows what "tf32" does.
  return tf32 && dtype === "float32" && precision !== "fastest" ? { ...problem, precision: "tf32" } : problem;
}

function usable(samples: readonly number[]): boolean {
  return samples.length > 0 && samples.every((ns) => Number.isFinite(ns) && ns > 0);
}

function timedRow(peer: Peer, evidence: PeerEvidence): Row {
  const { problem, mode, ready, measured, errors, sampled, seed } = evidence;
  const gpuNs = measured.gpuNs === null ? null : summarize(measured.gpuNs, { seed });
  const wallNs = summarize(measured.wallNs, { seed });
  const time = gpuNs ?? wallNs;
  const flops = flopsOf(problem, mode);
  const bytes = minimalBytes(problem, mode);
  const { bound, fraction } = standingOf({ flops, bytes, ns: time.median }, evidence);
  const { coldMs, peakBytes, savedBytes } = measured;
  const arithmetic = arithmeticOf(peer, problem);
  return {
    ...bareRow(problem, { variant: rowId(peer), mode }, { status: "skipped", reason: "" }),
    status: "ok",
    reason: null,
    implementation: ready.implementation,
    timing: { gpuNs, wallNs },
    flops,
    bytes,
    tflops: flops / time.median / 1e3,
    fractionOfCeiling: fraction,
    bound,
    memory: peakBytes === null
      ? null
      : { peakBytes, savedBytes, workspaceBytes: null, predictedPeakBytes: null },
    accuracy: errors,
    sampled,
    narrow: arithmetic.precision !== problem.precision,
    coldMs,
    warnings: warningsOf(time, fraction, evidence),
  };
}

/** Where the work stands under WebGPU's ceilings. They do not bind tensor cores, which are far faster. */
function standingOf(
  work: { flops: number; bytes: number; ns: number },
  evidence: PeerEvidence,
): ReturnType<typeof standing> {
  if (evidence.ready.tensorTflops !== null) return { bound: null, fraction: null };
  const tflops = ceilingOf(evidence);
  return standing(work, {
    flopsPerNs: tflops === null ? null : tflops * 1e3,
    bytesPerNs: evidence.ceilings.copyGBps,
  });
}

function warningsOf(time: Summary, fraction: number | null, { measured, ready }: PeerEvidence): string[] {
  const { coldMs, repeats } = measured;
  const { tensorTflops } = ready;
  const unknown = { launchesNs: null, resolutionNs: null };
  const doubts = doubtsOf({ ...unknown, time, repeats, coldMs, fraction, adjustable: true });
  if (tensorTflops === null) return doubts;
  const ceiling = tensorTflops.toPrecision(3);
  return [
    ...doubts,
    `It computes on tensor cores, which Deno's own WebGPU does not reach and Dawn's does (--webgpu dawn): its own ` +
    `large product runs at ${ceiling} TFLOP/s.`,
  ];
}
