/**
 * How a job is measured: this file has the order of all that happens on the device. `measure` does what all problems of a
 * job share, and calls `measureGroup` for each. What a step does is in a file of its own beside this one.
 *
 * @module
 */

import type { Gpu } from "../../kernels/gpu/device.ts";
import { useTuning } from "../../kernels/matmul/tuning.ts";
import type { Variant } from "../../variants/variant.ts";
import { type Ceilings, measureCeilings } from "../timing/ceilings.ts";
import { Instruments } from "../timing/instruments.ts";
import { type RandomSource, seededRandom } from "../timing/random.ts";
import type { StopRule } from "../timing/sampler.ts";
import { coarseWarning } from "../timing/step.ts";
import { factsOf, requestedGpu } from "./adapter.ts";
import { Attempts } from "./attempts.ts";
import type { CompileTimes } from "./check.ts";
import { RowChecks } from "./row_checks.ts";
import { DeviceInputs, hostInputs } from "./inputs.ts";
import type { Emit, Job } from "./job.ts";
import { type GroupPlan, planEvent, planJob } from "./job_plan.ts";
import { finishedRow, type ProfiledRow, type RunnableRow } from "./row.ts";
import { profiled } from "./row_clock.ts";
import { ruleOf, sampleRows } from "./samples.ts";
import { unchanged } from "./unchanged.ts";

/** What all groups of a job are measured with. */
export interface JobContext {
  readonly gpu: Gpu;
  readonly instruments: Instruments;
  readonly ceilings: Ceilings;
  readonly job: Job;
  readonly emit: Emit;
  readonly compileTimes: CompileTimes;
  readonly random: RandomSource;
  /** When a row has enough samples. */
  readonly rule: StopRule;
  /** Multiply-adds up to which the oracle computes all outputs; its own limit if not given. */
  readonly wholeUpTo?: number;
}

/** The part of a problem's progress that each step takes. */
const SHARES = {
  check: [0, 0.2],
  profile: [0.2, 0.3],
  samples: [0.3, 0.85],
  secondCheck: [0.85, 1],
} as const;

/** The device is kept busy for so long before it is timed, so that its clocks are up. */
const WARM_MS = 300;

/** Added to the check seed. Seeds that a user can give are smaller, so the second inputs are never the first ones. */
const SECOND_SEED_OFFSET = 2 ** 32;

/** A clock that changes its pace by more than this between two calibrations makes times doubtful. */
const CLOCK_DRIFT = 1e-3;

/**
 * Measures a job and tells everything by events, each row as soon as it is checked for the second time.
 *
 * @param options.wholeUpTo Multiply-adds up to which the float64 oracle computes all outputs of a problem.
 * @throws {Error} If the device is lost, or something fails that no row can be blamed for.
 */
export async function measure(
  job: Job,
  variants: readonly Variant[],
  emit: Emit,
  { wholeUpTo }: { wholeUpTo?: number } = {},
): Promise<void> {
  const gpu = await requestedGpu(job, emit);
  if (gpu === null) return;
  if (job.tuning) useTuning(job.tuning);
  try {
    const { capabilities } = gpu;
    using instruments = await Instruments.create(gpu, job);
    emit({ type: "adapter", adapter: factsOf(gpu, instruments) });
    const doubt = coarseWarning(instruments);
    if (doubt !== null) emit({ type: "warning", text: doubt });

    const ceilings = job.ceilings ?? await measureCeilings(instruments);
    emit({ type: "ceilings", ceilings });

    const speed = { ceilings, software: capabilities.software };
    const groups = planJob(job, { capabilities, variants, speed });
    emit(planEvent(groups, speed));

    const shared = {
      compileTimes: new Map(),
      random: seededRandom(job.seed),
      rule: ruleOf(job, capabilities),
    };
    for (const group of job.dryRun ? [] : groups) {
      await measureGroup({ gpu, instruments, ceilings, job, emit, wholeUpTo, ...shared }, group);
      gpu.memory.trim();
      await calibrate(instruments, emit);
    }
    emit({ type: "end" });
  } finally {
    gpu.dispose();
  }
}

