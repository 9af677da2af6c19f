import { assertEquals } from "@std/assert";
import { Tensor } from "../../../kernels/gpu/tensor.ts";
import { GpuRecorder } from "../../../kernels/gpu/recorder.ts";
import { readAll } from "../../../bench/timing/read.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

Deno.test("reading all of a tensor finds a word wherever it lies, and none where there is none", async () => {
  const length = 4 * 1024 * 1024 + 64; // beyond one turn of its loop
  for (const place of [0, 3, length / 2, length - 1, -1]) {
    const values = new Float32Array(length);
    if (place >= 0) values[place] = 1.5;
    using tensor = Tensor.from(gpu, values, [length]);
    using sink = Tensor.from(gpu, Float32Array.of(0, 0, 0, 0), [4]);
    const recorder = new GpuRecorder(gpu);
    readAll(recorder, { tensor, word: 0x3fc00000, sink });
    recorder.submit();
    assertEquals([...await sink.read()], [place >= 0 ? 1 : 0, 0, 0, 0], `word at ${place}`);
  }
});

testNothingLeft(gpu);
