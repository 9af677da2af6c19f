/**
 * What a measuring process is told and what it tells: plain data, one JSON value a line. Rows have the form of the
 * report's rows.
 */
import type { ActivationName } from "../../kernels/activation.ts";
import type { AdapterChoice } from "../../kernels/gpu/device.ts";
import type { DType } from "../../kernels/gpu/dtype.ts";
import type { TuningTable } from "../../kernels/matmul/tuning.ts";
import type { Ceilings } from "../timing/ceilings.ts";
import type { Accuracy, AdapterReport, KernelReport, MemoryReport, Row } from "../report/schema.ts";
import type { Sizes } from "../../variants/variant.ts";
import type { Mode } from "./shapes.ts";
import type { Precision } from "../../variants/variant.ts";

/** A problem as plain data: activations by name only. */
export interface ProblemSpec extends Sizes {
  readonly dtype: DType;
  readonly precision: Precision;
  readonly activation: ActivationName;
}

/** One variant in one mode. */
export interface RowSpec {
  /** Id of the variant. */
  readonly variant: string;
  readonly mode: Mode;
}

/** Rows of one problem that are sampled in turns. */
export interface Group {
  readonly problem: ProblemSpec;
  readonly rows: readonly RowSpec[];
}

/** Whose WebGPU measures: Deno's own, or Dawn, the way to tensor cores. */
export type WebGpu = "native" | "dawn";

const ON_DAWN = "dawn:";

/** The id of a variant in the rows of a WebGPU. */
export function idOn(webgpu: WebGpu, id: string): string {
  return webgpu === "dawn" ? ON_DAWN + id : id;
}

/** Whose WebGPU measures the rows of an id. */
export function webgpuOf(id: string): WebGpu {
  return id.startsWith(ON_DAWN) ? "dawn" : "native";
}

/** What to measure. */
export interface Job {
  readonly adapter: AdapterChoice;
  /** Whose WebGPU measures. */
  readonly webgpu: WebGpu;
  /** What to run; null to pick sizes by what the adapter can do, with the rows of `automatic`. */
  readonly groups: readonly Group[] | null;
  /** Problem and rows whose sizes are to be picked. */
  readonly automatic: {
    readonly problem: Omit<ProblemSpec, keyof Sizes | "dtype">;
    /** T of every size; null where it is picked too. */
    readonly tokens: number | null;
    readonly dtypes: readonly DType[];
    readonly rows: readonly RowSpec[];
  };
  /** Tiles that a search found, beside the built-in ones; null for none. */
  readonly tuning: TuningTable | null;
  /** Ceilings as an earlier process of the run measured them; null to measure them. */
  readonly ceilings: Ceilings | null;
  readonly seed: number;
  /** Decides which tokens and hidden units the oracle computes of large shapes, and the inputs of the second check. */
  readonly checkSeed: number;
  /** Whether the last-level cache is emptied before each sample. */
  readonly flush: boolean;
  /** Milliseconds of samples for each row; null leaves it to the adapter. */
  readonly minTimeMs: number | null;
  /** Samples for each row at least; null leaves it to the adapter. */
  readonly samples: number | null;
  /** Rows that need more bytes beyond their inputs are skipped; null for no limit. */
  readonly memoryBudget: number | null;
  /** Whether to stop behind the plan. */
  readonly dryRun: boolean;
}

/** A row that will be measured, or refused. */
export interface PlannedRow extends ProblemSpec, RowSpec {
  /** Why it cannot run; null where it can. */
  readonly refusal: string | null;
  readonly flops: number;
  /** Most bytes at once beyond inputs, weights and dy; null where it cannot be planned. */
  readonly predictedPeakBytes: number | null;
}

/** Parts of a row, declared by the report. */
export type { Accuracy as Errors, AdapterReport as AdapterFacts, KernelReport as KernelFigures };

/** The report's figures of memory, of which the ledger knows all but the plan's. */
export type MemoryFigures = {
  [K in keyof MemoryReport]-?:
    | NonNullable<MemoryReport[K]>
    | (K extends "predictedPeakBytes" ? null : never);
};

/** A finished row, as the report has it: every figure is there or null. */
export interface RowResult
  extends Required<Omit<Row, keyof ProblemSpec | keyof RowSpec | "narrow">>, ProblemSpec, RowSpec {}

/** What a measuring process says while it works. */
export type MeasureEvent =
  /** There is no adapter: nothing follows. */
  | { readonly type: "no-adapter"; readonly message: string }
  | { readonly type: "adapter"; readonly adapter: AdapterReport }
  | { readonly type: "ceilings"; readonly ceilings: Ceilings }
  /** All rows that will follow, and roughly how long each group takes. */
  | {
    readonly type: "plan";
    readonly groups: readonly (Group & { readonly seconds: number })[];
    readonly rows: readonly PlannedRow[];
  }
  /** Work on these rows begins: if the process dies now, one of them did it, or what all of them need (`setUp`). */
  | {
    readonly type: "begin";
    readonly doing: string;
    readonly setUp: boolean;
    readonly problem: ProblemSpec;
    readonly rows: readonly RowSpec[];
  }
  /** Part of the group's work that is done, from 0 to 1. */
  | { readonly type: "progress"; readonly fraction: number }
  | { readonly type: "row"; readonly row: RowResult }
  | { readonly type: "warning"; readonly text: string }
  | { readonly type: "end" };

/** Takes events. */
export type Emit = (event: MeasureEvent) => void;

/** Names a row in one line: equal if and only if all its parts are. */
export function rowKey(row: ProblemSpec & RowSpec): string {
  const { variant, mode, tokens, dim, hiddenDim, dtype, precision, activation } = row;
  return [variant, mode, tokens, dim, hiddenDim, dtype, precision, activation].join(" ");
}
