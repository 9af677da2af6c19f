import { DawnError, requestDawnGpu } from "../../kernels/gpu/dawn.ts";
import { Gpu, NoAdapterError } from "../../kernels/gpu/device.ts";
import { useTuning } from "../../kernels/matmul/tuning.ts";
import { type Ceilings, measureCeilings } from "../timing/ceilings.ts";
import { Instruments } from "../timing/instruments.ts";
import { seededRandom } from "../timing/random.ts";
import type { StopRule } from "../timing/sampler.ts";
import { flopsOf } from "./shapes.ts";
import type { Variant } from "../../variants/variant.ts";
import { GroupRun } from "./group.ts";
import {
  type AdapterFacts,
  type Emit,
  type Group,
  idOn,
  type Job,
  type PlannedRow,
  type RowSpec,
  webgpuOf,
} from "./job.ts";
import { planRow } from "./plan.ts";
import { estimateSeconds, pickSizes, type Speed } from "./sizes.ts";

/** Samples and their time where the command line gives none: a CPU that stands for a GPU gets fewer. */
const RULE = {
  hardware: { samples: 20, timeNs: 250e6 },
  software: { samples: 6, timeNs: 100e6 },
};

/** A median known to half a percent is known well enough. */
const UNCERTAINTY = 0.005;

const MOST_SAMPLES = 1000;

/** A clock that changes its pace by more than this between two calibrations makes times doubtful. */
const CLOCK_DRIFT = 1e-3;

/** How a job is measured. */
export interface MeasureOptions {
  /** Multiply-adds up to which the float64 oracle computes all outputs of a problem. */
  readonly whole?: number;
}

/**
 * Measures a job and tells everything by events, each row as soon as it is checked for the second time.
 *
 * @throws {Error} If the device is lost, or something fails that no row can be blamed for.
 */
export async function measure(
  job: Job,
  variants: readonly Variant[],
  emit: Emit,
  { whole }: MeasureOptions = {},
): Promise<void> {
  const gpu = await requested(job, emit);
  if (gpu === null) return;
  if (job.tuning) useTuning(job.tuning);
  try {
    using instruments = await Instruments.create(gpu, job);
    emit({ type: "adapter", adapter: factsOf(gpu, instruments) });
    const ceilings = job.ceilings ?? await measureCeilings(instruments);
    emit({ type: "ceilings", ceilings });
    const speed = { ceilings, software: gpu.capabilities.software };
    const groups = job.groups ?? automaticGroups(job, speed);
    const named = variants.map((variant) => ({ ...variant, id: idOn(job.webgpu, variant.id) }));
    const planned = groups.map((group) => ({
      group,
      rows: plannedRows(gpu, group, { job, variants: named }),
    }));
    emit({
      type: "plan",
      groups: planned.map(({ group, rows }) => {
        const measured = rows.filter(({ refusal }) => refusal === null);
        return { ...group, seconds: estimateSeconds(measured, group.problem, speed) };
      }),
      rows: planned.flatMap(({ rows }) => rows),
    });
    if (!job.dryRun) {
      const own = groups.map(({ problem, rows }) => ({
        problem,
        rows: rows.filter((row) => isOwn(row, job)),
      }));
      await measureGroups({ gpu, instruments, ceilings, job, variants: named, emit, whole }, own);
    }
    emit({ type: "end" });
  } finally {
    gpu.dispose();
  }
}

async function measureGroups(
  bench: {
    gpu: Gpu;
    instruments: Instruments;
    ceilings: Ceilings;
    job: Job;
    variants: readonly Variant[];
    emit: Emit;
    whole?: number;
  },
  groups: readonly Group[],
): Promise<void> {
  const { gpu, instruments, job, emit } = bench;
  const shared = {
    ...bench,
    compileTimes: new Map(),
    random: seededRandom(job.seed),
    rule: ruleOf(job, gpu),
  };
  for (const group of groups) {
    await new GroupRun(shared, group).run();
    gpu.memory.trim();
    const drift = await instruments.calibrate();
    if (drift > CLOCK_DRIFT) {
      emit({
        type: "warning",
        text: `The device's clock drifts against the wall clock by ${
          (100 * drift).toFixed(2)
        } %: let the machine come to rest, and run again.`,
      });
    }
  }
}

async function requested({ adapter, webgpu }: Job, emit: Emit): Promise<Gpu | null> {
  try {
    if (webgpu === "native") return await Gpu.request({ adapter });
    // Without subgroup matrices it is a second WebGPU, with another compiler, all the same.
    return await requestDawnGpu({ adapter, subgroupMatrices: "optional" });
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DawnError)) throw error;
    emit({ type: "no-adapter", message: error.message });
    return null;
  }
}

function ruleOf({ samples, minTimeMs }: Job, { capabilities }: Gpu): StopRule {
  const rule = RULE[capabilities.software ? "software" : "hardware"];
  return {
    samples: samples ?? rule.samples,
    timeNs: minTimeMs === null ? rule.timeNs : minTimeMs * 1e6,
    uncertainty: UNCERTAINTY,
    knownFrom: samples ?? rule.samples / 2,
    mostSamples: Math.max(MOST_SAMPLES, samples ?? 0),
  };
}

function automaticGroups({ automatic: { problem, tokens, dtypes, rows } }: Job, speed: Speed): Group[] {
  const sizes = pickSizes(rows, { ...speed, tokens, dtypes: dtypes.length });
  return dtypes.flatMap((dtype) => sizes.map((size) => ({ problem: { ...size, ...problem, dtype }, rows })));
}

function isOwn({ variant }: RowSpec, { webgpu }: Job): boolean {
  return webgpuOf(variant) === webgpu;
}

function plannedRows(
  { capabilities }: Gpu,
  { problem, rows }: Group,
  { job, variants }: { job: Job; variants: readonly Variant[] },
): PlannedRow[] {
  return rows.map((spec) => {
    const flops = flopsOf(problem, spec.mode);
    // Rows of the other WebGPU are planned where they are measured.
    if (!isOwn(spec, job)) return { ...problem, ...spec, refusal: null, predictedPeakBytes: null, flops };
    const variant = variants.find(({ id }) => id === spec.variant);
    if (!variant) throw new TypeError(`Cannot plan ${spec.variant} as no variant has this id`);
    const plan = planRow({ variant, problem, mode: spec.mode }, capabilities, job);
    const refusal = "refusal" in plan ? plan.refusal : null;
    const predictedPeakBytes = "refusal" in plan ? null : plan.peakBytes;
    return { ...problem, ...spec, refusal, predictedPeakBytes, flops };
  });
}

function factsOf({ device, capabilities }: Gpu, { tickNs }: Instruments): AdapterFacts {
  const { vendor, architecture, description } = device.adapterInfo;
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(capabilities)) {
    if (typeof value === "number") limits[name] = value;
  }
  return {
    vendor,
    architecture,
    device: capabilities.name,
    description,
    software: capabilities.software,
    features: [...device.features].sort(),
    limits,
    timestampPeriodNs: tickNs,
  };
}
