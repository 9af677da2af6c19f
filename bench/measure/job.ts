/**
 * What the parent process tells a measuring process, a {@linkcode Job}, and what that answers, {@linkcode MeasureEvent}s.
 * Both are plain data and travel as JSON, one value a line. Finished rows have the form of the report's rows.
 *
 * @module
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

/** A problem as plain data. Its activation has a name, so it is a built-in one. */
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

/** Rows of one problem. They are checked one after the other, and sampled in turns. */
export interface Group {
  readonly problem: ProblemSpec;
  readonly rows: readonly RowSpec[];
}

/** Whose WebGPU measures: Deno's own; Dawn, through which tensor cores are reached; or that of the browser that runs this. */
export type WebGpu = "native" | "dawn" | "browser";

const ON_DAWN = "dawn:";

/** The id of a variant in the rows that a WebGPU measures. Those of Dawn begin with "dawn:". */
export function idOn(webgpu: WebGpu, id: string): string {
  return webgpu === "dawn" ? ON_DAWN + id : id;
}

/** Whose WebGPU measures the rows with such an id. */
export function webgpuOf(id: string): WebGpu {
  return id.startsWith(ON_DAWN) ? "dawn" : "native";
}

/** Whether a WebGPU measures the rows of an id. A browser has but one. */
export function measures(webgpu: WebGpu, id: string): boolean {
  return webgpu === "browser" || webgpuOf(id) === webgpu;
}

/** How numbers are stored and multiplied. */
export type NumberType = Pick<ProblemSpec, "dtype" | "precision">;

/** What one measuring process is to do. */
export interface Job {
  readonly adapter: AdapterChoice;
  /** Whose WebGPU measures. */
  readonly webgpu: WebGpu;
  /** What to run. Null to pick sizes by what the adapter can do, and to run `automatic` at these. */
  readonly groups: readonly Group[] | null;
  /** Problem and rows for sizes that are picked. */
  readonly automatic: {
    readonly problem: Omit<ProblemSpec, keyof Sizes | keyof NumberType>;
    /** T of every size; null to pick it too. */
    readonly tokens: number | null;
    readonly types: readonly NumberType[];
    readonly rows: readonly RowSpec[];
  };
  /** Tiles that a search found, beside the built-in ones; null for none. */
  readonly tuning: TuningTable | null;
  /** Ceilings that an earlier process of the same run measured; null to measure them. */
  readonly ceilings: Ceilings | null;
  /** Decides the inputs that are timed, the order of samples, and the bootstrap of intervals. */
  readonly seed: number;
  /** Decides the inputs of the second check, and which tokens and hidden units of a large problem the oracle computes. */
  readonly checkSeed: number;
  /** Whether the last-level cache is emptied before each sample. */
  readonly flush: boolean;
  /** Milliseconds of samples for each row at least; null for what suits the adapter. */
  readonly minTimeMs: number | null;
  /** Samples for each row at least; null for what suits the adapter. */
  readonly samples: number | null;
  /** Rows that need more bytes beyond their inputs are skipped; null for no limit. */
  readonly memoryBudget: number | null;
  /** Whether to stop after the plan was told. */
  readonly dryRun: boolean;
}

/** A row as it is planned: it will be measured, or is refused. */
export interface PlannedRow extends ProblemSpec, RowSpec {
  /** Why it cannot run; null where it can. */
  readonly refusal: string | null;
  readonly flops: number;
  /** Most bytes at once beyond inputs, weights and dy; null if the row is refused or another process plans it. */
  readonly predictedPeakBytes: number | null;
}

/** Parts of a row. The report declares them. */
export type { Accuracy as Errors, AdapterReport as AdapterFacts, KernelReport as KernelFigures };

/** The report's figures of memory as the ledger knows them. It does not know what was predicted. */
export type MemoryFigures = {
  [K in keyof MemoryReport]-?:
    | NonNullable<MemoryReport[K]>
    | (K extends "predictedPeakBytes" ? null : never);
};

/** A finished row in the form of the report. Every figure is there, or null. */
export interface RowResult
  extends Required<Omit<Row, keyof ProblemSpec | keyof RowSpec | "narrow">>, ProblemSpec, RowSpec {}

/** What a measuring process tells while it works. */
export type MeasureEvent =
  /** There is no adapter. Nothing follows. */
  | { readonly type: "no-adapter"; readonly message: string }
  | { readonly type: "adapter"; readonly adapter: AdapterReport }
  | { readonly type: "ceilings"; readonly ceilings: Ceilings }
  /** All rows of the job, refused ones too, and roughly how long each group takes. */
  | {
    readonly type: "plan";
    readonly groups: readonly (Group & { readonly seconds: number })[];
    readonly rows: readonly PlannedRow[];
  }
  /**
   * Work on these rows begins. If the process dies before the next such event, one of them is to blame. With `setUp` it
   * works on what all of them need, and then none of them can be measured.
   */
  | {
    readonly type: "begin";
    readonly doing: string;
    readonly setUp: boolean;
    readonly problem: ProblemSpec;
    readonly rows: readonly RowSpec[];
  }
  /** The part of the group's work that is done, from 0 to 1. */
  | { readonly type: "progress"; readonly fraction: number }
  | { readonly type: "row"; readonly row: RowResult }
  | { readonly type: "warning"; readonly text: string }
  | { readonly type: "end" };

/** Takes events. */
export type Emit = (event: MeasureEvent) => void;

/** Names a row in one line. Two rows have one name only if they agree in all that this names. */
export function rowKey(row: ProblemSpec & RowSpec): string {
  const { variant, mode, tokens, dim, hiddenDim, dtype, precision, activation } = row;
  return [variant, mode, tokens, dim, hiddenDim, dtype, precision, activation].join(" ");
}
