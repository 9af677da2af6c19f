/**
 * The JSON report: what bench.ts writes, and what the table, the CSV, the charts and the comparison print.
 *
 * Rules that hold everywhere: what was not measured is `null` or absent, never 0; times are nanoseconds unless a
 * name says otherwise; sizes are bytes; rates are TFLOP/s (1e12 FLOP/s) and GB/s (1e9 B/s).
 *
 * Each part is declared once: its check is what a file is read by, gives its type, and the columns of the CSV.
 *
 * @module
 */

import type { Bound } from "../timing/roofline.ts";
import {
  amount,
  byteCount,
  count,
  dictionary,
  filledText,
  flag,
  interval,
  list,
  nullable,
  oneOf,
  optional,
  positive,
  record,
  refuse,
  rule,
  scalar,
  text,
  type TypeOf,
  type ValuePlace,
} from "./shape.ts";

export type { Bound };

/** The schema that this program writes, and the only one that it reads. */
export const SCHEMA = "swiglu-bench/1";

/** Modes in the order in which tables and charts show them. */
export const MODES = ["forward", "backward", "full"] as const;

/** Storage types in the order in which tables and charts show them. */
export const DTYPES = ["float32", "float16", "bfloat16"] as const;

/** What the accumulators of the products are, from safest to fastest. */
export const PRECISIONS = ["highest", "default", "tf32", "fastest", "float16-sums", "strassen"] as const;

/** What became of a row. */
export const STATUSES = ["ok", "skipped", "failed"] as const;

/** The ceilings that can bind a rate: arithmetic or memory traffic. */
export const BOUNDS = ["flops", "bytes"] as const satisfies readonly Bound[];

/** One of {@link MODES}; `full` is forward and backward together. */
export type ReportMode = typeof MODES[number];
/** One of {@link DTYPES}. */
export type ReportDType = typeof DTYPES[number];
/** Whose WebGPU bench.ts can run a row on: Deno's own, or Dawn. */
export const WEBGPUS = ["native", "dawn"] as const;

/** The WebGPU of a browser, for rows that the page measured. */
export const BROWSER = "browser";

/** What computes products: the float units of a GPU's threads, or its tensor cores. */
export const UNITS = ["multiply-adds", "subgroup matrices"] as const;

/** One of {@link PRECISIONS}. */
export type ReportPrecision = typeof PRECISIONS[number];
/** One of {@link STATUSES}. */
export type RowStatus = typeof STATUSES[number];

/** Samples in the order of measurement, and their summary. */
const statistics = rule(
  record({
    samples: list(amount),
    median: amount,
    p20: amount,
    p80: amount,
    min: amount,
    mean: amount,
    /** Bootstrap interval of the median, 95 %. */
    ci: optional(nullable(interval(amount))),
    /** Standard deviation over mean; null where one sample leaves it undefined. */
    cv: nullable(amount),
    /** Number of samples, equal to `samples.length`. */
    n: count,
  }),
  ({ n, samples }, { name, path }) => {
    if (n !== samples.length) {
      refuse(
        n,
        { name, path: `${path}.n` },
        `the number of samples, ${samples.length}`,
      );
    }
  },
);

/** Times of one row; `gpuNs` is null where the adapter has no timestamps. */
const timing = record({ gpuNs: nullable(statistics), wallNs: nullable(statistics) });

/** Bytes on the device beyond inputs, weights and dy. */
const memory = record({
  /** The most that lived at once: y, saved, workspace and gradients. */
  peakBytes: byteCount,
  /** What forward leaves for backward; null where it is not known, as for most peers. */
  savedBytes: nullable(byteCount),
  /** Scratch that neither saves nor returns anything; null where it is not known, as for peers. */
  workspaceBytes: nullable(byteCount),
  /** What the plan foretold for `peakBytes`; null where there is no plan, as for peers. */
  predictedPeakBytes: nullable(byteCount),
  /** What the pool of buffers held, at least `peakBytes`. */
  reservedBytes: optional(nullable(byteCount)),
});

