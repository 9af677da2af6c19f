// deno-lint-ignore-file no-explicit-any -- bad calls are those that the types forbid
/** Gradients of chosen inputs, and gradients added to a caller's tensors, as the library's functions take and refuse them. */
import { assertEquals, assertThrows } from "@std/assert";
import { explain, plan, swiglu, swigluWithGrad, Tensor, variants } from "../../mod.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 12, dim: 8, hiddenDim: 20 };
const leading = [3, 4];

Deno.test("micro-batches add up in tensors of the caller's, with no other gradient, as explain told", () =>
  withGpu(async (gpu) => {
    const { host, forms: [weights], ...block } = blockOf(gpu, sizes, { leading });
    const exact = oracle({ ...sizes, activation: "silu" }, host);
    const { ledger } = gpu.memory;
    for (const implementation of [null, ...variants.map(({ id }) => id)]) {
      const into = {
        dGate: Tensor.from(gpu, new Float32Array(160), [8, 20], { label: "dGate" }),
        dx: Tensor.from(gpu, new Float32Array(96), [3, 4, 8], { label: "dx" }),
      };
      const options = { implementation, wrt: ["x", "gate", "down"], into } as const;
      const planned = explain(gpu, sizes, { ...options, into: { dGate: "float32", dx: "float32" } });
      for (let batch = 0; batch < 3; batch++) {
        const live = ledger.chargedBytes;
        ledger.resetPeak();
        const { y, backward } = swigluWithGrad(gpu, block.x, weights, options);
        assertEquals(ledger.live("saved"), planned.savedBytes);
        const { dx, dGate, dDown, ...rest } = backward(block.dy);
        assertEquals([dx === into.dx, dGate === into.dGate, rest], [true, true, {}]);
        assertEquals(ledger.peakBytes - live, planned.peakBytes);
        await assertNear(dDown, exact.dDown);
        disposeAll({ y, dDown });
      }
      await assertNear(into.dGate, exact.dGate.map((value) => 3 * value));
      await assertNear(into.dx, exact.dx.map((value) => 3 * value));
      disposeAll(into);
    }
    assertEquals(ledger.chargedBytes, 0);
    disposeAll(block);
  }));

// One type for each precision: tests of forms of weights and of parameters pair them in other ways. The errors allow for
// rounding: "fastest" may round float32 to as many digits as float16 has.
const PRECISIONS = [
  ["highest", "bfloat16", 3e-2],
  ["tf32", "float16", 3e-3],
  ["fastest", "float32", 3e-3],
] as const;

for (const [precision, dtype, tolerance] of PRECISIONS) {
  Deno.test(`precision ${precision} of ${dtype} gives the gradients that are asked for, and adds to float32`, () =>
    withGpu(async (gpu) => {
      const { host, forms: [weights], ...block } = blockOf(gpu, sizes, { dtype });
      const exact = oracle({ ...sizes, activation: "silu" }, host);
      const start = exact.dGate.map((_, i) => i % 5 - 2);
      const into = { dGate: Tensor.from(gpu, start, [8, 20], { label: "dGate" }) };
      const options = { precision, wrt: ["x", "gate"], into } as const;
      const { y, backward } = swigluWithGrad(gpu, block.x, weights, options);
      const { dx, dGate, ...rest } = backward(block.dy);
      assertEquals([dGate === into.dGate, dx.dtype, rest], [true, dtype, {}]);
      await assertNear(y, exact.y, tolerance);
      await assertNear(dx, exact.dx, tolerance);
      await assertNear(dGate, exact.dGate.map((value, i) => value + start[i]), tolerance);
      disposeAll({ ...block, y, dx, dGate });
    }));
}

Deno.test("a budget that all gradients exceed is enough for dx alone", () =>
  withGpu(async (gpu) => {
    const { host, forms: [_, weights], ...block } = blockOf(gpu, sizes);
    const wrt = ["x"] as const;
    const { peakBytes } = plan(gpu, sizes, { wrt, weightForm: "combined" });
    const options = { wrt, memoryBudget: peakBytes };
    assertThrows(
      () => swigluWithGrad(gpu, block.x, weights, { memoryBudget: peakBytes }),
      Error,
      "the least that would do is",
    );
    const { y, backward } = swigluWithGrad(gpu, block.x, weights, options);
    const gradients = backward(block.dy);
    assertEquals(Object.keys(gradients), ["dx"]);
    await assertNear(gradients.dx, oracle({ ...sizes, activation: "silu" }, host).dx);
    disposeAll({ ...block, y, ...gradients });
  }));

