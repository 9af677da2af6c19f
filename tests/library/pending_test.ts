/** What callers may do with tensors after work was recorded into their encoder, and before it is done. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Gpu, swiglu, swigluWithGrad, Tensor } from "../../mod.ts";
import { countingSteps } from "../steps.ts";
import { blockOf, disposeAll, withGpu } from "./fixture.ts";

const sizes = { tokens: 2, dim: 4, hiddenDim: 6 };

/** y of one element: silu(x) x. */
const square = (x: number) => x / (1 + Math.exp(-x)) * x;

function scalarOf(gpu: Gpu, value: number, label: string): Tensor {
  return Tensor.from(gpu, Float32Array.of(value), [1, 1], { label });
}

function submit(gpu: Gpu, encoder: GPUCommandEncoder): void {
  gpu.device.queue.submit([encoder.finish()]);
  gpu.submitted(encoder);
}

async function assertValue(tensor: Tensor, expected: number): Promise<void> {
  const [value] = await tensor.read();
  assert(Math.abs(value / expected - 1) < 1e-6, `${value} beside ${expected}`);
}

Deno.test("what recorded work reads or writes cannot be written before its submit; then it can", () =>
  withGpu(async (gpu) => {
    const { forms: [weights], x, dy, gate, up, down, gateUp, host } = blockOf(gpu, sizes);
    const encoder = gpu.device.createCommandEncoder();
    const { y, backward } = swigluWithGrad(gpu, x, weights, { encoder });
    const gradients = backward(dy, { encoder });
    const used = { x, dy, gate, up, down, y, ...gradients };
    for (const tensor of Object.values(used)) {
      assertThrows(
        () => tensor.write(new Float32Array(tensor.length).fill(9)),
        TypeError,
        `Cannot write ${tensor.label} as the encoder that uses it must be submitted`,
      );
    }
    gateUp.write(new Float32Array(gateUp.length)); // nothing recorded uses it
    submit(gpu, encoder);
    const expected = swigluWithGrad(gpu, x, weights);
    assertEquals(await y.read(), await expected.y.read());
    for (const tensor of Object.values(used)) tensor.write(new Float32Array(tensor.length).fill(9));
    assertEquals((await x.read())[0], 9);
    assert(host.x[0] !== 9);
    disposeAll({ ...used, gateUp, expected: expected.y });
    expected.dispose();
  }));

Deno.test("two micro-batches through one input are two submits, each of its own numbers", () =>
  withGpu(async (gpu) => {
    const [x, one] = [scalarOf(gpu, 1, "x"), scalarOf(gpu, 1, "one")];
    const weights = { gate: one, up: one, down: one };
    for (const value of [1, 3]) {
      x.write(Float32Array.of(value));
      const encoder = gpu.device.createCommandEncoder();
      const y = swiglu(gpu, x, weights, { encoder });
      assertThrows(() => x.write(Float32Array.of(7)), TypeError, "Cannot write x");
      submit(gpu, encoder);
      await assertValue(y, square(value));
      y.dispose();
    }
    disposeAll([x, one]);
  }));

Deno.test("a caller's buffer that recorded work uses is not written either", () =>
  withGpu(async (gpu) => {
    const buffer = gpu.device.createBuffer({ size: 64, usage: 0x80 | 0x04 | 0x08 });
    const [x, same] = [1, 2].map((i) => Tensor.wrap(gpu, buffer, [1, 1], { label: `wrapped ${i}` }));
    const one = scalarOf(gpu, 1, "one");
    x.write(Float32Array.of(2));
    const encoder = gpu.device.createCommandEncoder();
    const y = swiglu(gpu, x, { gate: one, up: one, down: one }, { encoder });
    for (const tensor of [x, same]) {
      assertThrows(() => tensor.write(Float32Array.of(5)), TypeError, `Cannot write ${tensor.label}`);
    }
    submit(gpu, encoder);
    await assertValue(y, square(2));
    disposeAll([x, same, one, y]);
    buffer.destroy();
  }));

Deno.test("a tensor disposed between record and submit still serves what was recorded", () =>
  withGpu(async (gpu) => {
    const [x, one] = [scalarOf(gpu, 2, "x"), scalarOf(gpu, 1, "one")];
    const encoder = gpu.device.createCommandEncoder();
    const y = swiglu(gpu, x, { gate: one, up: one, down: one }, { encoder });
    disposeAll([x, one]);
    gpu.trim();
    const others = Array.from({ length: 8 }, () => scalarOf(gpu, 100, "other")); // of the same size
    submit(gpu, encoder);
    await assertValue(y, square(2));
    disposeAll([y, ...others]);
  }));

