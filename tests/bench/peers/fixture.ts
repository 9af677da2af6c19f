/** Shared by tests of peers: a small problem, options, and peers whose program is fake_peer.ts. */
import type { Mode } from "../../../bench/measure/shapes.ts";
import type { ProblemSpec } from "../../../bench/measure/job.ts";
import { type Peer, rowId } from "../../../bench/peers/peer.ts";
import { measurePeers, type PeerOptions } from "../../../bench/peers/run.ts";
import type { Row } from "../../../bench/report/schema.ts";
import { driverVariables } from "../../../bench/process/machine.ts";

/** Odd sizes, so that no mixed-up shape or stride goes unnoticed. */
export const PROBLEM: ProblemSpec = {
  tokens: 7,
  dim: 12,
  hiddenDim: 31,
  dtype: "float32",
  precision: "default",
  activation: "silu",
};

export const OPTIONS: PeerOptions = {
  adapter: "high-performance",
  software: true,
  ceilings: { fmaTflops: { float32: 10, float16: 20 }, copyGBps: 100 },
  seed: 3,
  samples: 3,
  minTimeMs: 1,
  flush: false,
  timeoutSeconds: 120,
  env: driverVariables(),
};

/** A peer that does what `behaviour` says; see fake_peer.ts. */
export function fakePeer(behaviour: string, about: Partial<Peer> = {}): Peer {
  return {
    id: behaviour,
    project: "Fake",
    usage: "not at all",
    dtypes: ["float32", "float16", "bfloat16"],
    gradients: "apart",
    platform: "webgpu",
    packages: [],
    program: { runtime: "deno", module: new URL("fake_peer.ts", import.meta.url).href, args: [behaviour] },
    ...about,
  };
}

/** Rows of peers by `ID MODE`, in the order in which they were told. */
export async function rowsOf(
  peers: readonly Peer[],
  modes: readonly Mode[],
  options: Partial<PeerOptions> & { problem?: ProblemSpec } = {},
): Promise<Map<string, Row>> {
  const { problem = PROBLEM } = options;
  const specs = peers.flatMap((peer) => modes.map((mode) => ({ variant: rowId(peer), mode })));
  const rows = new Map<string, Row>();
  await measurePeers({ problem, rows: specs }, { ...OPTIONS, ...options, peers }, (row) => {
    rows.set(`${row.variant} ${row.mode}`, row);
  });
  return rows;
}
