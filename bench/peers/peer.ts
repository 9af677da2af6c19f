/**
 * The contract of peers: other projects that compute the block. Each is measured in a process of its own.
 *
 * A peer is a description and a program. The program reads a {@linkcode PeerJob} as one line of JSON from stdin, and the
 * inputs from files. It answers with {@linkcode PeerEvent}s on stdout, one a line. Nothing of a peer is fetched or imported
 * before its program runs.
 */
import type { AdapterChoice } from "../../kernels/gpu/device.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { HostInputs } from "../oracle/data.ts";
import type { OracleOutputs } from "../oracle/mod.ts";
import type { ProblemSpec } from "../measure/job.ts";
import type { Mode } from "../measure/shapes.ts";

/** Another project that computes the block. */
export interface Peer {
  /** Short name, as the command line takes it. */
  readonly id: string;
  /** Name of the project, as its authors write it. */
  readonly project: string;
  /** How the project is called, in one line. */
  readonly usage: string;
  /** Storage types that it supports. */
  readonly dtypes: readonly DType[];
  /** Whether it computes no gradients, only together with forward, or also by themselves. */
  readonly gradients: "none" | "with forward" | "apart";
  /** What it computes with: WebGPU, on the adapter of the report, or CUDA. */
  readonly platform: "webgpu" | "cuda";
  /** Whether its products of float32 round operands to TF32. It is then checked as precision "tf32". */
  readonly tf32?: boolean;
  /** Whether it adds up float16 in float16: it is then checked as precision "float16-sums". */
  readonly narrowSums?: boolean;
  readonly program: Program;
  /** npm packages that its program fetches when it runs. Python packages must be installed already. */
  readonly packages: readonly string[];
}

/** How a peer's process is started. */
export interface Program {
  readonly runtime: "deno" | "python3";
  /** URL of its main module. */
  readonly module: string;
  readonly args?: readonly string[];
}

/** Names of the input files: raw little-endian elements of the problem's dtype, row-major. */
export const INPUTS = ["x", "gate", "up", "down", "dy"] as const satisfies readonly (keyof HostInputs)[];

/** Names of the output files: raw little-endian float32, row-major. */
export const OUTPUTS = [
  "y",
  "dx",
  "dGate",
  "dUp",
  "dDown",
] as const satisfies readonly (keyof OracleOutputs)[];

/** The job of a peer's program. */
export interface PeerJob {
  readonly problem: ProblemSpec;
  /** The modes to measure, in this order. */
  readonly modes: readonly Mode[];
  /** The folder of the inputs, each `NAME.bin`, and of the outputs, each `MODE-NAME.bin`. */
  readonly folder: string;
  /** Tokens whose rows of y and dx are wanted. Null for all. */
  readonly rows: readonly number[] | null;
  /** Hidden units whose columns of dGate and dUp, each as a row, and rows of dDown are wanted. Null for all. */
  readonly units: readonly number[] | null;
  /** Least number of samples, unless each takes very long. */
  readonly samples: number;
  /** Least sum of the samples in nanoseconds. */
  readonly timeNs: number;
  /** Milliseconds of work before the first sample. */
  readonly warmUpMs: number;
  readonly adapter: AdapterChoice;
  /** Whether the last-level cache is emptied before each sample, where samples are single runs. */
  readonly flush: boolean;
}

/** An answer of a peer's program. */
export type PeerEvent =
  /** The peer cannot run here, because a package or a device is missing. Nothing follows. */
  | { readonly type: "unavailable"; readonly reason: string }
  | {
    readonly type: "ready";
    /** Project, version and way of calling it. */
    readonly implementation: string;
    /** TFLOP/s of its own large product, where its arithmetic is not WebGPU's. Null otherwise. */
    readonly tensorTflops: number | null;
  }
  /** Work on a mode begins or goes on. If the process dies now, this mode is the cause. */
  | { readonly type: "begin"; readonly mode: Mode; readonly doing: string }
  /** A mode cannot be measured. The process ends. */
  | { readonly type: "skipped"; readonly mode: Mode; readonly reason: string }
  /** A mode's outputs are written, and it was timed. */
  | ({ readonly type: "measured"; readonly mode: Mode } & PeerFigures);

/** Figures of one mode. Times are nanoseconds of one run, in the order of measurement. */
export interface PeerFigures {
  /** Times by the device's own clock. Null where it has none. */
  readonly gpuNs: readonly number[] | null;
  readonly wallNs: readonly number[];
  /** How often each sample repeats the work. */
  readonly repeats: number;
  /** Wall time of the first use, compilation included. */
  readonly coldMs: number;
  /** Most bytes at once beyond inputs, weights and dy. Null where not known. */
  readonly peakBytes: number | null;
  /** Bytes that forward leaves for backward. Null where not known. */
  readonly savedBytes: number | null;
}

/** Id of the peer's rows in a report. */
export function rowId(peer: Peer): string {
  return `peer:${peer.id}`;
}

/** Why a peer cannot run a problem, as a clause. Null where nothing is known to prevent it. */
export function refusal(
  peer: Peer,
  { problem, mode, software }: { problem: ProblemSpec; mode: Mode; software: boolean },
): string | null {
  const { project, dtypes, gradients, platform, program } = peer;
  const sums = problem.dtype === "float16" && peer.narrowSums ? "float16" : null;
  const narrow = peer.tf32 ? "TF32" : sums;
  if (problem.activation !== "silu") return `${project} is called with silu only`;
  if (!dtypes.includes(problem.dtype)) return `${project} is not called with ${problem.dtype}`;
  if (problem.precision === "highest" && narrow) {
    return `${project} computes with no more precision than ${narrow}`;
  }
  if (mode !== "forward" && gradients === "none") return `${project} computes no gradients`;
  if (mode === "backward" && gradients === "with forward") {
    return `${project} computes gradients together with forward: see full`;
  }
  if (platform === "cuda" && software) {
    return `${project} runs on CUDA, and the adapter of this report is a CPU`;
  }
  // Deno fetches the modules that it runs; Python does not.
  if (program.runtime !== "deno" && !program.module.startsWith("file:")) {
    return `${project} is called by a Python file, which needs a clone of this project: bench.ts runs by URL`;
  }
  return null;
}
