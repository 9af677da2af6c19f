import { assert, assertEquals, assertThrows } from "@std/assert";
import { multiplyAdds } from "../../../bench/timing/ceiling_kernels.ts";
import { GpuRecorder, type Recorder } from "../../../kernels/gpu/recorder.ts";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { gpuTimes, wallTime } from "../../../bench/timing/clock.ts";
import { measureCeilings } from "../../../bench/timing/ceilings.ts";
import { fill, fillIntegers, integer, POISON } from "../../../bench/timing/fill.ts";
import { Instruments } from "../../../bench/timing/instruments.ts";
import { periodNs, Timer } from "../../../bench/timing/timer.ts";
import { median } from "../../../bench/timing/statistics.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

/** Records work that takes about as many times as long as `rounds` is larger. */
function work(sink: Tensor, rounds: number): (recorder: GpuRecorder) => void {
  return (recorder) => multiplyAdds(recorder, { type: "f32", workgroups: 16, rounds, sink });
}

function sinkOf(): Tensor {
  return new Tensor(gpu.memory, { shape: [4], dtype: "float32", purpose: "internal", label: "sink" });
}

Deno.test("the period is the wall clock's advance over the device's", () => {
  const from = { wallMs: 100, ticks: 5000n };
  assertEquals(periodNs(from, { wallMs: 110, ticks: 105_000n }), 100);
  assertThrows(
    () => periodNs(from, { wallMs: 110, ticks: 5000n }),
    RangeError,
    "it went 0 ticks in 10000000 ns",
  );
});

Deno.test("many spans are read at once, in order, and none twice", async () => {
  using timer = new Timer(gpu);
  using sink = sinkOf();
  const recorder = new GpuRecorder(gpu, { timestamps: { slots: timer.slots, per: "each" } });
  for (let i = 0; i < 20; i++) work(sink, 1)(recorder);
  recorder.submit();
  const spans = await timer.read();
  assertEquals(spans.length, 20);
  for (const [i, [begin, end]] of spans.entries()) {
    assert(end > begin, `span ${i} takes no time`);
    assert(i === 0 || begin >= spans[i - 1][1], `span ${i} begins before the one before it ends`);
  }
  assertEquals(await timer.read(), []);
  assert(timer.resolutionTicks >= 1);
});

Deno.test("a calibrated device clock agrees with the wall clock on kernels of different length", async () => {
  using instruments = await Instruments.create(gpu, { flush: true });
  using sink = sinkOf();
  const [short, long] = [{ timed: work(sink, 4) }, { timed: work(sink, 64) }];
  await gpuTimes(instruments, [short, long]);
  const differences: { device: number; wall: number }[] = [];
  for (let i = 0; i < 5; i++) {
    const [a, b] = await gpuTimes(instruments, [short, long]);
    differences.push({
      device: b - a,
      wall: await wallTime(instruments, long) - await wallTime(instruments, short),
    });
  }
  const device = median(differences.map(({ device }) => device));
  const wall = median(differences.map(({ wall }) => wall));
  // Both are noisy where others use the machine: a wrong unit or a period off by half would still show.
  assert(device > 0 && wall > 0.5 * device && wall < 2 * device, `device ${device} ns, wall ${wall} ns`);
});

Deno.test("on the wall clock each run is a submit of its own, and the time is that of one", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  using sink = sinkOf();
  const recorders = new Set<GpuRecorder>();
  const long = work(sink, 64);
  const item = {
    timed: (recorder: GpuRecorder) => {
      recorders.add(recorder);
      long(recorder);
    },
  };
  const ratios: number[] = [];
  for (let i = 0; i < 5; i++) {
    const alone = await wallTime(instruments, item);
    ratios.push(await wallTime(instruments, item, { runs: 4 }) / alone);
  }
  assertEquals(recorders.size, 25);
  const ratio = median(ratios);
  assert(ratio > 0.3 && ratio < 3, `a run of four takes ${ratio} of one alone`);
});

Deno.test("calibrating again changes the period by next to nothing", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  assert(await instruments.calibrate() < 0.01);
  assert(instruments.waitMs > 0 && instruments.waitMs < 200);
  assertEquals(instruments.flushes, false);
});

