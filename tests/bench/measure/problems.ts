/** Shared by tests of measuring: small problems, and variants that are wrong on purpose. */
import type { DType } from "../../../kernels/gpu/dtype.ts";
import type { Recorder } from "../../../kernels/gpu/recorder.ts";
import { ObservedRecorder } from "../../../bench/timing/observed.ts";
import type { Job, MeasureEvent, ProblemSpec } from "../../../bench/measure/job.ts";
import type { Refusal, RowPlan } from "../../../bench/measure/row_plan.ts";
import { variants } from "../../../variants/mod.ts";
import { Block, type Variant } from "../../../variants/variant.ts";

/** A problem in float32 with silu. */
export function problemOf(
  tokens: number,
  dim: number,
  hiddenDim: number,
  dtype: DType = "float32",
): ProblemSpec {
  return { tokens, dim, hiddenDim, dtype, precision: "default", activation: "silu" };
}

export const MODES = ["forward", "backward", "full"] as const;

/** A job of these variants in every mode, as short as can be; sizes are picked where there are no problems. */
export function jobOf(problems: ProblemSpec[] | null, ids: string[], changes: Partial<Job> = {}): Job {
  const rows = ids.flatMap((variant) => MODES.map((mode) => ({ variant, mode })));
  return {
    webgpu: "native",
    adapter: "high-performance",
    groups: problems && problems.map((problem) => ({ problem, rows })),
    automatic: {
      problem: { activation: "silu" },
      tokens: null,
      types: [{ dtype: "float32", precision: "default" }],
      rows,
    },
    tuning: null,
    ceilings: { fmaTflops: { float32: 0.01, float16: null }, copyGBps: 5 },
    seed: 3,
    checkSeed: 3,
    flush: true,
    minTimeMs: 1,
    samples: 3,
    memoryBudget: null,
    dryRun: false,
    ...changes,
  };
}

/** A variant of the registry. */
export function variantOf(id: string): Variant {
  return variants.find((variant) => variant.id === id)!;
}

/** A variant of another name that records through another recorder. */
export function altered(id: string, change: (recorder: Recorder) => Recorder, origin = "tuned"): Variant {
  const variant = variantOf(origin);
  const through = ({ recorder, problem, inputs }: Block) => new Block(change(recorder), problem, inputs);
  return {
    ...variant,
    id,
    forward: (block, training) => variant.forward(through(block), training),
    backward: (block, saved, dy) => variant.backward(through(block), saved, dy),
  };
}

/** A variant that leaves out every launch with such a label. */
export function skipping(id: string, label: string): Variant {
  return altered(
    id,
    (recorder) =>
      new ObservedRecorder(recorder, {
        launch: (dispatch, record) => {
          if (dispatch.kernel.label !== label) record();
        },
      }),
  );
}

/** The events of one type. */
export function ofType<T extends MeasureEvent["type"]>(
  events: readonly MeasureEvent[],
  type: T,
): Extract<MeasureEvent, { type: T }>[] {
  return events.filter((event) => event.type === type) as Extract<MeasureEvent, { type: T }>[];
}

/** The plan of a row that can run. */
export function accepted(plan: RowPlan | Refusal): RowPlan {
  if ("refusal" in plan) throw new Error(`The row is refused: ${plan.refusal}`);
  return plan;
}

/** Why a row cannot run. */
export function refusalOf(plan: RowPlan | Refusal): string {
  if ("refusal" in plan) return plan.refusal;
  throw new Error("The row is not refused");
}
