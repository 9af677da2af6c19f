import { type RandomSource, seededRandom } from "../../../bench/timing/random.ts";
import { mean, median, quantile } from "../../../bench/timing/statistics.ts";
import type { Report, Row, Statistics } from "../../../bench/report/schema.ts";
import { syntheticReport } from "./fixture.ts";

/** What disturbs a machine, each as a relative standard deviation of times. */
export interface Load {
  /** Of samples, each by itself. */
  noise: number;
  /** Of what lasts for a few rounds and hits all rows alike. */
  waves: number;
  /** Of what grows or falls steadily from the first round to the last. */
  drift: number;
  /** Of what lasts for the whole run. */
  level: number;
}

/** Part of a wave that is left after one round. */
const LASTING = 0.9;

/** Rows feel a load by this part more or less than others do, as some need memory more and some arithmetic. */
const SENSITIVITY = 0.25;

/** One sample in so many is late, by up to half. */
const LATE = 30;

/**
 * A run of a program under a load: rows are sampled in turns, so that each round hits all of them alike.
 *
 * @param slower Factor on the times of a row, for programs that changed.
 */
export function simulatedRun(
  load: Load,
  { seed, samples, slower = () => 1 }: { seed: number; samples: number; slower?: (row: Row) => number },
): Report {
  const random = seededRandom(seed);
  const report = PROGRAM;
  const machine = machineLoad(load, samples + 1, random);
  const [atStart, ...rounds] = machine;
  const { fmaTflops: { float32 }, copyGBps } = report.ceilings;
  const rate = (ceiling: number) => ceiling / Math.exp(atStart + load.noise * normal(random));
  return {
    ...report,
    ceilings: { fmaTflops: { float32: rate(float32!) }, copyGBps: rate(copyGBps!) },
    rows: report.rows.map((row, i) => {
      const feels = 1 + SENSITIVITY * Math.sin(i);
      const ns = 1e6 * (1 + i % 7) * slower(row);
      const times = rounds.map((log) =>
        ns * Math.exp(feels * log + load.noise * normal(random)) * late(random)
      );
      return { ...row, timing: { gpuNs: statisticsOf(times), wallNs: null } };
    }),
  };
}

/** As `summarize`, without the interval, which nothing here reads and which takes most of the time. */
function statisticsOf(samples: number[]): Statistics {
  const [p20, p80] = [quantile(samples, 0.2), quantile(samples, 0.8)];
  const min = Math.min(...samples);
  return {
    samples,
    median: median(samples),
    p20,
    p80,
    min,
    mean: mean(samples),
    n: samples.length,
    cv: null,
  };
}

/** Sixteen rows of one problem. */
const PROGRAM = syntheticReport({ sizes: [[64, 128, 352]], modes: ["forward", "full"], samples: 1 });

/** Logarithms of how much slower the machine is in each round. */
function machineLoad({ waves, drift, level }: Load, rounds: number, random: RandomSource): number[] {
  const [base, slope] = [level * normal(random), drift * normal(random)];
  let wave = waves * normal(random);
  return Array.from({ length: rounds }, (_, round) => {
    wave = LASTING * wave + Math.sqrt(1 - LASTING ** 2) * waves * normal(random);
    return base + slope * (round / rounds - 0.5) + wave;
  });
}

function late(random: RandomSource): number {
  return random() * LATE < 1 ? 1 + random() / 2 : 1;
}

/** A standard normal number. Source: G. Box, M. Muller, "A note on the generation of random normal deviates" (1958). */
function normal(random: RandomSource): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