/** Calls with timestamps that are rounded down to multiples of a power of two, as browsers round them. */
async function withCoarseClock(step: bigint, use: () => Promise<void>): Promise<void> {
  const { getMappedRange } = GPUBuffer.prototype;
  GPUBuffer.prototype.getMappedRange = function (...range) {
    const mapped = getMappedRange.apply(this, range);
    // Other buffers are written through what they map: a copy would leave them empty.
    if (this.label !== "timestamps") return mapped;
    return new BigUint64Array(mapped.slice(0)).map((tick) => tick & ~(step - 1n)).buffer;
  };
  try {
    await use();
  } finally {
    GPUBuffer.prototype.getMappedRange = getMappedRange;
  }
}

Deno.test("the step of a clock is found before anything is timed, however coarse it is", async () => {
  (await Instruments.create(gpu, { flush: false })).dispose(); // compiles, which lasts some steps
  // Ever longer work is timed until it lasts a step of 67 ms.
  await withCoarseClock(2n ** 26n, async () => {
    using instruments = await Instruments.create(gpu, { flush: false });
    assertEquals(instruments.timer!.resolutionTicks, 2 ** 26);
  });
});

Deno.test("ceilings are positive; float16 has one where the device has float16", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  const { fmaTflops, copyGBps } = await measureCeilings(instruments);
  assert(fmaTflops.float32 > 0 && copyGBps > 0);
  assertEquals(fmaTflops.float16 !== null, gpu.capabilities.shaderF16);
});

Deno.test("preparation is recorded before the timed part, and is not timed", async () => {
  using instruments = await Instruments.create(gpu, { flush: false });
  using sink = sinkOf();
  const order: string[] = [];
  const prepared = {
    prepare: (recorder: GpuRecorder) => {
      order.push("prepare");
      work(sink, 512)(recorder);
    },
    timed: (recorder: GpuRecorder) => {
      order.push("timed");
      work(sink, 1)(recorder);
    },
  };
  const [alone] = await gpuTimes(instruments, [{ timed: work(sink, 512) }]);
  const times = await gpuTimes(instruments, [prepared, prepared, prepared]);
  assertEquals(order, ["prepare", "timed", "prepare", "timed", "prepare", "timed"]);
  assert(Math.min(...times) < alone / 4, `${times} beside ${alone} of the preparation`);
});

Deno.test("fill() writes every word of a tensor, and the poison is NaN in every dtype", async () => {
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    using tensor = new Tensor(gpu.memory, { shape: [1003], dtype, purpose: "input", label: "filled" });
    const recorder = new GpuRecorder(gpu);
    fill(recorder, tensor, POISON);
    recorder.submit();
    const values = await tensor.read();
    assertEquals(values.length, 1003);
    assert(values.every(Number.isNaN), `${dtype} has numbers left`);
  }
});

Deno.test("fillIntegers() writes what integer() tells, two to a word where elements have 16 bits", async () => {
  for (const dtype of ["float32", "float16", "bfloat16"] as const) {
    using tensor = new Tensor(gpu.memory, { shape: [1003], dtype, purpose: "input", label: "filled" });
    const recorder = new GpuRecorder(gpu);
    fillIntegers(recorder, tensor, 3);
    recorder.submit();
    assertEquals([...await tensor.read()], Array.from({ length: 1003 }, (_, i) => integer(i, 3)));
  }
});

Deno.test("both go on in pieces where one binding cannot hold the tensor", async () => {
  const init = { shape: [5000], dtype: "float32", purpose: "input", label: "filled" } as const;
  const ones = new Array(5000).fill(1);
  const integers = ones.map((_, i) => integer(i, 0));
  using tensor = new Tensor(gpu.memory, init);
  for (
    const [record, expected] of [
      [(recorder: Recorder) => fill(recorder, tensor, 0x3f800000), ones], // 1 as float32
      [(recorder: Recorder) => fillIntegers(recorder, tensor, 0), integers],
    ] as const
  ) {
    const inner = new GpuRecorder(gpu);
    const sizes: number[] = [];
    record({
      capabilities: { ...gpu.capabilities, maxStorageBufferBindingSize: 8192 + 100 },
      memory: gpu.memory,
      empty: inner.empty.bind(inner),
      beginGroup: () => {},
      dispatch: (dispatch) => {
        sizes.push(dispatch.bindings[0].byteLength!);
        inner.dispatch(dispatch);
      },
    });
    inner.submit();
    assertEquals(sizes, [8192, 8192, 3616]);
    assertEquals([...await tensor.read()], expected);
  }
});

testNothingLeft(gpu);