/**
 * Measures the rows of one problem. Every row ends in an event. One that fails at a step is left out of the steps after
 * it.
 *
 * @throws {Error} If the device is lost.
 */
export async function measureGroup(context: JobContext, group: GroupPlan): Promise<void> {
  const { gpu, instruments, job, emit } = context;
  const { problem } = group;
  const attempts = new Attempts({ gpu, emit, problem });
  const planned = runnable(group, attempts);
  if (planned.length === 0) return;

  // Inputs, and the reference that outputs are compared with.
  attempts.beginSetUp(planned);
  const variants = planned.map(({ plan }) => plan.variant);
  const inputsOptions = { problem, seed: job.seed, variants };
  using inputs = await attempts.attempt(planned, () => DeviceInputs.create(gpu, inputsOptions));
  if (inputs === null) return;
  const checkOptions = { ...context, problem, inputs };
  const first = await attempts.attempt(
    planned,
    () => RowChecks.create({ ...checkOptions, seed: job.checkSeed }, planned),
  );
  if (first === null) return;

  // Check.
  const checked = await attempts.each(planned, {
    doing: "check",
    share: SHARES.check,
    use: (row) => first.check(row),
  });
  first.dispose();
  if (checked.length === 0) return;

  // Warm up: checks keep the CPU busy and the device idle.
  attempts.begin("warm-up", checked);
  await instruments.warm(WARM_MS);

  // Profile: a first timing of each row tells how often its samples must repeat it.
  const rows = await attempts.each(checked, {
    doing: "profile",
    share: SHARES.profile,
    use: (row) => unchanged(gpu, inputs, () => profiled(instruments, row)),
  });
  if (rows.length === 0) return;

  // Sample in turns, until each row meets the rule.
  const samples = await sampleRows(rows, { ...context, attempts, inputs, share: SHARES.samples });
  if (samples.size === 0) return;

  // Check again, on other inputs: a result that was kept from an earlier run is wrong now.
  const sampled = [...samples.keys()];
  const secondSeed = job.checkSeed + SECOND_SEED_OFFSET;
  attempts.beginSetUp(sampled);
  const second = await attempts.attempt(sampled, async () => {
    await inputs.write(hostInputs(problem, secondSeed));
    return await RowChecks.create({ ...checkOptions, seed: secondSeed }, sampled);
  });
  if (second === null) return;
  await attempts.each(sampled, {
    doing: "second check",
    share: SHARES.secondCheck,
    use: async (row) => {
      await second.checkAgain(row);
      return finished(row, samples.get(row)!, context);
    },
    // The row is told as soon as it is known to be right.
    done: (row) => emit({ type: "row", row }),
  });
  second.dispose();
}

/** The rows of a group that can run here. Those that cannot are told, with the reason. */
function runnable({ rows }: GroupPlan, attempts: Attempts): RunnableRow[] {
  return rows.flatMap(({ spec, plan }) => {
    if (plan === null) return []; // the other WebGPU's, which another process measures
    if (!("refusal" in plan)) return [{ spec, plan }];
    attempts.end(spec, { status: plan.fault ? "failed" : "skipped", reason: plan.refusal });
    return [];
  });
}

/** The report's row. The samples are GPU times, or wall times where the device has no timestamps. */
function finished(row: ProfiledRow, samples: readonly number[], context: JobContext) {
  const { ceilings, compileTimes, instruments: { resolutionNs, timer }, job: { seed, webgpu } } = context;
  const figures = { ceilings, compileTimes, resolutionNs, seed, webgpu };
  return timer !== null
    ? finishedRow(row, samples, figures)
    : finishedRow({ ...row, wallNs: [...samples] }, [], figures);
}

/** Keeps the device's clock true, and warns if it was not. */
async function calibrate(instruments: Instruments, emit: Emit): Promise<void> {
  const drift = await instruments.calibrate();
  if (drift <= CLOCK_DRIFT) return;
  const percent = (100 * drift).toFixed(2);
  emit({
    type: "warning",
    text: `The device's clock drifts against the wall clock by ${percent} %: ` +
      "let the machine come to rest, and run again.",
  });
}
