/** Recordings that their callers have not submitted: which buffers wait for which recording, and at what cost. */
import { assertEquals } from "@std/assert";
import { Pending } from "../../../kernels/gpu/pending.ts";
import { countingSteps } from "../../steps.ts";

const bufferOf = (size: number) => ({ size }) as GPUBuffer;
const encoders = (count: number) => Array.from({ length: count }, () => ({}) as GPUCommandEncoder);

Deno.test("a parked buffer serves its only recording at once, and others when the last that uses it ends", () => {
  const pending = new Pending();
  const [first, second] = encoders(2);
  const [shared, own] = [bufferOf(8), bufferOf(8)];
  for (const encoder of [first, second]) pending.use(encoder, shared, { written: false });
  pending.use(first, own, { written: true });
  assertEquals([shared, own, bufferOf(8)].map((buffer) => pending.park(buffer)), [true, true, false]);
  assertEquals([pending.take(4, first), pending.take(8, second)], [undefined, undefined]);
  assertEquals(pending.take(8, first) === own, true);
  pending.use(first, own, { written: true });
  pending.park(own);
  assertEquals(pending.end(first), { freed: [own], written: [] });
  assertEquals(pending.take(8, second) === shared, true);
  pending.park(shared);
  assertEquals(pending.end(second).freed, [shared]);
  assertEquals(pending.any, false);
});

Deno.test("a buffer is unwritten to all but its writer, and used to all but its only user", () => {
  const pending = new Pending();
  const [first, second] = encoders(2);
  const buffer = bufferOf(8);
  pending.use(first, buffer, { written: true });
  assertEquals([first, second, undefined].map((by) => pending.isUnwritten(buffer, by)), [false, true, true]);
  assertEquals([first, second, undefined].map((by) => pending.isUsed(buffer, by)), [false, true, true]);
  pending.use(second, buffer, { written: false });
  assertEquals(pending.isUsed(buffer, first), true);
  assertEquals(pending.end(first).written, [buffer]);
  assertEquals([pending.isUnwritten(buffer), pending.isUsed(buffer)], [false, true]);
  pending.endAll();
  assertEquals(pending.isUsed(buffer), false);
});

Deno.test("no question takes more steps beside 1,000 open recordings than beside 10", () => {
  const pending = new Pending();
  const weights = bufferOf(64);
  const stepsOf = () => {
    const [encoder] = encoders(1);
    const [own, released] = [bufferOf(8), bufferOf(16)];
    return countingSteps(() => {
      for (const buffer of [weights, own, released]) {
        pending.isUnwritten(buffer, encoder);
        pending.isUsed(buffer, encoder);
        pending.use(encoder, buffer, { written: buffer !== weights });
      }
      pending.park(released);
      pending.take(32, encoder);
    });
  };
  const steps = Array.from({ length: 1000 }, stepsOf);
  assertEquals(new Set(steps.slice(10)), new Set([steps[10]]));
  const [encoder] = encoders(1);
  const ends = [10, 1000].map(() => {
    pending.use(encoder, weights, { written: false });
    return countingSteps(() => pending.end(encoder));
  });
  assertEquals(ends[0], ends[1]);
});
