/** Gradients of the gated linear unit alone: of every form of weights, by the oracle of a block whose down is a unit matrix. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  explain,
  gatedLinearUnit,
  gatedLinearUnitWithGrad,
  type Gpu,
  plan,
  Tensor,
  type UnitWeights,
} from "../../mod.ts";
import { combineGateUp, randomInputs } from "../../bench/oracle/data.ts";
import { oracle } from "../../bench/oracle/mod.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import { type GradientName, gradientNames, inputOf } from "../../variants/gradients.ts";
import { formName, WEIGHT_FORMS } from "../../variants/weights.ts";
import { freshSeed } from "../gpu.ts";
import { assertNear, blockOf, disposeAll, withGpu } from "./fixture.ts";
import { weightsIn } from "./weight_forms.ts";

/** D = H, so that y = h W_down = h. */
const sizes = { tokens: 6, dim: 12, hiddenDim: 12 };
const unitMatrix = Float32Array.from({ length: 144 }, (_, i) => i % 13 === 0 ? 1 : 0);
const activation = { name: "clamped_swiglu", alpha: 1.3, limit: 2, shift: 0.5 } as const;
const TOLERANCE = { float32: 1e-5, float16: 4e-3, bfloat16: 3e-2 } as const;

/** Interleaves gate and up element by element. */
const interleave = (gate: Float32Array, up: Float32Array) =>
  Float32Array.from({ length: 2 * gate.length }, (_, i) => (i % 2 ? up : gate)[i >> 1]);

function made(gpu: Gpu, dtype: typeof DTYPES[number]) {
  // Small weights leave all gates within the limits, where 16 bits cannot move one to the other side.
  const random = randomInputs({ ...sizes, dtype: "bfloat16" }, freshSeed());
  const host = {
    ...random,
    gate: random.gate.map((v) => v / 4),
    up: random.up.map((v) => v / 4),
    down: unitMatrix,
  };
  const tensor = (values: Float32Array, ...shape: number[]) => Tensor.from(gpu, values, shape, { dtype });
  return { host, tensor, exact: oracle({ ...sizes, activation }, host) };
}

for (const dtype of DTYPES) {
  Deno.test(`h and its gradients of ${dtype} are the oracle's, of every form, new and added to tensors`, () =>
    withGpu(async (gpu) => {
      const { host, tensor, exact } = made(gpu, dtype);
      const [x, dh] = [tensor(host.x, 2, 3, 12), tensor(host.dy, 2, 3, 12)];
      const [gate, up] = [tensor(host.gate, 12, 12), tensor(host.up, 12, 12)];
      const gateUp = tensor(combineGateUp(host.gate, host.up, 12), 12, 2, 12);
      const turns = tensor(interleave(host.gate, host.up), 12, 12, 2);
      const [dGate, dUp] = [exact.dGate, exact.dUp].map((values) => Float32Array.from(values));
      const joined = Float64Array.from(combineGateUp(dGate, dUp, 12));
      const expected: [UnitWeights, Record<string, Float64Array>][] = [
        [{ gate, up }, { dx: exact.dx, dGate: exact.dGate, dUp: exact.dUp }],
        [gateUp, { dx: exact.dx, dGateUp: joined }],
        [{ gateUp: turns, interleaved: true }, {
          dx: exact.dx,
          dGateUp: Float64Array.from(interleave(dGate, dUp)),
        }],
      ];
      for (const [weight, gradients] of expected) {
        const all = gatedLinearUnitWithGrad(gpu, x, weight, { activation });
        const given = all.backward(dh) as Record<string, Tensor>;
        assertEquals(Object.keys(given).sort(), Object.keys(gradients).sort());
        await assertNear(all.h, exact.y, TOLERANCE[dtype]);
        using inference = gatedLinearUnit(gpu, x, weight, { activation });
        assertEquals(await inference.read(), await all.h.read());
        for (const [name, values] of Object.entries(gradients)) {
          await assertNear(given[name], values, TOLERANCE[dtype]);
          const into = {
            [name]: Tensor.from(gpu, new Float32Array(values.length).fill(1), given[name].shape),
          };
          const wrt = [name === "dx" ? "x" : name[1].toLowerCase() + name.slice(2)] as never[];
          const before = gpu.memory.ledger.chargedBytes;
          const { h, backward } = gatedLinearUnitWithGrad(gpu, x, weight, { activation, wrt, into });
          const one = backward(dh) as Record<string, Tensor>;
          assertEquals([Object.keys(one), one[name]], [[name], into[name]]);
          h.dispose();
          assertEquals(gpu.memory.ledger.chargedBytes, before);
          await assertNear(one[name], values.map((value) => value + 1), TOLERANCE[dtype]);
          disposeAll(into);
        }
        disposeAll({ h: all.h, ...given });
      }
      disposeAll({ x, dh, gate, up, gateUp, turns });
    }));
}

