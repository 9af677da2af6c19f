/** The number of compiled kernels is bounded. A custom activation with a parameter in its text would make one each step. */
import { assert, assertEquals } from "@std/assert";

import {
  MOST_PIPELINES,
  type Pipeline,
  Pipelines,
  TRIMMED_PIPELINES,
} from "../../../kernels/gpu/pipeline.ts";
import { gatedLinearUnit, Tensor } from "../../../mod.ts";
import { requestGpu, testNothingLeft } from "../../gpu.ts";

const gpu = await requestGpu();

/** A cache and how often it had each key made. */
function counted() {
  const pipelines = new Pipelines();
  const made = new Map<string, number>();
  const get = (key: string) =>
    pipelines.get(key, () => {
      made.set(key, (made.get(key) ?? 0) + 1);
      return {} as Pipeline;
    });
  return { pipelines, made, get };
}

Deno.test("compiled kernels have a bound, and what is used again stays", () => {
  const { pipelines, made, get } = counted();
  const first = get("used");
  for (let i = 0; i < 3 * MOST_PIPELINES; i++) {
    get(`beta ${i}`);
    assert(get("used") === first);
  }
  assertEquals(pipelines.size, MOST_PIPELINES);
  get("beta 0");
  assertEquals([made.get("used"), made.get("beta 0"), made.get("beta 1")], [1, 2, 1]);
});

Deno.test("trim forgets all but the last used, clear all", () => {
  const { pipelines, made, get } = counted();
  for (let i = 0; i < 100; i++) get(`beta ${i}`);
  pipelines.trim();
  assertEquals(pipelines.size, TRIMMED_PIPELINES);
  get("beta 99");
  get("beta 0");
  assertEquals([made.get("beta 99"), made.get("beta 0")], [1, 2]);
  pipelines.clear();
  assertEquals(pipelines.size, 0);
});

Deno.test("a recording keeps kernels that were forgotten before it is submitted", async () => {
  using x = Tensor.from(gpu, Float32Array.of(3), [1, 1]);
  const unit = (scale: number, encoder?: GPUCommandEncoder) => {
    const activation = { wgsl: `${scale}.0 * x`, derivative: `vec4f(${scale})` };
    return gatedLinearUnit(gpu, x, { gate: x, up: x }, { activation, encoder });
  };
  const encoder = gpu.device.createCommandEncoder();
  using h = unit(2, encoder);
  for (let scale = 3; scale < 3 + TRIMMED_PIPELINES + 1; scale++) unit(scale).dispose();
  const before = gpu.compileMs;
  unit(2).dispose();
  assertEquals(gpu.compileMs, before, "kept until trim");
  for (let scale = 3; scale < 3 + TRIMMED_PIPELINES + 1; scale++) unit(scale).dispose();
  gpu.trim();
  unit(2).dispose();
  assert(gpu.compileMs > before, "trim forgot it");
  gpu.device.queue.submit([encoder.finish()]);
  gpu.submitted(encoder);
  assertEquals([...await h.read()], [2 * 9 * 9]);
});

testNothingLeft(gpu);
