/** Element-wise kernels over views of every kind. Values inside a view are right, and nothing outside changes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { copy } from "../../bench/timing/ceiling_kernels.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import { gatedBackward, gatedForward } from "../../kernels/gated.ts";
import type { Capabilities } from "../../kernels/gpu/capabilities.ts";
import { DTYPES, roundTo } from "../../kernels/gpu/dtype.ts";
import { PlanRecorder } from "../../kernels/gpu/recorder.ts";
import { seededRandom } from "../../bench/timing/random.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { matrix, rowRange } from "../../kernels/view.ts";
import { smallIntegers } from "../integers.ts";
import { PoisonRecorder, readBytes, requestGpu, testNothingLeft, upload } from "../gpu.ts";
import { bytesWith, dispose, type Operands, place, type PlacedInit } from "./matmul/operands.ts";

const gpu = await requestGpu();
const SIZES = [[1, 1], [1, 7], [3, 1], [5, 3], [4, 8], [7, 33], [17, 64], [2, 1025], [64, 255]] as const;

/** Operands of one shape that a test makes. */
function placer(init: Omit<PlacedInit, "matrices" | "around" | "together">) {
  const numbers = (seed: number) => smallIntegers(init.rows * init.cols, seed, { max: 8 });
  return {
    numbers,
    input: (matrices: Float32Array[], together = false) =>
      place(gpu, { ...init, matrices, around: "poison", together }),
    output: (matrices: Float32Array[], together = false) =>
      place(gpu, { ...init, matrices, around: "guard", together }),
  };
}

/** Compares all bytes of tensors with what they must hold. */
async function assertHolds(
  operands: Operands,
  matrices: readonly Float32Array[],
  about: string,
): Promise<void> {
  const expected = bytesWith(operands, matrices);
  const actual = await readBytes(gpu, operands.placed.map(({ tensor }) => tensor));
  expected.forEach((bytes, t) => {
    const at = bytes.findIndex((byte, i) => byte !== actual[t][i]);
    assert(at < 0, `${about}: byte ${at} of tensor ${t} is ${actual[t][at]} instead of ${bytes[at]}`);
  });
}

/** Runs `body` for every dtype, size and placing, with operands that vectors fit and that they do not. */
async function everywhere(
  body: (place: ReturnType<typeof placer>, about: string) => Promise<void>,
): Promise<void> {
  for (const dtype of DTYPES) {
    for (const aligned of [true, false]) {
      for (const [rows, cols] of SIZES) {
        if (aligned && cols % 4 !== 0) continue;
        const random = seededRandom(rows * 1000 + cols);
        const about = `[${rows},${cols}] ${dtype}, ${aligned ? "vectors" : "no vectors"}`;
        await body(placer({ rows, cols, dtype, aligned, random }), about);
      }
    }
  }
}

function submit(work: (recorder: PoisonRecorder) => void, capabilities?: Capabilities): void {
  const recorder = new PoisonRecorder(gpu, { capabilities });
  work(recorder);
  recorder.submit();
}

Deno.test("an expression of two inputs is exact inside its view, and nothing outside is read or written", async () => {
  await everywhere(async ({ numbers, input, output }, about) => {
    const [a, b] = [numbers(1), numbers(2)];
    const ab = input([a, b]), out = output([a.map(() => NaN)]);
    submit((recorder) =>
      elementwise(recorder, {
        label: "test",
        inputs: { a: ab.views[0], b: ab.views[1] },
        outputs: [{ to: out.views[0], value: "3 * a - b + 0.5" }],
      })
    );
    const expected = a.map((value, i) => 3 * value - b[i] + 0.5);
    await assertHolds(out, [roundTo(expected, out.views[0].tensor.dtype)], about);
    dispose(ab, out);
  });
});

Deno.test("outputs may be inputs: all are computed before any is written", async () => {
  await everywhere(async ({ numbers, output }, about) => {
    const [a, b] = [numbers(3), numbers(4)];
    for (const together of [false, true]) {
      const both = output([a, b], together);
      submit((recorder) =>
        elementwise(recorder, {
          label: "exchange",
          inputs: { a: both.views[0], b: both.views[1] },
          outputs: [{ to: both.views[0], value: "b - a" }, { to: both.views[1], value: "a" }],
        })
      );
      await assertHolds(both, [a.map((value, i) => b[i] - value), a], `${about}, ${together}`);
      dispose(both);
    }
  });
});