Deno.test("an encoder without recorded work, or one that was ended before, is refused by submitted()", () =>
  withGpu((gpu) => {
    const [x, one] = [scalarOf(gpu, 2, "x"), scalarOf(gpu, 1, "one")];
    const encoder = gpu.device.createCommandEncoder();
    const refuse = (given: unknown, value: string) =>
      assertThrows(
        () => gpu.submitted(given as GPUCommandEncoder),
        TypeError,
        `Cannot end encoder as it must be a GPUCommandEncoder with recorded work that was not ended before: current value is ${value}`,
      );
    refuse(encoder, "an encoder without such work");
    refuse(null, "null");
    refuse({}, "Object");
    swiglu(gpu, x, { gate: one, up: one, down: one }, { encoder }).dispose();
    submit(gpu, encoder);
    refuse(encoder, "an encoder without such work");
    disposeAll([x, one]);
  }));

Deno.test("a block of no tokens is recorded work too, if it has no launches", () =>
  withGpu(async (gpu) => {
    const one = scalarOf(gpu, 1, "one");
    const none = Tensor.empty(gpu, [0, 1]);
    const encoder = gpu.device.createCommandEncoder();
    const y = swiglu(gpu, none, { gate: one, up: one, down: one }, { encoder });
    submit(gpu, encoder);
    assertEquals([y.shape, [...await y.read()]], [[0, 1], []]);
    disposeAll([one, none, y]);
  }));

const NEVER_RAN =
  "submitted before gpu.submitted(encoder) is called: current value is an encoder that did not run";

Deno.test("results of an encoder that was said to be submitted and was not are refused, and only they", () =>
  withGpu(async (gpu) => {
    const [x, one] = [scalarOf(gpu, 2, "x"), scalarOf(gpu, 1, "one")];
    const weights = { gate: one, up: one, down: one };
    for (const finish of [false, true]) {
      const earlier = swiglu(gpu, x, weights); // leaves a buffer with an old y in the pool
      await assertValue(earlier, square(2));
      earlier.dispose();
      const encoder = gpu.device.createCommandEncoder();
      const y = swiglu(gpu, x, weights, { encoder });
      const commands = finish ? encoder.finish() : null;
      gpu.submitted(encoder);
      await assertRejects(
        () => y.read(),
        TypeError,
        `Cannot read y as the encoder that writes it must be ${NEVER_RAN}`,
      );
      await assertValue(x, 2);
      if (commands) {
        gpu.device.queue.submit([commands]);
        await assertValue(y, square(2));
        await assertValue(y, square(2));
      } else {
        y.write(Float32Array.of(4)); // its content is known again
        await assertValue(y, 4);
      }
      y.dispose();
    }
    disposeAll([x, one]);
  }));

Deno.test("a buffer of a dropped encoder serves again, and its new content is read", () =>
  withGpu(async (gpu) => {
    const [x, one] = [scalarOf(gpu, 2, "x"), scalarOf(gpu, 1, "one")];
    const encoder = gpu.device.createCommandEncoder();
    const y = swiglu(gpu, x, { gate: one, up: one, down: one }, { encoder });
    gpu.submitted(encoder);
    y.dispose();
    const again = Array.from({ length: 8 }, (_, i) => scalarOf(gpu, i + 1, "again"));
    for (const [i, tensor] of again.entries()) await assertValue(tensor, i + 1);
    disposeAll([x, one, ...again]);
  }));

Deno.test("a call takes no more steps beside 200 unsubmitted encoders than beside 100", () =>
  withGpu((gpu) => {
    const [x, one] = [scalarOf(gpu, 2, "x"), scalarOf(gpu, 1, "one")];
    const weights = { gate: one, up: one, down: one };
    const steps: number[] = [];
    const open: GPUCommandEncoder[] = [];
    for (let i = 0; i < 200; i++) {
      const encoder = gpu.device.createCommandEncoder();
      open.push(encoder);
      steps.push(countingSteps(() => swiglu(gpu, x, weights, { encoder }).dispose()));
    }
    const [early, late] = [steps.slice(90, 100), steps.slice(190)].map((some) => Math.min(...some));
    assert(late <= early, `${early} steps, then ${late}`);
    for (const encoder of open) gpu.submitted(encoder);
    disposeAll([x, one]);
  }));
