import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import { gpuTimes } from "../timing/clock.ts";
import type { Instruments } from "../timing/instruments.ts";
import { Pace, pieces } from "../timing/pace.ts";
import { type RandomSource, shuffled } from "../timing/random.ts";
import { progressOf, sampleInterleaved, type StopRule } from "../timing/sampler.ts";
import { FEWEST_TO_COMPARE } from "../timing/statistics.ts";
import { trimPool } from "./allocation.ts";
import type { Attempts, Share } from "./attempts.ts";
import type { DeviceInputs } from "./inputs.ts";
import type { Job } from "./job.ts";
import { launchTimes } from "./launch_times.ts";
import type { ProfiledRow } from "./row.ts";
import { timedRow, wallRuns, wallTimeOf } from "./row_clock.ts";
import { lossOf, unchanged } from "./unchanged.ts";

/** How often the launches of each row are timed by themselves. */
const LAUNCH_SAMPLES = 3;

/** How often each row is timed on the wall clock. Rows without GPU time, as most peers', are compared by these. */
const WALL_SAMPLES = { hardware: 2 * FEWEST_TO_COMPARE, software: FEWEST_TO_COMPARE };

/** Samples and their time where the command line gives none. A CPU that stands for a GPU gets fewer. */
const RULE = {
  hardware: { samples: 20, timeNs: 250e6 },
  software: { samples: 6, timeNs: 100e6 },
};

/** A median that is known to half a percent is known well enough. */
const UNCERTAINTY = 0.005;

const MOST_SAMPLES = 1000;

/** When a row has enough samples. */
export function ruleOf({ samples, minTimeMs }: Job, { software }: Capabilities): StopRule {
  const rule = RULE[software ? "software" : "hardware"];
  return {
    samples: samples ?? rule.samples,
    timeNs: minTimeMs === null ? rule.timeNs : minTimeMs * 1e6,
    uncertainty: UNCERTAINTY,
    knownFrom: samples ?? rule.samples / 2,
    mostSamples: Math.max(MOST_SAMPLES, samples ?? 0),
  };
}

/** What samples are taken with. */
export interface SamplerOptions {
  readonly instruments: Instruments;
  readonly random: RandomSource;
  readonly rule: StopRule;
  /** Called after all timed work, however short, with the part of the samples that is taken, from 0 to 1. */
  progress(part: number): void;
}

/** Samples by row: nanoseconds of a run, in the order of measurement. */
export type SampledRows = Map<ProfiledRow, readonly number[]>;

/**
 * Samples a problem's rows in turns. Where that fails, each is sampled alone, so that the row at fault is known.
 *
 * @returns The rows that did not fail. A row's launches and wall times are in the row itself.
 * @throws {Error} If the device is lost.
 */
export async function sampleRows(
  rows: readonly ProfiledRow[],
  { attempts, inputs, share, ...options }:
    & Pick<SamplerOptions, "instruments" | "random" | "rule">
    & { attempts: Attempts; inputs: DeviceInputs; share: Share },
): Promise<SampledRows> {
  const { gpu } = options.instruments;
  const sampler = new Sampler({
    ...options,
    progress: (part) => attempts.progress(share, part),
  });
  const sample = (some: readonly ProfiledRow[]) => unchanged(gpu, inputs, () => sampler.sample(some));
  attempts.begin(rows.length > 1 ? "samples in turns" : "samples", rows);
  const together = rows.length === 1 ? null : await sample(rows).catch(() => null);
  if (together !== null) return together;
  const samples: SampledRows = new Map();
  for (const row of rows) {
    const lost = await lossOf(gpu);
    if (lost !== null) throw new Error(lost);
    if (rows.length > 1) attempts.begin("samples", [row]);
    const own = await attempts.attempt([row], () => sample([{ ...row, launchNs: [], wallNs: [] }]));
    for (const [sampled, ns] of own ?? []) samples.set(sampled, ns);
  }
  return samples;
}

/** About how long one wall time of a row takes, and all its samples of whole runs: nanoseconds of the device. */
const wallNs = (row: ProfiledRow) => wallRuns(row) * row.aboutNs;
const runsNs = ({ repeats, aboutNs }: ProfiledRow, { samples, timeNs }: StopRule) =>
  Math.max(samples * repeats * aboutNs, timeNs);

