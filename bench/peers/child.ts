/** What the programs of peers in Deno share: they take one job, and tell the figures of each mode. */
import { bytesPerElement, type DType } from "../../kernels/gpu/dtype.ts";
import { lineFromParent, tellParent } from "../process/parent.ts";
import { type OracleOutputs, pickColumns, pickRows } from "../oracle/mod.ts";
import type { Mode } from "../measure/shapes.ts";
import type { Engine, HostOutputs, InputBytes, Session, Surroundings } from "./engine.ts";
import { INPUTS, type PeerEvent, type PeerJob } from "./peer.ts";
import { timeRuns } from "./timing.ts";
import { DeviceWatch } from "./watch.ts";

/** Most bytes that queued runs may hold together. */
const MOST_QUEUED_BYTES = 2 ** 30;

const MOST_REPEATS = 200;

type Setting = Pick<Surroundings, "job" | "watch">;

interface Checked {
  readonly coldMs: number;
  readonly peakBytes: number;
}

/** Runs a peer's program to its end. `open` loads the library. Nothing has fetched it before. */
export async function serve<Result>(
  open: (surroundings: Surroundings) => Promise<Session<Result>>,
): Promise<never> {
  console.log = console.info = console.debug = console.error; // only events may go to stdout
  const job: PeerJob = JSON.parse(await lineFromParent());
  const watch = DeviceWatch.install(job.adapter);
  try {
    const session = await open({ job, inputs: readInputs(job), watch });
    tell({ type: "ready", implementation: session.implementation, tensorTflops: null });
    await measureModes(session, { job, watch });
  } catch (error) {
    tell({ type: "unavailable", reason: reasonOf(error) });
  }
  Deno.exit(0);
}

/**
 * Checks every mode before it times any. Peak memory is measured during the checks, because after a timing a library's pool
 * holds the memory of many queued runs.
 */
async function measureModes<Result>(session: Session<Result>, setting: Setting): Promise<void> {
  const checked: { mode: Mode; engine: Engine<Result>; figures: Checked }[] = [];
  for (const mode of setting.job.modes) {
    await attempt(mode, "check", async () => {
      const engine = await session.prepare(mode);
      checked.push({ mode, engine, figures: await check(engine, mode, setting) });
    });
  }
  for (const { mode, engine, figures } of checked) {
    await attempt(mode, "samples", async () => {
      const queued = Math.floor(MOST_QUEUED_BYTES / Math.max(figures.peakBytes, 1));
      const mostRepeats = Math.max(1, Math.min(MOST_REPEATS, queued));
      const times = await timeRuns(engine, { ...setting.job, mostRepeats });
      setting.watch.check();
      tell({ type: "measured", mode, gpuNs: null, savedBytes: null, ...times, ...figures });
    });
  }
}

async function attempt(mode: Mode, doing: string, work: () => Promise<void>): Promise<void> {
  tell({ type: "begin", mode, doing });
  try {
    await work();
  } catch (error) {
    tell({ type: "skipped", mode, reason: reasonOf(error) });
    Deno.exit(0); // after a fault the state of the library is unknown
  }
}

async function check<Result>(engine: Engine<Result>, mode: Mode, setting: Setting): Promise<Checked> {
  const start = performance.now();
  const first = await engine.run();
  await engine.finish([first]);
  const coldMs = performance.now() - start;
  writeOutputs(await engine.read(first), mode, setting.job);
  engine.discard(first);
  setting.watch.check();
  return { coldMs, peakBytes: await peakOfRun(engine, mode, setting) };
}

/** Most bytes on the device during a run, without those of its inputs. */
async function peakOfRun<Result>(
  engine: Engine<Result>,
  mode: Mode,
  { job, watch }: Setting,
): Promise<number> {
  await watch.idle();
  watch.resetPeak();
  const result = await engine.run();
  await engine.finish([result]);
  const { peakBytes } = watch;
  engine.discard(result);
  return Math.max(0, peakBytes - residentBytes(job, mode));
}

/** Bytes of the inputs of a mode. Forward has no dy. */
function residentBytes({ problem: { tokens, dim, hiddenDim, dtype } }: PeerJob, mode: Mode): number {
  const activations = (mode === "forward" ? 1 : 2) * tokens * dim;
  return (activations + 3 * dim * hiddenDim) * bytesPerElement(dtype);
}

function readInputs({ folder }: PeerJob): InputBytes {
  const entries = INPUTS.map((name) => [name, Deno.readFileSync(`${folder}/${name}.bin`)]);
  return Object.fromEntries(entries) as InputBytes;
}

function writeOutputs(outputs: HostOutputs, mode: Mode, { folder, problem, rows, units }: PeerJob): void {
  const { dim, hiddenDim } = problem;
  const picks: Record<keyof OracleOutputs, (values: Float32Array) => ArrayLike<number>> = {
    y: (values) => rows ? pickRows(values, dim, rows) : values,
    dx: (values) => rows ? pickRows(values, dim, rows) : values,
    dGate: (values) => units ? pickColumns(values, hiddenDim, units) : values,
    dUp: (values) => units ? pickColumns(values, hiddenDim, units) : values,
    dDown: (values) => units ? pickRows(values, dim, units) : values,
  };
  for (const [name, values] of Object.entries(outputs) as [keyof OracleOutputs, ArrayLike<number>][]) {
    const picked = new Float32Array(
      picks[name](values instanceof Float32Array ? values : new Float32Array(values)),
    );
    Deno.writeFileSync(`${folder}/${mode}-${name}.bin`, new Uint8Array(picked.buffer));
  }
}

/** Elements of a dtype as the typed array that libraries take. bfloat16 has none. */
export function elements(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: DType,
  length: number,
): Float32Array | Float16Array {
  const { buffer, byteOffset } = bytes;
  if (dtype === "float32") return new Float32Array(buffer, byteOffset, length);
  if (dtype === "float16") return new Float16Array(buffer, byteOffset, length);
  throw new TypeError(`Cannot view elements as dtype must be float32 or float16: current value is ${dtype}`);
}

function tell(event: PeerEvent): void {
  tellParent(event);
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}
