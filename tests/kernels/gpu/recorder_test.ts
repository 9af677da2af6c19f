import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Dispatch } from "../../../kernels/gpu/dispatch.ts";
import type { Kernel } from "../../../kernels/gpu/kernel.ts";
import { LimitError } from "../../../kernels/gpu/limits.ts";
import { GpuRecorder, PlanRecorder } from "../../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../../kernels/gpu/tensor.ts";
import { Timer } from "../../../bench/timing/timer.ts";
import { requestGpu, testNothingLeft, upload } from "../../gpu.ts";

const gpu = await requestGpu();

/** x = 2 x + addend: launches that must see what earlier ones wrote. */
const DOUBLE: Kernel = {
  key: "test|double",
  label: "double",
  access: ["read_write"],
  wgsl: () =>
    `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
struct Params { addend: u32 }
@group(0) @binding(1) var<uniform> p: Params;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] = 2.0 * x[id.x] + f32(p.addend); }`,
};

function double(tensor: Tensor, addend: number): Dispatch {
  const workgroups = [tensor.length, 1, 1] as const;
  return { kernel: DOUBLE, bindings: [{ tensor }], uniforms: [addend], workgroups, flops: 0, bytes: 0 };
}

Deno.test("launches run in order, and each sees what earlier ones wrote", async () => {
  using tensor = upload(gpu, Float32Array.of(1, 2, 3));
  const recorder = new GpuRecorder(gpu);
  recorder.dispatch(double(tensor, 1));
  recorder.split();
  recorder.dispatch(double(tensor, 10));
  recorder.submit();
  assertEquals([...await tensor.read()], [16, 20, 24]);
});

Deno.test("groups of launches are one span of time, which lasts until the end of the last", async () => {
  using tensor = upload(gpu, Float32Array.of(1, 2, 3));
  using timer = new Timer(gpu);
  const spans = async (groups: number) => {
    const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "span" } });
    for (const end of [1, groups]) {
      for (let group = 0; group < end; group++) {
        recorder.beginGroup();
        for (let i = 0; i < 50; i++) recorder.dispatch(double(tensor, 0));
      }
      recorder.split();
    }
    recorder.submit();
    return await timer.read();
  };
  // Other work on the machine can only lengthen a span: the shortest of several is the launches' own.
  const shortest = [Infinity, Infinity];
  for (let run = 0; run < 8; run++) {
    const [one, twenty] = await spans(20);
    assertEquals(timer.slots.next, 0);
    assert(one[0] < one[1] && one[1] <= twenty[0]);
    for (const [i, [begin, end]] of [one, twenty].entries()) {
      shortest[i] = Math.min(shortest[i], Number(end - begin));
    }
  }
  const [one, twenty] = shortest;
  assert(twenty > 5 * one, `${twenty} and ${one} ticks`);
});

Deno.test("a group of launches sees what earlier ones wrote", async () => {
  using tensor = upload(gpu, Float32Array.of(1));
  const recorder = new GpuRecorder(gpu);
  recorder.dispatch(double(tensor, 1));
  recorder.beginGroup();
  recorder.dispatch(double(tensor, 10));
  recorder.beginGroup();
  recorder.submit();
  assertEquals([...await tensor.read()], [16]);
});

Deno.test("a caller's encoder is recorded into and left to the caller", async () => {
  using tensor = upload(gpu, Float32Array.of(1));
  const encoder = gpu.device.createCommandEncoder();
  const recorder = new GpuRecorder(gpu, { encoder });
  recorder.dispatch(double(tensor, 5));
  recorder.submit();
  await assertRejects(() => tensor.read(), TypeError, "must be submitted");
  gpu.device.queue.submit([encoder.finish()]);
  gpu.submitted(encoder);
  assertEquals([...await tensor.read()], [7]);
});

