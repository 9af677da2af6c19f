import type { Gpu } from "../../kernels/gpu/device.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import type { Ceilings } from "../timing/ceilings.ts";
import { gpuTimes, type Timed, wallTime } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import { Pace, pieces } from "../timing/pace.ts";
import { type RandomSource, shuffled } from "../timing/random.ts";
import { progressOf, sampleInterleaved, type StopRule } from "../timing/sampler.ts";
import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import type { HostInputs } from "../oracle/data.ts";
import { type Variant, wayName } from "../../variants/variant.ts";
import { type Checked, checkRun, checkTimed, type CompileTimes } from "./check.ts";
import { withErrorScopes } from "./scopes.ts";
import { timedParts } from "./execution.ts";
import { DeviceInputs, hostInputs } from "./inputs.ts";
import { lossOf, unchanged } from "./unchanged.ts";
import type { Emit, Group, Job, ProblemSpec, RowSpec } from "./job.ts";
import { planRow, type RowPlan } from "./plan.ts";
import { profile } from "./profile.ts";
import { repeatsOf } from "./repeats.ts";
import { completed, type Reference, referenceOf } from "./reference.ts";
import { bareRow, finishedRow, type RowWork } from "./row.ts";

/** What all groups of a job share. */
export interface Bench {
  readonly gpu: Gpu;
  readonly instruments: Instruments;
  readonly ceilings: Ceilings;
  readonly job: Job;
  readonly variants: readonly Variant[];
  readonly emit: Emit;
  readonly compileTimes: CompileTimes;
  readonly random: RandomSource;
  readonly rule: StopRule;
  /** Multiply-adds up to which the oracle computes all outputs; its own limit if not given. */
  readonly whole?: number;
}

/** Released buffers that wait for reuse are freed above this: the rows of a group need many sizes. */
const MOST_POOLED_BYTES = 4 * 2 ** 30;

/** A timing shorter than this says more about starting and stopping than about the work. */
const SHORTEST_NS = 50_000;

/** A wait is known to about 0.3 ms: work on the wall clock is repeated until it lasts long beside that. */
const WALL_NS = 20e6;
/** Rows without GPU time, as most peers', are compared with these. */
const WALL_SAMPLES = { hardware: 2 * FEWEST_TO_COMPARE, software: FEWEST_TO_COMPARE };

/** How often the launches of each row are timed by themselves. */
const LAUNCH_SAMPLES = 3;

/** Parts of a group's progress that checks, first profiles and samples are taken for; the rest is second checks. */
const CHECKS_SHARE: [number, number] = [0, 0.2];
const PROFILES_SHARE: [number, number] = [0.2, 0.3];
const SAMPLES_SHARE: [number, number] = [0.3, 0.85];

/** Keeps the device busy before it is timed, so that its clocks are up. */
const WARM_MS = 300;

/** What all rows of a group need before any of them can run. */
const SET_UP = "inputs and reference";

interface Planned {
  readonly spec: RowSpec;
  readonly plan: RowPlan;
}

/** A row whose outputs are right. */
type CheckedRow = Pick<RowWork, "spec" | "plan" | "run" | "checked">;

/** Measures one group: every row is checked and profiled by itself, then all are sampled in turns: launches, wall, rows. */
export class GroupRun {
  readonly #bench: Bench;
  readonly #problem: ProblemSpec;
  readonly #rows: readonly RowSpec[];
  /** Checks by variant and whether training: backward and full share one. */
  readonly #checks = new Map<string, Promise<Checked>>();
  /** Null on a software adapter. */
  readonly #pace: Pace | null;
  #done = 0;
  /** How often inputs were written anew. */
  #rounds = 0;

  constructor(bench: Bench, { problem, rows }: Group) {
    this.#bench = bench;
    this.#pace = bench.gpu.capabilities.software ? null : new Pace();
    this.#problem = problem;
    this.#rows = rows;
  }