/** Takes samples of rows, in random order. */
class Sampler {
  readonly #options: SamplerOptions;
  /** About how long everything takes, and how much of that is done, in nanoseconds. */
  #work = { all: 0, done: 0 };
  /** Null on a software adapter, which needs no rest. */
  readonly #pace: Pace | null;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#pace = options.instruments.gpu.capabilities.software ? null : new Pace();
  }

  /**
   * Samples rows in turns: first every launch by itself and the wall clock, a fixed number of times, then the GPU time
   * of whole runs until the rule is met. Without timestamps there is the wall clock alone, and the rule is for it.
   *
   * @returns The samples that the rule is for.
   */
  async sample(rows: readonly ProfiledRow[]): Promise<SampledRows> {
    const { instruments, random, rule } = this.#options;
    const onGpu = instruments.timer !== null;
    const sumOf = (about: (row: ProfiledRow) => number) => rows.reduce((sum, row) => sum + about(row), 0);
    const first = onGpu ? sumOf((row) => LAUNCH_SAMPLES * row.aboutNs + this.#wallSamples * wallNs(row)) : 0;
    this.#work = { all: first + sumOf((row) => runsNs(row, rule)), done: 0 };
    if (onGpu) {
      await this.#sampleLaunches(rows);
      await this.#sampleWall(rows);
    }
    return await sampleInterleaved(rows, {
      rule,
      random,
      measure: (order) => onGpu ? this.#gpuTimes(order) : this.#wallTimes(order),
      report: (_, samplesOf) =>
        this.#tell(first + sumOf((row) => runsNs(row, rule) * progressOf(samplesOf(row), rule))),
    });
  }

  get #wallSamples(): number {
    return WALL_SAMPLES[this.#options.instruments.gpu.capabilities.software ? "software" : "hardware"];
  }

  /** Tells how far the sampling is. */
  #tell(done: number): void {
    this.#work.done = done;
    this.#options.progress(done / this.#work.all);
  }

  async #sampleLaunches(rows: readonly ProfiledRow[]): Promise<void> {
    const { instruments, random } = this.#options;
    for (let i = 0; i < LAUNCH_SAMPLES; i++) {
      for (const row of shuffled(rows, random)) {
        trimPool(instruments.gpu);
        const launchNs = await this.#atPace(() => launchTimes(instruments, row), row.aboutNs);
        if (launchNs !== null) row.launchNs.push(launchNs);
      }
    }
  }

  async #sampleWall(rows: readonly ProfiledRow[]): Promise<void> {
    const { instruments, random } = this.#options;
    for (let i = 0; i < this.#wallSamples; i++) {
      for (const row of shuffled(rows, random)) {
        const wall = () => wallTimeOf(instruments, row, wallRuns(row));
        row.wallNs.push(await this.#atPace(wall, wallNs(row)));
      }
    }
  }

  async #gpuTimes(order: readonly ProfiledRow[]): Promise<number[]> {
    const times: number[] = [];
    const { instruments } = this.#options;
    const rested = this.#pace ? pieces(order, ({ aboutNs, repeats }) => repeats * aboutNs / 1e6) : [order];
    for (const piece of rested) {
      const items = piece.map((row) => timedRow(instruments.gpu, row, row.repeats));
      const spans = await this.#atPace(() => gpuTimes(instruments, items));
      times.push(...spans.map((ns, i) => ns / piece[i].repeats));
    }
    return times;
  }

  async #wallTimes(order: readonly ProfiledRow[]): Promise<number[]> {
    const times: number[] = [];
    for (const row of order) {
      times.push(await this.#atPace(() => wallTimeOf(this.#options.instruments, row, row.repeats)));
    }
    return times;
  }

  /**
   * Does timed work, then lets the device rest if it is time to, and warms it again: light work lets its clocks sink.
   *
   * @param ns How much of the sampling's work it is.
   */
  async #atPace<T>(work: () => Promise<T>, ns = 0): Promise<T> {
    const start = performance.now();
    const result = await work();
    if (await this.#pace?.worked(performance.now() - start)) await this.#options.instruments.warm(0);
    this.#tell(this.#work.done + ns);
    return result;
  }
}
