import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "../../../kernels/gpu/memory.ts";
import { randomInputs } from "../../../bench/oracle/data.ts";
import { DeviceInputs, hostInputs } from "../../../bench/measure/inputs.ts";
import type { RowResult } from "../../../bench/measure/job.ts";
import { measure } from "../../../bench/measure/run.ts";
import { variants } from "../../../variants/mod.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

import { jobOf, ofType, problemOf, variantOf } from "./problems.ts";

const gpu = await requestGpu();

Deno.test("an oracle that needs too many rows is refused before anything is allocated", () => {
  for (const [tokens, dim, hiddenDim] of [[1, 2 ** 24, 1], [2 ** 24, 1, 1], [1, 1, 2 ** 24]]) {
    assertThrows(
      () => hostInputs(problemOf(tokens, dim, hiddenDim), 0),
      OutOfMemoryError,
      "the float64 oracle would need",
    );
  }
});

Deno.test("rows of such a problem are skipped with the reason", async () => {
  const rows: RowResult[] = [];
  const job = jobOf([problemOf(1, 2 ** 24, 1)], ["pytorch"]);
  await measure(job, variants, (event) => rows.push(...ofType([event], "row").map(({ row }) => row)));
  assertEquals(rows.map(({ status }) => status), ["skipped", "skipped", "skipped"]);
  for (const { reason } of rows) assertStringIncludes(reason!, "the float64 oracle would need");
});

for (const dtype of ["float32", "float16", "bfloat16"] as const) {
  Deno.test(`one changed bit of any ${dtype} input is found, named and mended`, async () => {
    const problem = problemOf(3, 5, 7, dtype);
    using inputs = new DeviceInputs(gpu, problem, randomInputs(problem, 1));
    const { x, weights } = inputs.for(variantOf("pytorch"));
    await inputs.seal();
    assertEquals(await inputs.restore(), []);
    for (const tensor of [x, weights.down, inputs.dy]) {
      const before = await tensor.read();
      for (const place of [0, tensor.length - 1]) {
        tensor.write(before.map((value, i) => i === place ? -value : value));
        assertEquals(await inputs.restore(), [tensor.label]);
        assertEquals(await tensor.read(), before);
      }
      // The same numbers in another order.
      tensor.write(before.toReversed());
      assertEquals(await inputs.restore(), [tensor.label]);
    }
    await inputs.write(randomInputs(problem, 2));
    assertEquals(await inputs.restore(), []);
  });
}

testNothingLeft(gpu);
