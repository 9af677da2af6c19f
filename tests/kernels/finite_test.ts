import { assertEquals } from "@std/assert";
import { requestGpu } from "../../kernels/gpu/device.ts";
import { DTYPES } from "../../kernels/gpu/dtype.ts";
import { Tensor } from "../../kernels/gpu/tensor.ts";
import { countNonFinite } from "../../kernels/finite.ts";

Deno.test("countNonFinite finds every infinity and NaN, and nothing else, in each dtype", async () => {
  const gpu = await requestGpu();
  for (const dtype of DTYPES) {
    for (const bad of [0, 1, 7]) {
      using x = new Tensor(gpu.memory, { shape: [3, 171], dtype, purpose: "input", label: "x" });
      const values = Float32Array.from({ length: x.length }, (_, i) => (i - 200) * 3.5);
      for (let i = 0; i < bad; i++) values[i * 73] = [Infinity, -Infinity, NaN][i % 3];
      x.write(values);
      assertEquals(await countNonFinite(gpu, x), bad, `${dtype}, ${bad} bad elements`);
    }
  }
  gpu.check();
  assertEquals(gpu.memory.ledger.liveBytes, gpu.memory.ledger.live("internal"));
  gpu.dispose();
  assertEquals(gpu.memory.ledger.liveBytes, 0);
});

Deno.test("countNonFinite tells of float16 values beyond 65,504", async () => {
  const gpu = await requestGpu();
  using x = new Tensor(gpu.memory, { shape: [4], dtype: "float16", purpose: "input", label: "x" });
  x.write(Float32Array.of(65504, 65519, 65520, -1e6));
  assertEquals(await countNonFinite(gpu, x), 2);
  x.dispose();
  gpu.dispose();
});