for (const form of WEIGHT_FORMS) {
  const { parts: weightForm, layout, interleaved } = form;
  const stops = { weightForm, layout, interleaved, output: "h", activation } as const;
  Deno.test(`a unit with ${formName(form)} weights takes the bytes that explain tells`, () =>
    withGpu((gpu) => {
      const { ledger } = gpu.memory;
      const { x, dy: dh, host, ...rest } = blockOf(gpu, sizes);
      const { weights, tensors } = weightsIn(gpu, form, { projections: host, sizes, dtype: "float32" });
      const { down: _, ...weight } = weights;
      const all = gradientNames(form).filter((name) => name !== "dDown");
      for (const names of [["dx"] as GradientName[], all]) {
        for (const target of [false, true]) {
          const into = target ? { dx: Tensor.empty(gpu, x.shape) } : {};
          const wrt = names.map(inputOf) as never[];
          const others = ledger.chargedBytes;
          ledger.resetPeak();
          const { h, backward } = gatedLinearUnitWithGrad(gpu, x, weight, { activation, wrt, into });
          const savedBytes = ledger.live("saved");
          const gradients = backward(dh);
          const taken = { savedBytes, peakBytes: ledger.peakBytes - others };
          const types = target ? { dx: "float32" } as const : {};
          const planned = explain(gpu, sizes, { ...stops, wrt, into: types });
          const { savedBytes: saved, peakBytes } = planned;
          assertEquals(taken, { savedBytes: saved, peakBytes }, `${names}, ${target}`);
          if (names === all && !target) {
            assertEquals(explain(gpu, sizes, stops), planned, "without wrt, by all");
          }
          assertEquals(savedBytes, 2 * 4 * sizes.tokens * sizes.hiddenDim);
          disposeAll({ h, ...into, ...gradients });
        }
      }
      const others = ledger.chargedBytes;
      ledger.resetPeak();
      gatedLinearUnit(gpu, x, weight, { activation }).dispose();
      const inference = plan(gpu, sizes, { ...stops, training: false });
      assertEquals([ledger.peakBytes - others, 0], [inference.peakBytes, inference.savedBytes]);
      disposeAll({ x, dh, ...rest });
      disposeAll(tensors);
    }));
}

Deno.test("explain tells the launches of a unit, and takes only its options", () =>
  withGpu((gpu) => {
    const labels = (training: boolean, wrt?: string[]) =>
      explain(gpu, sizes, { output: "h", training, wrt }).launches.map(({ label }) => label);
    assertEquals(new Set(labels(false)), new Set(["h", "h: sum of slices"]));
    const own = (training: boolean, wrt?: string[]) =>
      new Set(labels(training, wrt).filter((label) => !label.endsWith(": sum of slices")));
    assertEquals(own(true), new Set(["g, u, h", "dg, du from dh, g, u", "dx", "dGate, dUp"]));
    assertEquals(own(true, ["up"]), new Set(["g, u, h", "dg, du from dh, g, u", "dGate, dUp"]));
    assertEquals(own(true, ["x"]), new Set(["g, u, h", "dg, du from dh, g, u", "dx"]));
    const { implementation, rejected } = explain(gpu, { ...sizes, tokens: 0 }, { output: "h" });
    assertEquals([implementation, rejected], ["gated linear unit", []]);
    const refused = (options: Parameters<typeof explain>[2], message: string) =>
      assertThrows(() => explain(gpu, sizes, { output: "h", ...options }), RangeError, message);
    refused({ implementation: "tuned" }, "Cannot use implementation here as a gated linear unit");
    refused({ memoryBudget: 1000 }, "Cannot use memoryBudget here as a gated linear unit");
    refused({ wrt: ["down"] }, "Cannot use wrt as it must be an array of x, gate, up");
    refused({ output: "z" as "h" }, "Cannot use output as it must be one of y, h");
  }));

Deno.test("a unit of no tokens has gradients of zeros, and bad calls are refused by name", () =>
  withGpu(async (gpu) => {
    const x = Tensor.from(gpu, new Float32Array(0), [0, 4]);
    const weight = Tensor.from(gpu, new Float32Array(24).fill(NaN), [4, 2, 3]);
    const { h, backward, dispose } = gatedLinearUnitWithGrad(gpu, x, weight);
    assertEquals(h.shape, [0, 3]);
    assertThrows(() => backward(x), RangeError, "Cannot use dh as its shape must be [0,3]");
    const { dx, dGateUp } = backward(h);
    assertEquals([dx.shape, [...await dGateUp.read()]], [[0, 4], Array(24).fill(0)]);
    assertThrows(() => backward(h), TypeError, "Cannot go backward");
    dispose();
    assertThrows(
      () => gatedLinearUnitWithGrad(gpu, x, weight, { wrt: ["down"] as never[] }),
      RangeError,
      "Cannot use wrt as it must be an array of x, gateUp, of one at least: current value is down",
    );
    assertThrows(
      () => gatedLinearUnitWithGrad(gpu, x, weight, { into: { dGateUp: weight } }),
      TypeError,
      "Cannot use into.dGateUp as it must share no bytes with another argument: current value shares some with weight",
    );
    assertEquals(gpu.memory.ledger.live("saved"), 0);
    disposeAll({ x, weight, h, dx, dGateUp });
  }));
