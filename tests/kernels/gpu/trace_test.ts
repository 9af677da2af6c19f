/** Steps are noted once and repeated: in the same order, on other tensors, and without traces of a failure. */
import { assertEquals, assertThrows } from "@std/assert";
import { elementwise } from "../../../kernels/elementwise.ts";
import type { Dispatch } from "../../../kernels/gpu/dispatch.ts";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { PlanRecorder, type Recorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { record as replay } from "../../../kernels/gpu/steps.ts";
import { TraceRecorder } from "../../../kernels/gpu/trace.ts";
import { matrix } from "../../../kernels/view.ts";
import { record, requestGpu, testNothingLeft, upload } from "../../gpu.ts";

const gpu = await requestGpu();

/** y = (2 x)^2, by way of a workspace that goes before the second launch has a group of its own. */
function work(recorder: Recorder, x: Tensor): Tensor {
  const twice = recorder.empty(x.shape, "float32", { purpose: "workspace", label: "twice" });
  const each = (label: string, { from, to, value }: { from: Tensor; to: Tensor; value: string }) =>
    elementwise(recorder, { label, inputs: { x: matrix(from) }, outputs: [{ to: matrix(to), value }] });
  each("double", { from: x, to: twice, value: "x + x" });
  recorder.beginGroup();
  const y = recorder.empty(x.shape, "float32", { purpose: "output", label: "y" });
  each("square", { from: twice, to: y, value: "x * x" });
  twice.dispose();
  twice.dispose();
  return y;
}

/** The work on four numbers, as it was noted. */
function trace() {
  const tracer = new TraceRecorder(gpu.capabilities);
  const x = new Tensor(tracer.memory, { shape: [4], dtype: "float32", purpose: "input", label: "x" });
  const y = work(tracer, x);
  return { x, y, steps: tracer.take(), rest: tracer.take() };
}

/** Notes what is asked of it, and has room for so many tensors. */
class Spy extends PlanRecorder {
  readonly calls: string[] = [];

  constructor(readonly room = Infinity) {
    super(gpu.capabilities);
  }

  override empty(...[shape, dtype, as]: Parameters<PlanRecorder["empty"]>): Tensor {
    this.calls.push(`make ${as.label}, ${as.purpose}`);
    if (this.calls.filter((call) => call.startsWith("make")).length > this.room) {
      throw new OutOfMemoryError("full");
    }
    return super.empty(shape, dtype, as);
  }

  override dispatch(dispatch: Dispatch): void {
    const tensors = dispatch.bindings.map(({ tensor }) => tensor.label);
    this.calls.push(`${dispatch.kernel.label}: ${tensors}, ${this.memory.ledger.chargedBytes} bytes`);
    super.dispatch(dispatch);
  }

  override beginGroup(): void {
    this.calls.push("group");
  }
}

Deno.test("a replay asks for the same things in the same order, with the tensors that it is given", () => {
  const { x, steps, rest } = trace();
  assertEquals(rest, []);
  const [traced, direct] = [new Spy(), new Spy()];
  const given = new Tensor(traced.memory, { shape: [4], dtype: "float32", purpose: "input", label: "x" });
  replay(traced, steps, new Map([[x, given]]));
  work(direct, given);
  assertEquals(traced.calls, direct.calls);
  assertEquals(traced.calls, [
    "make twice, workspace",
    "double: x,twice, 16 bytes",
    "group",
    "make y, output",
    "square: twice,y, 32 bytes",
  ]);
  assertEquals(traced.memory.ledger.chargedBytes, 16);
});

Deno.test("what a replay made is given back where it cannot go on, whichever step that is", () => {
  const { x, steps } = trace();
  for (const room of [0, 1]) {
    const spy = new Spy(room);
    const given = new Tensor(spy.memory, { shape: [4], dtype: "float32", purpose: "input", label: "x" });
    assertThrows(() => replay(spy, steps, new Map([[x, given]])), OutOfMemoryError, "full");
    assertEquals(spy.memory.ledger.chargedBytes, 0);
    assertEquals(given.disposed, false);
  }
});

Deno.test("one trace serves different tensors, one after the other and in one submit", async () => {
  const { x, y, steps } = trace();
  const inputs = [[1, 2, 3, 4], [-1, 0.5, 0, 10]].map((values) => upload(gpu, Float32Array.from(values)));
  const outputs: Tensor[] = [];
  record(gpu, (recorder) => {
    for (const input of inputs) {
      const places = new Map([[x, input]]);
      replay(recorder, steps, places);
      outputs.push(places.get(y)!);
    }
  });
  assertEquals(await Promise.all(outputs.map((output) => output.read())), [
    Float32Array.of(4, 16, 36, 64),
    Float32Array.of(4, 1, 0, 400),
  ]);
  for (const tensor of [...inputs, ...outputs]) tensor.dispose();
});

testNothingLeft(gpu);
