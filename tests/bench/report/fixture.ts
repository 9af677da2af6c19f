/**
 * Synthetic reports. Their figures come from simple formulas with seeded noise, not from a machine.
 *
 * @module
 */

import {
  type Accuracy,
  type KernelReport,
  MODES,
  type Report,
  type ReportDType,
  type ReportMode,
  type Row,
  SCHEMA,
  type Statistics,
} from "../../../bench/report/schema.ts";

/** Ids in the order of the registry, with the efficiency and the saved [T, H] tensors that this fixture gives each. */
const SYNTHETIC: Record<string, { efficiency: number; saved: number; extra: number }> = {
  "pytorch": { efficiency: 0.71, saved: 4, extra: 3 },
  "alphafold3": { efficiency: 0.74, saved: 3, extra: 2 },
  "alphafold3-combined": { efficiency: 0.755, saved: 3, extra: 2 },
  "alphafold3-checkpointed": { efficiency: 0.62, saved: 0, extra: 5 },
  "alphafold3-fused": { efficiency: 0.8, saved: 3, extra: 1 },
  "liger": { efficiency: 0.76, saved: 3, extra: 1 },
  "unsloth": { efficiency: 0.757, saved: 2, extra: 1 },
  "tuned": { efficiency: 0.86, saved: 2, extra: 0 },
};

const PEERS: typeof SYNTHETIC = {
  "peer:pytorch-eager": { efficiency: 0.75, saved: 4, extra: 3 },
  "peer:jax-js": { efficiency: 0.15, saved: 5, extra: 5 },
  "peer:onnxruntime-web": { efficiency: 0.08, saved: 3, extra: 3 },
};

/** The ceilings of the machine that does not exist. */
const FMA = 66;
const COPY = 4000;

export interface FixtureOptions {
  sizes?: [number, number, number][];
  dtypes?: ReportDType[];
  modes?: readonly ReportMode[];
  peers?: boolean;
  /** Rows that are skipped and failed, with long reasons. */
  faults?: boolean;
  /** Factor on all times. */
  slower?: number;
  samples?: number;
  seed?: number;
}

/** A small generator of numbers in [0, 1): the figures must be the same in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Statistics of samples spread by some percent about a time, with a few late ones. */
export function statistics(ns: number, { n, next }: { n: number; next: () => number }): Statistics {
  const samples = Array.from({ length: n }, () => {
    const noise = (next() + next() + next() - 1.5) * 0.01;
    return Math.round(ns * (1 + noise + (next() > 0.95 ? 0.06 * next() : 0)));
  });
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (q: number) => sorted[Math.round(q * (n - 1))];
  const mean = samples.reduce((a, b) => a + b, 0) / n;
  const cv = n < 2 ? null : Math.sqrt(samples.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1)) / mean;
  const half = Math.ceil(n ** 0.5 * 0.98);
  const middle = Math.floor(n / 2);
  return {
    samples,
    median: at(0.5),
    p20: at(0.2),
    p80: at(0.8),
    min: sorted[0],
    mean,
    n,
    cv,
    ci: [sorted[Math.max(0, middle - half)], sorted[Math.min(n - 1, middle + half)]],
  };
}

const factor = (mode: ReportMode) => mode === "forward" ? 6 : mode === "backward" ? 12 : 18;

function kernelsOf(row: Row, ns: number): KernelReport[] {
  const { tokens: t, dim: d, hiddenDim: h } = row;
  const parts: [string, number][] = row.mode === "forward"
    ? [["g", 2], ["u", 2], ["h = act(g) u", 0], ["y", 2]]
    : [["dh", 2], ["dg, du from dh, g, u", 0], ["dDown", 2], ["dx", 4], [
      "dGateUp",
      4,
    ]];
  const total = parts.reduce((sum, [, work]) => sum + (work || 0.1), 0);
  return parts.map(([label, work]) => {
    const gpuNs = (ns * (work || 0.1)) / total;
    const flops = work * t * d * h;
    const bytes = 4 * (work === 0 ? 3 * t * h : t * d + d * h + t * h);
    const bound = work === 0 ? "bytes" : "flops";
    const fractionOfCeiling = bound === "flops" ? flops / gpuNs / 1e3 / FMA : bytes / gpuNs / COPY;
    return { label, gpuNs, flops, bytes, bound, tile: work === 0 ? null : "64x128x16", fractionOfCeiling };
  });
}

function accuracyOf(mode: ReportMode, error: number): Accuracy {
  const forward = mode === "backward" ? null : error;
  const back = mode === "forward" ? null : error * 1.2;
  return { y: forward, dx: back, dGate: back, dUp: back, dDown: back };
}

interface Cell {
  variant: string;
  size: [number, number, number];
  dtype: ReportDType;
  mode: ReportMode;
}

function bareRow({ variant, size: [tokens, dim, hiddenDim], dtype, mode }: Cell): Row {
  return {
    variant,
    tokens,
    dim,
    hiddenDim,
    dtype,
    precision: "default",
    activation: "silu",
    mode,
    status: "ok",
    reason: null,
    implementation: variant,
    tile: null,
    timing: null,
    flops: factor(mode) * tokens * dim * hiddenDim,
    bytes: null,
    tflops: null,
    fractionOfCeiling: null,
    memory: null,
    accuracy: null,
    compileMs: null,
    kernels: [],
  };
}

