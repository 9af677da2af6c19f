/**
 * The JSON report: what bench.ts writes, and what the table, the CSV, the charts and the comparison print.
 *
 * Rules that hold everywhere: what was not measured is `null` or absent, never 0; times are nanoseconds unless a
 * name says otherwise; sizes are bytes; rates are TFLOP/s (1e12 FLOP/s) and GB/s (1e9 B/s).
 *
 * @module
 */

/** The schema that this program writes, and the only one that it reads. */
export const SCHEMA = "swiglu-bench/1";

/** Modes in the order in which tables and charts show them. */
export const MODES = ["forward", "backward", "full"] as const;

/** Storage types in the order in which tables and charts show them. */
export const DTYPES = ["float32", "float16", "bfloat16"] as const;

/** What the accumulators of the products are, from safest to fastest. */
export const PRECISIONS = ["highest", "default", "fastest", "float16-sums", "strassen"] as const;

/** What became of a row. */
export const STATUSES = ["ok", "skipped", "failed"] as const;

/** The ceilings that can bind a rate: arithmetic or memory traffic. */
export const BOUNDS = ["flops", "bytes"] as const;

/** One of {@link MODES}; `full` is forward and backward together. */
export type ReportMode = typeof MODES[number];
/** One of {@link DTYPES}. */
export type ReportDType = typeof DTYPES[number];
/** One of {@link PRECISIONS}. */
export type ReportPrecision = typeof PRECISIONS[number];
/** One of {@link STATUSES}. */
export type RowStatus = typeof STATUSES[number];
/** One of {@link BOUNDS}. */
export type Bound = typeof BOUNDS[number];

/** A whole report: one run of bench.ts on one adapter. */
export interface Report {
  /** Always {@link SCHEMA}. */
  schema: string;
  /** ISO 8601 time at which the run began. */
  createdAt: string;
  /** The command line that produces this report again. */
  command: string;
  /** Program name -> version, for example `{ deno: "2.9.6" }`. */
  versions: Record<string, string>;
  adapter: AdapterReport;
  ceilings: Ceilings;
  /** What the driver's own tool told while rows were sampled; null or absent where there is none. */
  driver?: DriverReport | null;
  /** What the run was told and changes its figures (seed, cache flush, ...); compared before two runs are. */
  settings?: Record<string, string | number | boolean | null>;
  /** Doubts about the whole run, each a sentence with its remedy. */
  warnings?: string[];
  rows: Row[];
}

/** The GPU, or the software that stands for one. */
export interface AdapterReport {
  /** Maker, for example `nvidia`. */
  vendor: string;
  /** Family of chips as WebGPU tells it; often empty. */
  architecture: string;
  /** The name to print, for example `NVIDIA H200`. */
  device: string;
  /** Driver and version as the adapter tells them; often empty. */
  description: string;
  /** Whether a CPU does the work. */
  software: boolean;
  /** Features granted to the device. */
  features?: string[];
  /** Limits granted to the device. */
  limits?: Record<string, number>;
  /** Nanoseconds for each timestamp tick as calibrated; null without timestamps. */
  timestampPeriodNs?: number | null;
}

/** What the driver's own tool tells of the GPU, its busiest moment first. */
export interface DriverReport {
  /** Driver and version. */
  version: string;
  /** Device memory in use, by everything on the machine. */
  usedBytes: number | null;
  clockMhz: number | null;
  temperatureCelsius: number | null;
}

/** What the adapter can do at most, measured in the same run. */
export interface Ceilings {
  /** Fused multiply-adds in TFLOP/s for each arithmetic type; null where it was not measured. */
  fmaTflops: { float32: number | null; float16?: number | null };
  /** Device copy, bytes read plus bytes written, in GB/s; null where it was not measured. */
  copyGBps: number | null;
}

/** One variant in one mode at one shape. */
export interface Row {
  /** Id of the variant; a peer's begins with `peer:`. */
  variant: string;
  /** T, the rows of x. */
  tokens: number;
  /** D, the width of x and y. */
  dim: number;
  /** H, the width of the gated unit. */
  hiddenDim: number;
  dtype: ReportDType;
  precision: ReportPrecision;
  activation: string;
  mode: ReportMode;
  status: RowStatus;
  /** Why the row was skipped or failed; null where it is ok. */
  reason: string | null;
  /** The implementation that ran, in words; null where none did. */
  implementation: string | null;
  /** The tile of its main product, for example `64x128x16`; null where there is none. */
  tile: string | null;
  /** Null unless the row is ok: an output that failed its check has no time. */
  timing: Timing | null;
  /** Work of the formulas, without recomputation. */
  flops: number | null;
  /** Least traffic: inputs read once, outputs written once. */
  bytes: number | null;
  /** `flops` over the median GPU time (wall time where there is no GPU time). */
  tflops: number | null;
  /** Rate over the ceiling that binds the row; above 1 is a fault of the measurement. */
  fractionOfCeiling: number | null;
  /** Which ceiling `fractionOfCeiling` is a fraction of. */
  bound?: Bound | null;
  memory: MemoryReport | null;
  accuracy: Accuracy | null;
  /** Whether the check compared sampled tokens and hidden units, not all; null where nothing was compared. */
  sampled?: boolean | null;
  /** Time spent building pipelines. */
  compileMs: number | null;
  /** Whether it computes with less precision than the problem asks for, as TF32 does: it is then ranked apart. */
  narrow?: boolean | null;
  /** Wall time of the very first use, building of pipelines included. */
  coldMs?: number | null;
  /** Each dispatch of one run, in order. */
  kernels: KernelReport[];
  /** Doubts about this row, each a sentence with its remedy. */
  warnings?: string[];
}

/** Times of one row; `gpuNs` is null where the adapter has no timestamps. */
export interface Timing {
  gpuNs: Statistics | null;
  wallNs: Statistics | null;
}

/** Samples in the order of measurement, and their summary. */
export interface Statistics {
  samples: number[];
  median: number;
  p20: number;
  p80: number;
  min: number;
  mean: number;
  /** Number of samples, equal to `samples.length`. */
  n: number;
  /** Standard deviation over mean; null where one sample leaves it undefined. */
  cv: number | null;
  /** Bootstrap interval of the median, 95 %. */
  ci?: [number, number] | null;
}

/** Bytes on the device beyond inputs, weights and dy. */
export interface MemoryReport {
  /** The most that lived at once: y, saved, workspace and gradients. */
  peakBytes: number;
  /** What forward leaves for backward; null where it is not known, as for most peers. */
  savedBytes: number | null;
  /** Scratch that neither saves nor returns anything; null where it is not known, as for peers. */
  workspaceBytes: number | null;
  /** What the plan foretold for `peakBytes`; null where there is no plan, as for peers. */
  predictedPeakBytes: number | null;
  /** What the pool of buffers held, at least `peakBytes`. */
  reservedBytes?: number | null;
}

/** Relative Frobenius error of each output against the float64 oracle; null where the mode does not make it. */
export interface Accuracy {
  y: number | null;
  dx: number | null;
  dGate: number | null;
  dUp: number | null;
  dDown: number | null;
}

/** One dispatch of a row. */
export interface KernelReport {
  label: string;
  /** Median; null without timestamps. */
  gpuNs: number | null;
  flops: number | null;
  bytes: number | null;
  tile?: string | null;
  bound?: Bound | null;
  fractionOfCeiling?: number | null;
}
