// deno-lint-ignore-file no-explicit-any -- bad calls are those that the types forbid
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkActivation,
  countNonFinite,
  explain,
  NoImplementationError,
  OutOfMemoryError,
  requestGpu,
  swigluWithGrad,
  Tensor,
} from "../../mod.ts";
import { OF_OTHERS } from "./bad_calls/of_others.ts";
import { OF_SWIGLU } from "./bad_calls/of_swiglu.ts";
import {
  type Bad,
  block,
  combined,
  disposed,
  foreign,
  gone,
  gpu,
  half,
  halfGate,
  halfX,
  option,
  other,
} from "./bad_calls/setting.ts";
import { disposeAll } from "./fixture.ts";

const { x, dy, gate } = block;
const GROUPS = { ...OF_SWIGLU, ...OF_OTHERS };

Deno.test("the tables hold at least 60 bad calls", () => {
  const count = Object.values(GROUPS).flat().length;
  assert(count >= 60, `${count}`);
});

for (const [group, cases] of Object.entries(GROUPS)) {
  Deno.test(`bad calls are refused before anything is allocated: ${group}`, () => {
    const { ledger } = gpu.memory;
    const before = [ledger.liveBytes, ledger.pooledBytes];
    for (const [bad, kind, message] of cases) {
      const error = assertThrows(bad, kind);
      assertEquals([error.message, error.constructor], [`Cannot ${message}`, kind]);
    }
    assertEquals([ledger.liveBytes, ledger.pooledBytes], before);
  });
}

Deno.test("what cannot run on the device is refused before anything is allocated, with every reason", () => {
  const { liveBytes } = gpu.memory.ledger;
  const huge = { tokens: 2 ** 24, dim: 2 ** 14, hiddenDim: 2 ** 16 };
  assertThrows(() => explain(gpu, huge), NoImplementationError, "tuned: Cannot");
  assertThrows(option({ memoryBudget: 1 }), NoImplementationError, "the least that would do is");
  assertThrows(
    () => Tensor.empty(gpu, [2 ** 40]),
    OutOfMemoryError,
    "Cannot allocate tensor as it needs 4398046511104 bytes",
  );
  assertEquals(gpu.memory.ledger.liveBytes, liveBytes);
});

Deno.test("bad calls of backward are refused and leave it to be called again; a second call is refused", () => {
  const { y, backward, dispose } = swigluWithGrad(gpu, x, combined);
  const live = gpu.memory.ledger.liveBytes;
  const cases: Bad[] = [
    [() => backward(null as any), TypeError, "use dy as it must be a Tensor: current value is null"],
    [() => backward(gate), RangeError, "use dy as its shape must be [3,4,20]: current value is [20,36]"],
    [() => backward(disposed), TypeError, "use dy as it must not be disposed: current value is disposed"],
    [() => backward(foreign), TypeError, "use dy as it must be of this Gpu: current value is of another"],
    [
      () => backward(halfX.reshape([3, 4, 20])),
      TypeError,
      "use dy as its dtype must be x's, float32: current value is bfloat16",
    ],
    [
      () => backward(dy, null as any),
      TypeError,
      "use options as it must be an object: current value is null",
    ],
    [
      () => backward(dy, { encoder: 1 as any }),
      TypeError,
      "use encoder as it must be a GPUCommandEncoder: current value is 1",
    ],
  ];
  for (const [bad, kind, message] of cases) {
    assertEquals(assertThrows(bad, kind).message, `Cannot ${message}`);
  }
  assertEquals(gpu.memory.ledger.liveBytes, live);
  disposeAll({ y, ...backward(dy) });
  assertThrows(() => backward(dy), TypeError, "Cannot go backward as what forward saved must be there");
  dispose();
});

Deno.test("calls that are bad only when they are waited for reject", async () => {
  await assertRejects(() => disposed.read(), TypeError, "Cannot use tensor as it is disposed");
  await assertRejects(
    () => requestGpu({ adapter: "fast" as any }),
    RangeError,
    "Cannot use adapter as it must be",
  );
  await assertRejects(
    () => requestGpu({ adaptor: "software" } as any),
    TypeError,
    "Cannot use options.adaptor as options may have adapter only",
  );
  await assertRejects(
    () => countNonFinite(gpu, disposed),
    TypeError,
    "Cannot use tensor as it is disposed",
  );
  await assertRejects(() => checkActivation(gpu, "elu" as any), RangeError, "Cannot use activation");
  await assertRejects(() => checkActivation(gone, "silu"), TypeError, "Cannot use gpu");
});

Deno.test("nothing is left on the device after the tests of this file", async () => {
  disposeAll([half, halfGate, halfX, foreign, ...Object.values(block)]);
  await gpu.idle();
  for (const each of [gpu, other]) {
    each.check();
    each.dispose();
    assertEquals(each.memory.ledger.liveBytes, 0);
  }
});
