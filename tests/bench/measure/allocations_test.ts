/** Each allocation of a run fails in turn. The row is then skipped, the device goes on, and no memory is left in use. */
import { assert, assertEquals } from "@std/assert";
import { DeviceMemory, OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { Instruments } from "../../../bench/timing/instruments.ts";
import { seededRandom } from "../../../bench/timing/random.ts";
import type { MeasureEvent } from "../../../bench/measure/job.ts";
import { type GroupPlan, planJob } from "../../../bench/measure/job_plan.ts";
import { type JobContext, measureGroup } from "../../../bench/measure/run.ts";
import { variants } from "../../../variants/mod.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { jobOf, ofType, problemOf } from "./problems.ts";

const gpu = await requestGpu();

/** The reason of a skipped row. */
const PATTERN = /^Cannot allocate \w.*: \d+ bytes asked$/;

/** Calls with the `failing`-th allocation of a run refused; tells how many it asked for. */
async function refusing(failing: number, use: () => Promise<void>): Promise<number> {
  const { prototype } = DeviceMemory;
  const { acquire } = prototype;
  let asked = 0;
  prototype.acquire = function (byteLength, as) {
    if (++asked !== failing) return acquire.call(this, byteLength, as);
    throw new OutOfMemoryError(`Cannot allocate ${as.label}: ${byteLength} bytes asked`);
  };
  try {
    await use();
    return asked;
  } finally {
    prototype.acquire = acquire;
  }
}

async function eventsOf(bench: Omit<JobContext, "emit">, group: GroupPlan): Promise<MeasureEvent[]> {
  const events: MeasureEvent[] = [];
  await measureGroup({ ...bench, emit: (event) => void events.push(event) }, group);
  return events;
}

/** Backward, whose forward is prepared apart from it, and forward alone. */
const RUNS = [{ variant: "alphafold3", mode: "backward" }, { variant: "tuned", mode: "forward" }] as const;

for (const row of RUNS) {
  const name = `${row.variant} ${row.mode}`;
  Deno.test(`whichever allocation of ${name} fails, its row is skipped and nothing is left`, async () => {
    const job = jobOf(null, [], { groups: [{ problem: problemOf(4, 8, 8), rows: [row] }] });
    const speed = { ceilings: job.ceilings!, software: true };
    const [group] = planJob(job, { capabilities: gpu.capabilities, variants, speed });
    using instruments = await Instruments.create(gpu, job);
    instruments.warm = () => Promise.resolve(); // which takes longer than all the rest, and allocates nothing
    instruments.tickNs = 1e9; // so that no launch is too short to be timed alone: fewer allocations that are alike
    const rule = { samples: 2, timeNs: 1, uncertainty: 1, knownFrom: 2, mostSamples: 2 };
    const shared = { gpu, instruments, ceilings: job.ceilings!, job, rule };
    const { ledger } = gpu.memory;
    const live = () => ledger.liveBytes - ledger.live("internal");
    const before = live();
    const ends = new Set<string>();
    let failing = 0;
    for (let asked = 0; asked >= failing;) {
      let events: MeasureEvent[] = [];
      const bench = { ...shared, compileTimes: new Map(), random: seededRandom(1) };
      asked = await refusing(++failing, async () => void (events = await eventsOf(bench, group)));
      const [{ row: { status, reason } }, ...others] = ofType(events, "row");
      assertEquals(others, [], `allocation ${failing}`);
      if (status !== "ok") assertEquals([status, PATTERN.test(reason!)], ["skipped", true], reason!);
      assertEquals([live(), asked >= failing], [before, status !== "ok"], `allocation ${failing}`);
      gpu.check();
      ends.add(status);
    }
    assert(failing > 20, `only ${failing} allocations`);
    assertEquals([...ends], ["skipped", "ok"], "all but the last run have an allocation that fails");
  });
}

testNothingLeft(gpu);