Deno.test("gated forward and backward follow their formulas, with h recomputed over dh", async () => {
  const { numbers, input, output } = placer({
    rows: 5,
    cols: 12,
    dtype: "float32",
    aligned: true,
    random: seededRandom(1),
  });
  const [dh, g, u] = [numbers(1), numbers(2), numbers(3)];
  const relu = (value: number) => Math.max(0, value);
  const forward = input([g, u]), h = output([g.map(() => NaN)]);
  const all = output([dh, g, u]);
  submit((recorder) => {
    const activation = "relu" as const;
    gatedForward(recorder, { g: forward.views[0], u: forward.views[1], h: h.views[0], activation });
    const [dhView, gView, uView] = all.views;
    gatedBackward(recorder, { dh: dhView, g: gView, u: uView, dg: uView, du: gView, h: dhView, activation });
  });
  const expected = g.map((value, i) => relu(value) * u[i]);
  await assertHolds(h, [expected], "h");
  const du = dh.map((value, i) => value * relu(g[i]));
  const dg = dh.map((value, i) => value * u[i] * (g[i] > 0 ? 1 : 0));
  await assertHolds(all, [expected, du, dg], "h over dh, du over g, dg over u");
  dispose(forward, h, all);
});

Deno.test("more workgroups than one dimension holds go on in the next", async () => {
  const capabilities = { ...gpu.capabilities, maxComputeWorkgroupsPerDimension: 3 };
  for (const [count, cols] of [[1, 8191], [9, 513]]) {
    const { numbers, input, output } = placer({
      rows: count,
      cols,
      dtype: "float32",
      aligned: false,
      random: seededRandom(cols),
    });
    const x = numbers(5);
    const source = input([x]), target = output([x.map(() => NaN)]);
    submit((recorder) => {
      elementwise(recorder, {
        label: "copy",
        inputs: { x: source.views[0] },
        outputs: [{ to: target.views[0], value: "x" }],
      });
      const [most, folded] = recorder.dispatches[0].workgroups;
      assert(most <= 3 && folded > 1, `${recorder.dispatches[0].workgroups}`);
    }, capabilities);
    await assertHolds(target, [x], `${count} x ${cols}`);
    dispose(source, target);
  }
});

Deno.test("of a tensor beyond the binding limit, the part that a view needs is bound", async () => {
  const capabilities = { ...gpu.capabilities, maxStorageBufferBindingSize: 2048 };
  for (const cols of [16, 15]) {
    const x = smallIntegers(100 * cols, 6);
    const source = upload(gpu, x, { shape: [100, cols] });
    const target = upload(gpu, x.map(() => 7), { shape: [100, cols] });
    submit((recorder) => {
      const [from, to] = [source, target].map((tensor) => rowRange(matrix(tensor), 61, 20));
      elementwise(recorder, { label: "copy", inputs: { x: from }, outputs: [{ to, value: "x" }] });
      const [{ byteOffset = 0, byteLength = Infinity }] = recorder.dispatches[0].bindings;
      assert(byteOffset > 0 && byteOffset % gpu.capabilities.minStorageBufferOffsetAlignment === 0);
      assert(byteLength <= 2048, `${byteLength}`);
      assertThrows(
        () => copy(recorder, source, target),
        LimitError,
        "one binding holds at most 2048 bytes",
      );
    }, capabilities);
    const expected = x.map((value, i) => i >= 61 * cols && i < 81 * cols ? value : 7);
    assertEquals(await target.read(), expected);
    source.dispose();
    target.dispose();
  }
});

Deno.test("views of different shapes are refused", () => {
  const recorder = new PlanRecorder(gpu.capabilities);
  const empty = (label: string, ...shape: number[]) =>
    matrix(recorder.empty(shape, "float32", { purpose: "workspace", label }));
  assertThrows(
    () =>
      elementwise(recorder, {
        label: "a sum",
        inputs: { a: empty("A", 2, 3), b: empty("B", 3, 2) },
        outputs: [{ to: empty("C", 2, 3), value: "a + b" }],
      }),
    RangeError,
    "Cannot compute a sum as B must be [2,3]: current value is [3,2]",
  );
  assertEquals(recorder.dispatches.length, 0);
});

Deno.test("a launch states the bytes that it moves and names its kernel by what decides its text", () => {
  const recorder = new PlanRecorder(gpu.capabilities);
  const empty = (dtype: "float32" | "bfloat16") =>
    recorder.empty([6, 4], dtype, { purpose: "workspace", label: "T" });
  copy(recorder, empty("float32"), empty("float32"));
  copy(recorder, empty("float32"), empty("bfloat16"));
  copy(recorder, empty("float32"), empty("float32"));
  const [first, second, third] = recorder.dispatches;
  assertEquals([first.bytes, second.bytes], [192, 144]);
  assertEquals(first.kernel.key, third.kernel.key);
  assertEquals(first.kernel.wgsl(), third.kernel.wgsl());
  assert(first.kernel.key !== second.kernel.key);
});

testNothingLeft(gpu);
