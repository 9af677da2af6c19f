/**
 * The products that variants record, bit for bit: whole numbers, poison around the inputs, guards around the outputs.
 * What multiplies the cases is tested on a smaller tile than software adapters take, as that compiles sooner.
 */
import { assert } from "@std/assert";
import { requestGpu, testNothingLeft } from "../../gpu.ts";
import { launchCases, shapesOf } from "./cases.ts";
import { assertExact } from "./exact.ts";
import { describeConfig } from "./structures.ts";

const gpu = await requestGpu();

for (const { config, shapes, seed } of launchCases()) {
  Deno.test(`matmul is exact: ${describeConfig(config)}`, async () => {
    for (const poison of ["nan", "huge"] as const) await assertExact(gpu, config, { shapes, seed, poison });
  });
}

Deno.test("these tests try at least 1,000 shapes on the tile of software adapters", () => {
  const shapes = shapesOf(launchCases({ mini: false }));
  assert(shapes >= 1000, `${shapes} shapes`);
});

testNothingLeft(gpu);