/** Relative Frobenius error of each output against the float64 oracle; null where the mode does not make it. */
const accuracy = record({
  y: nullable(amount),
  dx: nullable(amount),
  dGate: nullable(amount),
  dUp: nullable(amount),
  dDown: nullable(amount),
});

/** One dispatch of a row. */
const kernel = record({
  label: filledText,
  /** Median; null without timestamps. */
  gpuNs: nullable(amount),
  flops: nullable(amount),
  bytes: nullable(amount),
  tile: optional(nullable(text)),
  units: optional(nullable(oneOf(UNITS))),
  bound: optional(nullable(oneOf(BOUNDS))),
  fractionOfCeiling: optional(nullable(amount)),
});

/** One variant in one mode at one shape. */
export const row = rule(
  record({
    /** Id of the variant; a peer's begins with `peer:`, and one that Dawn ran with `dawn:`. */
    variant: filledText,
    /** T, the rows of x. */
    tokens: count,
    /** D, the width of x and y. */
    dim: count,
    /** H, the width of the gated unit. */
    hiddenDim: count,
    dtype: oneOf(DTYPES),
    precision: oneOf(PRECISIONS),
    activation: filledText,
    mode: oneOf(MODES),
    status: oneOf(STATUSES),
    /** Why the row was skipped or failed; null where it is ok. */
    reason: nullable(text),
    /** The implementation that ran, in words; null where none did. */
    implementation: nullable(text),
    /** The tile of its main product, for example `64x128x16`; null where there is none. */
    tile: nullable(text),
    /** Null unless the row is ok: an output that failed its check has no time. */
    timing: nullable(timing),
    /** Work of the formulas, without recomputation. */
    flops: nullable(amount),
    /** Least traffic: inputs read once, outputs written once. */
    bytes: nullable(amount),
    /** `flops` over the median GPU time (wall time where there is no GPU time). */
    tflops: nullable(amount),
    /** Rate over the ceiling that binds the row; above 1 is a fault of the measurement. */
    fractionOfCeiling: nullable(amount),
    /** Which ceiling `fractionOfCeiling` is a fraction of. */
    bound: optional(nullable(oneOf(BOUNDS))),
    memory: nullable(memory),
    accuracy: nullable(accuracy),
    /** Whose WebGPU ran it: Deno's own, Dawn, or a browser's; absent in reports of before there was a choice. */
    webgpu: optional(nullable(oneOf([...WEBGPUS, BROWSER]))),
    /** What computed its products. */
    units: optional(nullable(oneOf(UNITS))),
    /** Whether the check compared sampled tokens and hidden units, not all; null where nothing was compared. */
    sampled: optional(nullable(flag)),
    /** Whether it computes with less precision than the problem asks for, as TF32 does: it is then ranked apart. */
    narrow: optional(nullable(flag)),
    /** Time spent building pipelines. */
    compileMs: nullable(amount),
    /** Wall time of the very first use, building of pipelines included. */
    coldMs: optional(nullable(amount)),
    /** Each dispatch of one run, in order. */
    kernels: list(kernel),
    /** Doubts about this row, each a sentence with its remedy. */
    warnings: optional(list(text)),
  }),
  timedIfOk,
);

/** A row is timed if and only if it is ok, and says why where it is not. */
function timedIfOk(
  { status, reason, timing }: { status: RowStatus; reason: string | null; timing: object | null },
  { name, path }: ValuePlace,
): void {
  const place = (key: string): ValuePlace => ({ name, path: `${path}.${key}` });
  if (status === "ok" && timing === null) refuse(timing, place("timing"), "an object where status is ok");
  if (status !== "ok" && timing !== null) refuse(timing, place("timing"), `null where status is ${status}`);
  if (status !== "ok") filledText(reason, place("reason"));
}

