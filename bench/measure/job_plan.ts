import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import type { Variant } from "../../variants/variant.ts";
import {
  type Group,
  idOn,
  type Job,
  type MeasureEvent,
  measures,
  type PlannedRow,
  type ProblemSpec,
  type RowSpec,
} from "./job.ts";
import { planRow, type Refusal, type RowPlan } from "./row_plan.ts";
import { flopsOf } from "./shapes.ts";
import { estimateSeconds, pickSizes, type Speed } from "./sizes.ts";

/** One problem, with the plan of each of its rows. */
export interface GroupPlan {
  readonly problem: ProblemSpec;
  readonly rows: readonly {
    readonly spec: RowSpec;
    /** Null if another process measures the row, with the other WebGPU, and plans it there. */
    readonly plan: RowPlan | Refusal | null;
  }[];
}

/** What a plan depends on besides the job. */
export interface PlanContext {
  readonly capabilities: Capabilities;
  readonly variants: readonly Variant[];
  readonly speed: Speed;
}

/** Plans every row of a job on paper: nothing is allocated. Without sizes it picks some first. */
export function planJob(job: Job, { capabilities, variants, speed }: PlanContext): GroupPlan[] {
  const groups = job.groups ?? automaticGroups(job, speed);
  const planned = (problem: ProblemSpec, { variant: id, mode }: RowSpec) => {
    if (!measures(job.webgpu, id)) return null;
    const variant = variants.find((variant) => idOn(job.webgpu, variant.id) === id);
    if (!variant) throw new TypeError(`Cannot measure ${id} as no variant has this id`);
    return planRow({ variant: { ...variant, id }, problem, mode }, capabilities, job);
  };
  return groups.map(({ problem, rows }) => ({
    problem,
    rows: rows.map((spec) => ({ spec, plan: planned(problem, spec) })),
  }));
}

function automaticGroups({ automatic: { problem, tokens, types, rows } }: Job, speed: Speed): Group[] {
  const sizes = pickSizes(rows, { ...speed, tokens, types: types.length });
  return types.flatMap((type) => sizes.map((size) => ({ problem: { ...size, ...problem, ...type }, rows })));
}

/** The plan as the parent process is told it. */
export function planEvent(groups: readonly GroupPlan[], speed: Speed): MeasureEvent {
  return {
    type: "plan",
    groups: groups.map(({ problem, rows }) => {
      const measured = rows.filter(({ plan }) => plan === null || !("refusal" in plan)).map(({ spec }) =>
        spec
      );
      return {
        problem,
        rows: rows.map(({ spec }) => spec),
        seconds: estimateSeconds(measured, problem, speed),
      };
    }),
    rows: groups.flatMap(({ problem, rows }) => rows.map((row) => told(problem, row))),
  };
}

function told(problem: ProblemSpec, { spec, plan }: GroupPlan["rows"][number]): PlannedRow {
  const flops = flopsOf(problem, spec.mode);
  const row = { ...problem, ...spec, flops };
  if (plan === null) return { ...row, refusal: null, predictedPeakBytes: null };
  if ("refusal" in plan) return { ...row, refusal: plan.refusal, predictedPeakBytes: null };
  return { ...row, refusal: null, predictedPeakBytes: plan.peakBytes };
}