/** One row that ran. */
function okRow(cell: Cell, options: Required<FixtureOptions>, next: () => number): Row {
  const row = bareRow(cell);
  const { efficiency, saved, extra } = SYNTHETIC[cell.variant] ?? PEERS[cell.variant];
  const [t, d, h] = cell.size;
  const width = cell.dtype === "float32" ? 4 : 2;
  const small = 1 / (1 + 2e9 / row.flops!);
  const rate = FMA * efficiency * small * (cell.dtype === "float32" ? 1 : 0.85);
  const ns = (row.flops! / rate / 1e3) * options.slower;
  const gpuNs = cell.variant.startsWith("peer:") ? null : statistics(ns, { n: options.samples, next });
  const wallNs = statistics(ns + 2e4, { n: options.samples, next });
  const tensor = t * h * width;
  const savedBytes = cell.mode === "forward" ? 0 : saved * tensor;
  const workspaceBytes = extra * tensor;
  const outputs = width * (cell.mode === "forward" ? t * d : t * d + 3 * d * h);
  const median = (gpuNs ?? wallNs).median;
  return {
    ...row,
    tile: "64x128x16",
    timing: { gpuNs, wallNs },
    bytes: width * (2 * t * d + 3 * d * h) * (cell.mode === "forward" ? 1 : 2),
    tflops: row.flops! / median / 1e3,
    fractionOfCeiling: row.flops! / median / 1e3 / FMA,
    bound: "flops",
    memory: {
      peakBytes: savedBytes + workspaceBytes + outputs,
      savedBytes,
      workspaceBytes,
      predictedPeakBytes: cell.variant.startsWith("peer:") ? null : savedBytes + workspaceBytes + outputs,
    },
    accuracy: accuracyOf(
      cell.mode,
      (cell.dtype === "float32" ? 2e-7 : 4e-4) * (1 + efficiency + 0.1 * next()),
    ),
    compileMs: 120 + 40 * next(),
    coldMs: 300 + 40 * next(),
    kernels: gpuNs === null ? [] : kernelsOf(row, median),
  };
}

const SKIPPED =
  "the fused kernel needs 98304 bytes of workgroup memory at its smallest tile, and this adapter grants 49152: " +
  "use alphafold3-combined, or an adapter whose maxComputeWorkgroupStorageSize is larger";
const FAILED =
  "dx misses the oracle: relative Frobenius error 3.1e-2 is above the bound 2.0e-5 for float32, first at row 17";

function withFault(row: Row): Row {
  const { mode, variant } = row;
  const bare = bareRow({ variant, mode, dtype: row.dtype, size: [row.tokens, row.dim, row.hiddenDim] });
  if (variant === "alphafold3-fused") {
    return { ...bare, status: "skipped", reason: SKIPPED, implementation: null };
  }
  if (variant === "liger" && mode !== "forward") return { ...bare, status: "failed", reason: FAILED };
  if (variant === "unsloth") {
    return { ...row, warnings: ["Samples are noisy: cv is above 5 %, close other programs"] };
  }
  return row;
}

const DEFAULTS: Required<FixtureOptions> = {
  sizes: [[512, 1024, 2816], [2048, 2048, 5632], [4096, 4096, 11008]],
  dtypes: ["float32"],
  modes: MODES,
  peers: false,
  faults: false,
  slower: 1,
  samples: 30,
  seed: 1,
};

/** A report that bench.ts could have written, had its machine existed. */
export function syntheticReport(given: FixtureOptions = {}): Report {
  const options = { ...DEFAULTS, ...given };
  const next = random(options.seed);
  const variants = [...Object.keys(SYNTHETIC), ...(options.peers ? Object.keys(PEERS) : [])];
  const cells = options.sizes.flatMap((size) =>
    options.dtypes.flatMap((dtype) =>
      options.modes.flatMap((mode) => variants.map((variant): Cell => ({ variant, size, dtype, mode })))
    )
  );
  const rows = cells.map((cell) => okRow(cell, options, next));
  return {
    schema: SCHEMA,
    createdAt: "2026-01-02T03:04:05.000Z",
    command: "deno task bench --sizes 512x1024x2816,2048x2048x5632,4096x4096x11008",
    versions: { suite: "0.0.0", deno: "2.9.6" },
    adapter: {
      vendor: "nobody",
      architecture: "synthetic",
      device: "Synthetic GPU 9000",
      description: "fixture, not a machine",
      software: false,
    },
    ceilings: { fmaTflops: { float32: FMA, float16: FMA }, copyGBps: COPY },
    settings: { seed: options.seed },
    warnings: ["The clock of the GPU rose by 4 % during the run: warm up longer with --min-time"],
    rows: options.faults ? rows.map(withFault) : rows,
  };
}

/** A report of one row, for tests that change a single figure. */
export function oneRow(change: Partial<Row> = {}): Report {
  const report = syntheticReport({ sizes: [[4, 8, 16]], modes: ["forward"], samples: 5 });
  return { ...report, warnings: [], rows: [{ ...report.rows[0], ...change }] };
}