  /** Runs; every row ends in an event. @throws {Error} If the device is lost, or a fault has no one row to blame. */
  async run(): Promise<void> {
    const planned = this.#rows.map((spec) => this.#plan(spec)).filter((row) => row !== null);
    if (planned.length === 0) return;
    const rows = planned.map(({ spec }) => spec);
    this.#begin(SET_UP, rows);
    const host = await this.#attempt(rows, () => hostInputs(this.#problem, this.#bench.job.seed));
    if (host === null) return;
    using inputs = await this.#attempt(rows, () => this.#upload(planned, host));
    if (inputs === null) return;
    const { checkSeed: seed } = this.#bench.job;
    const reference = await this.#attempt(rows, () => this.#reference(planned, { inputs, host, seed }));
    if (reference === null) return;
    const checked = await this.#each(planned, {
      doing: "check",
      share: CHECKS_SHARE,
      use: (row) => this.#check(row, { inputs, reference }),
    });
    reference.device?.dispose();
    if (checked.length === 0) return;
    // Checks keep the CPU busy and the device idle.
    this.#begin("warm-up", checked.map(({ spec }) => spec));
    await this.#bench.instruments.warm(WARM_MS);
    const works = await this.#each(checked, {
      doing: "profile",
      share: PROFILES_SHARE,
      use: (row) => unchanged(this.#bench.gpu, inputs, () => this.#profile(row)),
    });
    await this.#sample(works, inputs);
  }

  /** Does something with each row by itself; a row with which it fails is left out from then on. */
  async #each<In extends { spec: RowSpec }, Out>(
    rows: readonly In[],
    { doing, share, use }: {
      doing: string;
      share: [from: number, to: number];
      use: (row: In) => Promise<Out>;
    },
  ): Promise<Out[]> {
    const results: Out[] = [];
    for (const [i, row] of rows.entries()) {
      this.#begin(doing, [row.spec]);
      const result = await this.#attempt([row.spec], () => use(row));
      if (result !== null) results.push(result);
      this.#trim();
      this.#progress(share[0] + (share[1] - share[0]) * (i + 1) / rows.length);
    }
    return results;
  }

  #plan(spec: RowSpec): Planned | null {
    const { gpu, job, variants } = this.#bench;
    const variant = variants.find(({ id }) => id === spec.variant);
    if (!variant) throw new TypeError(`Cannot measure ${spec.variant} as no variant has this id`);
    const plan = planRow({ variant, problem: this.#problem, mode: spec.mode }, gpu.capabilities, job);
    if (!("refusal" in plan)) return { spec, plan };
    this.#fail([spec], { status: plan.fault ? "failed" : "skipped", reason: plan.refusal });
    return null;
  }

  async #upload(planned: readonly Planned[], host: HostInputs): Promise<DeviceInputs> {
    const { gpu } = this.#bench;
    const made: DeviceInputs[] = [];
    try {
      return await withErrorScopes(gpu, async () => {
        const inputs = new DeviceInputs(gpu, this.#problem, host);
        made.push(inputs);
        for (const { plan } of planned) inputs.for(plan.variant);
        await inputs.check();
        await inputs.seal();
        await gpu.idle();
        return inputs;
      });
    } catch (error) {
      for (const inputs of made) inputs.dispose();
      throw error;
    }
  }

  /** What the rows are compared with; a large problem's is on the device too. */
  async #reference(
    rows: readonly Planned[],
    { inputs, host, seed }: { inputs: DeviceInputs; host: HostInputs; seed: number },
  ): Promise<Reference> {
    const { gpu, whole } = this.#bench;
    const reference = referenceOf(this.#problem, host, { seed, whole });
    const training = rows.some(({ spec }) => spec.mode !== "forward");
    const of = { inputs: inputs.for(rows[0].plan.variant), dy: inputs.dy, training };
    return await completed(gpu, reference, of);
  }

  /** Runs a row once and compares its outputs. @throws {Error} If they are wrong. */
  async #check(
    { spec, plan }: Planned,
    { inputs, reference }: { inputs: DeviceInputs; reference: Reference },
  ): Promise<CheckedRow> {
    const { gpu, compileTimes } = this.#bench;
    const { variant } = plan;
    const run = { variant, problem: this.#problem, inputs: inputs.for(variant), dy: inputs.dy };
    const training = spec.mode !== "forward";
    const key = `${wayName(variant.id, variant.chunkTokens)} ${training}`;
    const check = this.#checks.get(key) ??
      unchanged(gpu, inputs, () => checkRun(gpu, run, { training, reference, compileTimes }));
    this.#checks.set(key, check);
    const checked = await check;
    if (checked.fault !== null) throw new Error(checked.fault);
    return { spec, plan, run, checked };
  }

  /** Runs a row once more, which tells how often to repeat it. Its clocks may still rise: it is no sample. */
  async #profile(row: CheckedRow): Promise<RowWork> {
    const launchNs = await this.#launches(row);
    const aboutNs = launchNs?.reduce((sum, ns) => sum + ns, 0) ?? Infinity;
    const repeats = repeatsOf(aboutNs, { leastNs: SHORTEST_NS, bytes: row.plan.peakBytes });
    return { ...row, problem: this.#problem, aboutNs, repeats, launchNs: [], wallNs: [] };
  }

  #launches({ run, spec, plan }: CheckedRow): Promise<number[] | null> {
    return profile(this.#bench.instruments, run, { mode: spec.mode, planned: plan.dispatches });
  }

  /** Samples rows in turns; where that fails, one by one, so that the row at fault is known. Then checks them again. */
  async #sample(works: readonly RowWork[], inputs: DeviceInputs): Promise<void> {
    if (works.length === 0) return;
    this.#begin("samples", works.map(({ spec }) => spec));
    const sample = (some: readonly RowWork[]) =>
      unchanged(this.#bench.gpu, inputs, () => this.#sampleInTurns(some));
    const together = works.length === 1 ? null : await sample(works).catch(() => null);
    if (together !== null) return await this.#checkAgain(together, inputs);
    const samples = new Map<RowWork, number[]>();
    for (const work of works) {
      const lost = await lossOf(this.#bench.gpu);
      if (lost !== null) throw new Error(lost);
      if (works.length > 1) this.#begin("samples", [work.spec]);
      const own = await this.#attempt([work.spec], () => sample([{ ...work, launchNs: [], wallNs: [] }]));
      for (const [row, ns] of own ?? []) samples.set(row, ns);
    }
    if (samples.size > 0) await this.#checkAgain(samples, inputs);
  }

  async #sampleInTurns(works: readonly RowWork[]): Promise<Map<RowWork, number[]>> {
    const { instruments, random, rule } = this.#bench;
    const onGpu = instruments.timer !== null;
    if (onGpu) {
      await this.#sampleLaunches(works);
      await this.#sampleWall(works);
    }
    return await sampleInterleaved(works, {
      rule,
      random,
      measure: (order) => onGpu ? this.#gpuTimes(order) : this.#wallTimes(order),
      report: (_, samplesOf) => {
        const done = works.reduce((sum, work) => sum + progressOf(samplesOf(work), rule), 0) / works.length;
        this.#progress(SAMPLES_SHARE[0] + (SAMPLES_SHARE[1] - SAMPLES_SHARE[0]) * done);
      },
    });
  }

  /** Runs rows once more as they were timed, on other inputs, and tells those that are still right. */
  async #checkAgain(samples: Map<RowWork, number[]>, inputs: DeviceInputs): Promise<void> {
    const { gpu, job: { checkSeed: seed } } = this.#bench;
    const works = [...samples.keys()];
    const specs = works.map(({ spec }) => spec);
    this.#begin(SET_UP, specs);
    const reference = await this.#attempt(specs, async () => {
      const other = seed + ++this.#rounds * 2 ** 32; // above those that a user can give
      const host = hostInputs(this.#problem, other);
      await inputs.write(host);
      return await this.#reference(works, { inputs, host, seed: other });
    });
    if (reference === null) return;
    await this.#each(works, {
      doing: "second check",
      share: [SAMPLES_SHARE[1], 1],
      use: async (work) => {
        const { run, spec: { mode }, plan: { dispatches: planned } } = work;
        const fault = await unchanged(gpu, inputs, () => checkTimed(gpu, { run, mode, planned }, reference));
        if (fault !== null) throw new Error(`After it was timed, on other inputs, ${fault}`);
        // Before the row is told, so that the last one ends at 1.
        this.#progress(SAMPLES_SHARE[1] + (1 - SAMPLES_SHARE[1]) * (works.indexOf(work) + 1) / works.length);
        this.#finish(work, samples.get(work)!);
      },
    });
    reference.device?.dispose();
  }

  #finish(work: RowWork, samples: readonly number[]): void {
    const { ceilings, compileTimes, instruments: { resolutionNs, timer }, job: { seed, webgpu }, emit } =
      this.#bench;
    const scale = { ceilings, compileTimes, resolutionNs, seed, webgpu };
    const row = timer !== null
      ? finishedRow(work, samples, scale)
      : finishedRow({ ...work, wallNs: [...samples] }, [], scale);
    emit({ type: "row", row });
  }

  async #gpuTimes(order: readonly RowWork[]): Promise<number[]> {
    const times: number[] = [];
    const rested = this.#pace ? pieces(order, ({ aboutNs, repeats }) => repeats * aboutNs / 1e6) : [order];
    for (const piece of rested) {
      const items = piece.map(({ run, spec, plan, repeats }) =>
        this.#trimming(timedParts(run, spec.mode, { repeats, planned: plan.dispatches }))
      );
      const spans = await this.#atPace(() => gpuTimes(this.#bench.instruments, items));
      times.push(...spans.map((ns, i) => ns / piece[i].repeats));
    }
    return times;
  }

  async #wallTimes(order: readonly RowWork[]): Promise<number[]> {
    const times: number[] = [];
    for (const { run, spec, plan } of order) {
      const item = this.#trimming(timedParts(run, spec.mode, { planned: plan.dispatches }));
      times.push(await this.#atPace(() => wallTime(this.#bench.instruments, item)));
    }
    return times;
  }

  async #sampleLaunches(works: readonly RowWork[]): Promise<void> {
    for (let i = 0; i < LAUNCH_SAMPLES; i++) {
      for (const work of shuffled(works, this.#bench.random)) {
        this.#trim();
        const launchNs = await this.#atPace(() => this.#launches(work));
        if (launchNs !== null) work.launchNs.push(launchNs);
      }
    }
  }

  async #sampleWall(works: readonly RowWork[]): Promise<void> {
    const { gpu, instruments, random } = this.#bench;
    const count = WALL_SAMPLES[gpu.capabilities.software ? "software" : "hardware"];
    for (let i = 0; i < count; i++) {
      for (const { run, spec, aboutNs, plan, wallNs } of shuffled(works, random)) {
        // Backward consumes what its preparation made.
        const runs = spec.mode === "backward"
          ? 1
          : repeatsOf(aboutNs, { leastNs: WALL_NS, bytes: plan.peakBytes });
        const item = this.#trimming(timedParts(run, spec.mode, { planned: plan.dispatches }));
        wallNs.push(await this.#atPace(() => wallTime(instruments, item, { runs })));
      }
    }
  }

  /** Does timed work, then lets the device rest if it is time to, and come up again: light work lets its clocks sink. */
  async #atPace<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    if (await this.#pace?.worked(performance.now() - start)) await this.#bench.instruments.warm(0);
    // Or a round of many slow rows would look like a device that hangs.
    this.#progress(this.#done);
    return result;
  }

  /** A timed part that begins with room: buffers that only other rows need are freed where they are many. */
  #trimming(item: Timed): Timed {
    return {
      prepare: (recorder) => {
        this.#trim();
        item.prepare?.(recorder);
      },
      timed: item.timed,
    };
  }

  #trim(): void {
    const { memory } = this.#bench.gpu;
    if (memory.ledger.pooledBytes > MOST_POOLED_BYTES) memory.trim();
  }

  /** What `use` gives; null where it throws, which skips or fails the rows. */
  async #attempt<T>(rows: readonly RowSpec[], use: () => T | Promise<T>): Promise<T | null> {
    try {
      return await use();
    } catch (error) {
      const lost = await lossOf(this.#bench.gpu);
      const noRoom = lost === null && (error instanceof OutOfMemoryError || error instanceof LimitError);
      const reason = lost ?? (error instanceof Error ? error.message : String(error));
      this.#fail(rows, { status: noRoom ? "skipped" : "failed", reason });
      if (lost !== null) throw new Error(lost);
      return null;
    }
  }

  #begin(doing: string, rows: readonly RowSpec[]): void {
    this.#bench.emit({ type: "begin", doing, setUp: doing === SET_UP, problem: this.#problem, rows });
  }

  #progress(fraction: number): void {
    this.#done = fraction;
    this.#bench.emit({ type: "progress", fraction });
  }

  #fail(rows: readonly RowSpec[], why: { status: "skipped" | "failed"; reason: string }): void {
    for (const spec of rows) this.#bench.emit({ type: "row", row: bareRow(this.#problem, spec, why) });
  }
}