Deno.test("sizes that a caller's encoder uses stay until it is submitted, however many others come", async () => {
  using tensor = upload(gpu, Float32Array.of(0));
  using elsewhere = upload(gpu, Float32Array.of(0));
  const encoder = gpu.device.createCommandEncoder();
  const recorder = new GpuRecorder(gpu, { encoder });
  recorder.dispatch(double(tensor, 5));
  recorder.submit();
  for (let size = 0; size < 1100; size += 100) {
    const others = new GpuRecorder(gpu);
    for (let i = 0; i < 100; i++) others.dispatch(double(elsewhere, 1000 + size + i));
    others.submit();
  }
  gpu.device.queue.submit([encoder.finish()]);
  const before = gpu.memory.ledger.pooledBytes;
  gpu.submitted(encoder);
  assertEquals([...await tensor.read()], [5]);
  assert(gpu.memory.ledger.pooledBytes < before, "those used longest ago go then");
});

Deno.test("a part of a tensor is bound at its offset", async () => {
  const alignment = gpu.capabilities.minStorageBufferOffsetAlignment;
  const first = alignment / 4;
  using tensor = upload(gpu, Float32Array.from({ length: first + 2 }, (_, i) => i));
  const recorder = new GpuRecorder(gpu);
  const part = { tensor, byteOffset: alignment, byteLength: 8 };
  recorder.dispatch({ ...double(tensor, 0), bindings: [part], workgroups: [2, 1, 1] });
  recorder.submit();
  const values = await tensor.read();
  assertEquals([...values.slice(first)], [2 * first, 2 * first + 2]);
  assertEquals(values[first - 1], first - 1);
});

Deno.test("a kernel is compiled once for its key", async () => {
  using tensor = upload(gpu, Float32Array.of(1));
  let compiled = 0;
  const kernel = { ...DOUBLE, key: "test|once", wgsl: () => (compiled++, DOUBLE.wgsl()) };
  for (let i = 0; i < 3; i++) {
    const recorder = new GpuRecorder(gpu);
    recorder.dispatch({ ...double(tensor, i), kernel: { ...kernel } });
    recorder.submit();
  }
  await tensor.read();
  assertEquals(compiled, 1);
  assert(gpu.compileMs > 0);
});

Deno.test("new tensors are counted by purpose, on the device and on paper alike", () => {
  const plan = new PlanRecorder(gpu.capabilities);
  for (const recorder of [new GpuRecorder(gpu), plan]) {
    const tensor = recorder.empty([3, 3], "bfloat16", { purpose: "gradient", label: "dW" });
    assertEquals([tensor.byteLength, recorder.memory.ledger.live("gradient")], [20, 20]);
    tensor.dispose();
    assertEquals(recorder.memory.ledger.live("gradient"), 0);
  }
});

Deno.test("a plan keeps its launches, compiles nothing and touches no device", () => {
  const plan = new PlanRecorder(gpu.capabilities);
  const tensor = plan.empty([2], "float32", { purpose: "workspace", label: "x" });
  const kernel: Kernel = {
    ...DOUBLE,
    wgsl: () => {
      throw new Error("a plan needs no text");
    },
  };
  plan.dispatch({ ...double(tensor, 1), kernel });
  plan.dispatch({ ...double(tensor, 2), kernel });
  assertEquals(plan.dispatches.map(({ uniforms }) => uniforms[0]), [1, 2]);
});

Deno.test("more timestamps than there is room for are refused", () => {
  using timer = new Timer(gpu);
  timer.slots.next = 4096;
  const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "each" } });
  using tensor = upload(gpu, new Float32Array(4));
  assertThrows(() => recorder.dispatch(double(tensor, 1)), LimitError, "Cannot time more launches");
  recorder.discard();
});

Deno.test("a disposed tensor is refused where it is recorded", () => {
  const tensor = upload(gpu, Float32Array.of(1));
  tensor.dispose();
  const recorder = new GpuRecorder(gpu);
  assertThrows(() => recorder.dispatch(double(tensor, 0)), TypeError, "Cannot use test as it is disposed");
  recorder.split();
});

testNothingLeft(gpu);
