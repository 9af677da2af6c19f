/**
 * A peer's program that computes with the oracle, and behaves as its argument says. It has its own code for the protocol,
 * so that tests of the parent process need neither a device nor a package.
 */
import { decode } from "../../../kernels/gpu/dtype.ts";
import { lineFromParent, tellParent } from "../../../bench/process/parent.ts";
import { oracle, type OracleInputs, pickColumns, pickRows } from "../../../bench/oracle/mod.ts";
import { INPUTS, OUTPUTS, type PeerEvent, type PeerJob } from "../../../bench/peers/peer.ts";
import type { Mode } from "../../../bench/measure/shapes.ts";

type Output = typeof OUTPUTS[number];

function tell(event: PeerEvent): void {
  tellParent(event);
}

function inputsOf({ folder, problem }: PeerJob): OracleInputs {
  const { tokens, dim, hiddenDim, dtype } = problem;
  const lengths = { x: tokens * dim, dy: tokens * dim, gate: 0, up: 0, down: 0 };
  const load = (name: typeof INPUTS[number]) =>
    decode(Deno.readFileSync(`${folder}/${name}.bin`), dtype, lengths[name] || dim * hiddenDim);
  return Object.fromEntries(INPUTS.map((name) => [name, load(name)])) as unknown as OracleInputs;
}

function writeOutputs(
  job: PeerJob,
  mode: Mode,
  spoil: (name: Output, values: Float32Array) => Float32Array,
): void {
  const { problem: { dim, hiddenDim }, rows, units } = job;
  const outputs = oracle(job.problem, inputsOf(job));
  for (const name of OUTPUTS) {
    const all = outputs[name];
    const columns = name === "dGate" || name === "dUp";
    const wanted = name === "y" || name === "dx" ? rows : units;
    const picked = wanted === null
      ? all
      : columns
      ? pickColumns(all, hiddenDim, wanted)
      : pickRows(all, dim, wanted);
    const { buffer } = spoil(name, Float32Array.from(picked));
    Deno.writeFileSync(`${job.folder}/${mode}-${name}.bin`, new Uint8Array(buffer as ArrayBuffer));
  }
}

/** What becomes of an output. */
function spoiler(behaviour: string): (name: Output, values: Float32Array) => Float32Array {
  if (behaviour === "wrong") return (name, values) => name === "dUp" ? values.map((v) => 1.01 * v) : values;
  if (behaviour === "nan") return (name, values) => name === "y" ? values.fill(NaN, 0, 1) : values;
  if (behaviour === "short") return (_, values) => values.slice(1);
  return (_, values) => values;
}

function measured(job: PeerJob, mode: Mode, behaviour: string): void {
  writeOutputs(job, mode, spoiler(behaviour));
  const ns = behaviour === "too-fast" ? 1e-3 : behaviour === "no-time" ? 0 : 2e6;
  const wallNs = behaviour === "no-samples"
    ? []
    : Array.from({ length: job.samples }, (_, i) => ns * (1 + i / 100));
  tell({
    type: "measured",
    mode,
    gpuNs: null,
    wallNs,
    repeats: 2,
    coldMs: 5,
    peakBytes: 4096,
    savedBytes: null,
  });
}

async function work(job: PeerJob, behaviour: string): Promise<void> {
  if (behaviour === "unavailable") {
    return tell({ type: "unavailable", reason: "its package cannot be found" });
  }
  if (behaviour === "speechless") return tell({ type: "unavailable" } as PeerEvent);
  if (behaviour === "dies-at-once") throw new Error("no library today");
  if (behaviour !== "nameless") tell({ type: "ready", implementation: "fake 1.0", tensorTflops: null });
  for (const mode of job.modes) {
    if (behaviour === "chatty") console.log('a library greets you\n{"type":"hello"}\n[]\nnull\n{"type":');
    tell({ type: "begin", mode, doing: "check" });
    if (behaviour === "hangs") await new Promise((resolve) => setTimeout(resolve, 60_000));
    if (behaviour === "crashes-in-full" && mode === "full") Deno.exit(7);
    if (behaviour === "skips-backward" && mode === "backward") {
      return tell({ type: "skipped", mode, reason: "out of memory: 5 bytes" });
    }
    if (behaviour === "silent") return;
    if (behaviour !== "no-files") measured(job, mode, behaviour);
    else {tell({
        type: "measured",
        mode,
        gpuNs: null,
        wallNs: [1],
        repeats: 1,
        coldMs: 1,
        peakBytes: 1,
        savedBytes: 0,
      });}
  }
}

if (import.meta.main) {
  await work(JSON.parse(await lineFromParent()), Deno.args[0]);
  Deno.exit(0);
}