/** The GPU, or the software that stands for one. */
const adapter = record({
  /** Maker, for example `nvidia`. */
  vendor: text,
  /** Family of chips as WebGPU tells it; often empty. */
  architecture: text,
  /** The name to print, for example `NVIDIA H200`. */
  device: text,
  /** Driver and version as the adapter tells them; often empty. */
  description: text,
  /** Whether a CPU does the work. */
  software: flag,
  /** Features granted to the device. */
  features: optional(list(text)),
  /** Limits granted to the device. */
  limits: optional(dictionary(amount)),
  /** Nanoseconds for each timestamp tick as calibrated; null without timestamps. */
  timestampPeriodNs: optional(nullable(positive)),
  /** The least difference in nanoseconds that timestamps tell; null without timestamps. */
  timestampStepNs: optional(nullable(amount)),
});

/** What the adapter can do at most, measured in the same run. */
const ceilings = record({
  /** Fused multiply-adds in TFLOP/s for each arithmetic type; null where it was not measured. */
  fmaTflops: record({ float32: nullable(positive), float16: optional(nullable(positive)) }),
  /** Products of subgroup matrices, float16 (float32 on Apple) with float32 sums, in TFLOP/s; null where the device has none. */
  matrixTflops: optional(nullable(positive)),
  /** Device copy, bytes read plus bytes written, in GB/s; null where it was not measured. */
  copyGBps: nullable(positive),
});

/** What the driver's own tool tells of the GPU, its busiest moment first. */
const driver = record({
  /** Driver and version. */
  version: text,
  /** Device memory in use, by everything on the machine. */
  usedBytes: nullable(byteCount),
  clockMhz: nullable(amount),
  temperatureCelsius: nullable(amount),
});

/** The machine beside its GPU. */
const machine = record({
  /** System and processor, for example `linux x86_64`. */
  system: text,
  cores: count,
});

/** A whole report: one run of bench.ts on one adapter. */
export const report = record({
  /** Always {@link SCHEMA}. */
  schema: text,
  /** ISO 8601 time at which the run began. */
  createdAt: filledText,
  /** The command line that produces this report again. */
  command: text,
  /** What was asked for, each as `--name=value`: what --resume goes on with. */
  arguments: optional(list(text)),
  /** Program name -> version, for example `{ deno: "2.9.6" }`. */
  versions: dictionary(text),
  /** Absent in reports of before it was told. */
  machine: optional(machine),
  adapter,
  ceilings,
  rows: list(row),
  /** What the driver's own tool told while rows were sampled; null or absent where there is none. */
  driver: optional(nullable(driver)),
  /** Seed of the tokens and units that were checked, of large shapes; as `--seed` it checks the same ones again. */
  checkSeed: optional(nullable(amount)),
  /** What the run was told and changes its figures (seed, cache flush, ...); compared before two runs are. */
  settings: optional(dictionary(scalar)),
  /** Doubts about the whole run, each a sentence with its remedy. */
  warnings: optional(list(text)),
  /** SHA-256 of all else, in hexadecimal: a report that was edited is not gone on with. */
  digest: optional(text),
});

/** As {@link statistics}. */
export type Statistics = TypeOf<typeof statistics>;
/** As {@link timing}. */
export type Timing = TypeOf<typeof timing>;
/** As {@link memory}. */
export type MemoryReport = TypeOf<typeof memory>;
/** As {@link accuracy}. */
export type Accuracy = TypeOf<typeof accuracy>;
/** As {@link kernel}. */
export type KernelReport = TypeOf<typeof kernel>;
/** As {@link row}. */
export type Row = TypeOf<typeof row>;
/** As {@link adapter}. */
export type AdapterReport = TypeOf<typeof adapter>;
/** As {@link ceilings}. */
export type CeilingsReport = TypeOf<typeof ceilings>;
/** As {@link driver}. */
export type DriverReport = TypeOf<typeof driver>;
/** As {@link report}. */
export type Report = TypeOf<typeof report>;
