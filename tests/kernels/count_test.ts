import { assertEquals } from "@std/assert";
import { countElements } from "../../kernels/count.ts";
import { requestGpu, testNothingLeft, upload } from "../gpu.ts";

const gpu = await requestGpu();

Deno.test("elements are counted where the condition holds, beyond a workgroup too", async () => {
  using a = upload(gpu, Float32Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(await countElements(gpu, { label: "large", inputs: { a }, where: "a >= 300" }), 700);
  assertEquals(await countElements(gpu, { label: "none", inputs: { a }, where: "a < 0" }), 0);
});

Deno.test("the names of the inputs decide the kernel, not only their types", async () => {
  using low = upload(gpu, Float32Array.of(1, 2, 3, 9));
  using high = upload(gpu, Float32Array.of(2, 3, 4, 5));
  const count = (inputs: Parameters<typeof countElements>[1]["inputs"]) =>
    countElements(gpu, { label: "order", inputs, where: "a > b" });
  assertEquals(await count({ a: low, b: high }), 1);
  assertEquals(await count({ b: low, a: high }), 3);
});

testNothingLeft(gpu);
