import { lines, range } from "../text.ts";

/** Indices of K of A that are in shared memory at once. */
export const STREAM_CHUNK = 128;

/** Threads that share the work on some rows of B. */
export const LANES = 32;

/** The parts of a stream kernel that depend on the layout of B, as WGSL text. */
export interface Stream {
  /** Warps of a workgroup. */
  readonly warps: number;
  /** Columns of the output that one workgroup computes. */
  readonly columns: number;
  /** Module scope: shared memory. */
  readonly declarations: string;
  /** Runs once: places and sums. */
  readonly setup: string;
  /** Steps in a chunk. Their number is even, as two sets of registers take turns. */
  readonly steps: number;
  /** Declares the registers of a set of B. */
  registersB(set: string): string;
  /** Where a thread's part of B begins in the chunk that begins at `k0`. */
  placeB(k0: string): string;
  /** Asks for a step of B from there. */
  fetchB(set: string, place: string, step: number): string;
  /** Declares the registers of A. */
  readonly registersA: string;
  /** Asks for the chunk of A that begins at `k0`. */
  fetchA(k0: string): string;
  /** Writes A's registers to shared memory. */
  readonly commitA: string;
  /** Multiplies a step. */
  multiply(set: string, step: number): string;
  /** Multiplies the `rest` indices of K from `k0` on, of which A is in shared memory. */
  readonly rest: string;
  /** Adds up what threads of a workgroup have, and stores it. */
  readonly finish: string;
}

/** The kernel of a stream, without its buffers. */
export function streamWgsl(of: Stream): string {
  const sets = ["even", "odd"];
  const steps = range(of.steps).map((step) => {
    const next = step + 1 < of.steps
      ? of.fetchB(sets[(step + 1) % 2], "here", step + 1)
      : of.fetchB("even", "there", 0);
    return `${next}\n${of.multiply(sets[step % 2], step)}`;
  });
  return `${of.declarations}

@compute @workgroup_size(${of.warps * LANES})
fn main(@builtin(local_invocation_index) tid: u32, @builtin(workgroup_id) group: vec3u,
        @builtin(num_workgroups) groups: vec3u) {
  let first_col = (group.y * groups.x + group.x) * ${of.columns}u;
  if (first_col >= p.n) { return; }
  let lane = tid & ${LANES - 1}u;
  let warp = tid >> ${Math.log2(LANES)}u;
${of.setup}
  let chunks = p.k / ${STREAM_CHUNK}u;
  let first = group.z * chunks / p.splits;
  let end = (group.z + 1u) * chunks / p.splits;
  if (first < end) {
    let k0 = first * ${STREAM_CHUNK}u;
    var here = ${of.placeB("k0")};
${of.registersA}
${of.registersB("even")}
${of.registersB("odd")}
${of.fetchA("k0")}
${of.fetchB("even", "here", 0)}
    for (var chunk = first; chunk < end; chunk++) {
      workgroupBarrier();
${of.commitA}
      workgroupBarrier();
      // The last turn asks once more for what it has.
      let next = min(chunk + 1u, end - 1u) * ${STREAM_CHUNK}u;
      let there = ${of.placeB("next")};
${of.fetchA("next")}
${lines(steps)}
      here = there;
    }
  }
  let rest = p.k - chunks * ${STREAM_CHUNK}u;
  if (rest > 0u && group.z == p.splits - 1u) {
    let k0 = chunks * ${STREAM_CHUNK}u;
    workgroupBarrier();
    {
${of.registersA}
${of.fetchA("k0")}
${of.commitA}
    }
    workgroupBarrier();
${of.rest}
  }
${of.finish}
}`;
}
