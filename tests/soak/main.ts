/**
 * Computes random blocks for a long time, forward and backward. Each is checked against the oracle. Memory is watched too:
 * the ledger after every case, resident bytes of the process every few seconds. `deno task soak --minutes 30 --seed 1`.
 */
import { requestGpu } from "../../kernels/gpu/device.ts";
import { seededRandom } from "../../bench/timing/random.ts";
import { drawCase, runCase } from "./cases.ts";
import { keepsGrowing, LIMIT_BYTES_PER_CASE, type Sample, type Trend, trendOf } from "./flatness.ts";

const SAMPLE_MS = 5_000;
const REPORT_MS = 60_000;

/** Released buffers wait for reuse; shapes are random here, so most wait in vain. */
const MOST_POOLED_BYTES = 64 * 2 ** 20;

function numberOf(name: string, otherwise: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(Deno.args[at + 1]);
  if (value > 0) return value;
  throw new RangeError(`Cannot use --${name} as it must be above 0: current value is ${Deno.args[at + 1]}`);
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Resident bytes, without what the engine has yet to collect. */
function residentBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().rss;
}

/** Runs cases until the time is over. @throws {Error} If one is wrong, or leaves bytes behind. */
async function soak(minutes: number, seed: number): Promise<Sample[]> {
  using gpu = await requestGpu();
  const { ledger } = gpu.memory;
  const random = seededRandom(seed);
  const samples: Sample[] = [];
  const begin = performance.now();
  let [nextSample, nextReport] = [0, REPORT_MS];
  console.log(`${gpu.capabilities.name}, ${minutes} minutes, seed ${seed}`);
  for (let cases = 1; performance.now() - begin < minutes * 60_000; cases++) {
    await runCase(gpu, drawCase(random));
    gpu.check();
    const left = ledger.liveBytes - ledger.live("internal");
    if (left !== 0) throw new Error(`${left} bytes are left after case ${cases}, seed ${seed}`);
    if (ledger.pooledBytes > MOST_POOLED_BYTES) gpu.memory.trim();
    const elapsed = performance.now() - begin;
    if (elapsed < nextSample) continue;
    nextSample = elapsed + SAMPLE_MS;
    samples.push({ cases, rssBytes: residentBytes() });
    if (elapsed < nextReport) continue;
    nextReport += REPORT_MS;
    const internal = `${ledger.live("internal")} of the library's own, ${
      mebibytes(ledger.pooledBytes)
    } pooled`;
    console.log(
      `${(elapsed / 60_000).toFixed(0)} min: ${cases} cases right, ${
        mebibytes(samples.at(-1)!.rssBytes)
      } resident; ` +
        `device bytes: 0 live, ${internal}; ${(gpu.compileMs / 1000).toFixed(1)} s of compiling`,
    );
  }
  return samples;
}

function tell({ bytesPerCase, errorBytesPerCase, cases }: Trend): void {
  const growth = mebibytes(bytesPerCase * cases);
  console.log(
    `trend of the last ${cases} cases: ${bytesPerCase.toFixed(0)} +- ${
      errorBytesPerCase.toFixed(0)
    } bytes a case, ` +
      `${growth} in all; ${LIMIT_BYTES_PER_CASE} bytes a case are allowed`,
  );
}

if (import.meta.main) {
  const seed = numberOf("seed", crypto.getRandomValues(new Uint32Array(1))[0]);
  const trend = trendOf(await soak(numberOf("minutes", 30), seed));
  tell(trend);
  if (keepsGrowing(trend)) {
    console.error("Memory keeps growing");
    Deno.exit(1);
  }
}