Deno.test("a target that does not fit, or shares bytes with what is read, is refused before anything is allocated", () =>
  withGpu((gpu) => {
    const { host: _, forms: [weights, combined], ...block } = blockOf(gpu, sizes, { leading });
    const dGate = Tensor.empty(gpu, [8, 20]);
    const half = Tensor.empty(gpu, [8, 20], { dtype: "float16" });
    const gone = Tensor.empty(gpu, [8, 20]);
    gone.dispose();
    const { ledger } = gpu.memory;
    const before = [ledger.liveBytes, ledger.pooledBytes];
    const call = (options: any, form: any = weights) => () => swigluWithGrad(gpu, block.x, form, options);
    const names = "an array of x, gate, up, down, of one at least";
    const cases = [
      [call({ wrt: "x" }), TypeError, `use wrt as it must be ${names}: current value is x`],
      [call({ wrt: null }), TypeError, `use wrt as it must be ${names}: current value is null`],
      [call({ wrt: [] }), RangeError, `use wrt as it must be ${names}: current value is none`],
      [call({ wrt: ["dx"] }), RangeError, `use wrt as it must be ${names}: current value is dx`],
      [call({ wrt: [undefined] }), RangeError, `use wrt as it must be ${names}: current value is undefined`],
      [call({ wrt: ["gateUp"] }), RangeError, `use wrt as it must be ${names}: current value is gateUp`],
      [
        call({ wrt: ["gate"] }, combined),
        RangeError,
        "use wrt as it must be an array of x, gateUp, down, of one at least: current value is gate",
      ],
      [call({ into: null }), TypeError, "use into as it must be an object: current value is null"],
      [
        call({ into: { gate: dGate } }),
        TypeError,
        "use into.gate as into may have dx, dGate, dUp, dDown only",
      ],
      [
        call({ wrt: ["x"], into: { dGate } }),
        TypeError,
        "use into.dGate as into may have dx only",
      ],
      [call({ into: { dGate: 1 } }), TypeError, "use into.dGate as it must be a Tensor: current value is 1"],
      [
        call({ into: { dGate: gone } }),
        TypeError,
        "use into.dGate as it must not be disposed: current value is disposed",
      ],
      [
        call({ into: { dDown: dGate } }),
        RangeError,
        "use into.dDown as its shape must be [20,8]: current value is [8,20]",
      ],
      [
        call({ into: { dGate: half } }),
        TypeError,
        "use into.dGate as its dtype must be float32: current value is float16",
      ],
      [
        call({ into: { dGate: block.gate } }),
        TypeError,
        "use into.dGate as it must share no bytes with another argument: current value shares some with weights.gate",
      ],
      [
        call({ into: { dGate, dUp: dGate } }),
        TypeError,
        "use into.dUp as it must share no bytes with another argument: current value shares some with into.dGate",
      ],
      [
        () => swiglu(gpu, block.x, weights, { wrt: ["x"] } as any),
        TypeError,
        "use options.wrt as options may have activation, precision, implementation, memoryBudget, encoder only",
      ],
      [
        () => explain(gpu, sizes, { training: false, wrt: ["x"] }),
        RangeError,
        "use wrt as training must be true: current value is false",
      ],
      [
        () => explain(gpu, { ...sizes, dtype: "bfloat16" }, { into: { dx: "float16" } }),
        TypeError,
        "use into.dx as its dtype must be float32 or bfloat16: current value is float16",
      ],
    ] as const;
    for (const [bad, kind, message] of cases) {
      const error = assertThrows(bad, kind);
      assertEquals(error.message, `Cannot ${message}`);
    }
    assertEquals([ledger.liveBytes, ledger.pooledBytes], before);
    const { y, backward } = swigluWithGrad(gpu, block.x, weights, {
      wrt: ["x", "gate"],
      into: { dx: block.dy },
    });
    assertThrows(() => backward(block.dy), TypeError, "Cannot use into.dx as it must share no bytes");
    disposeAll([y, dGate, half, ...Object.values(backward(y.reshape([3, 4, 8])))]);
    disposeAll(block);
  }));
