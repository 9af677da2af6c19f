/** The choice of a tuning table reaches the launches of the product that it names. */
import { assert, assertEquals } from "@std/assert";
import { explain, requestGpu, TUNING_SCHEMA, useTuning } from "../../mod.ts";
import { planRow } from "../../bench/measure/row_plan.ts";
import { variants } from "../../variants/mod.ts";

const problem = {
  tokens: 512,
  dim: 256,
  hiddenDim: 512,
  dtype: "float32",
  activation: "silu",
  precision: "default",
} as const;

Deno.test("every product of every variant is found in a table by the name under which it is tuned", async () => {
  using gpu = await requestGpu();
  const capabilities = { ...gpu.capabilities, name: "an adapter of this test", software: false };
  const launches = () =>
    variants.flatMap((variant) => {
      const plan = planRow({ variant, problem, mode: "full" }, capabilities);
      return ("refusal" in plan ? [] : plan.dispatches).filter(({ product }) => product !== undefined);
    });
  const before = launches();
  const products = [...new Set(before.map(({ product }) => product!))];
  assert(products.length > 5, `${products}`);
  assert(before.every(({ tile }) => !tile!.startsWith("32x128")));
  const entries = products.map((product) => {
    const choice = { tile: "low", splits: 1, tflops: 1 } as const;
    return { product, ...choice, transposeB: product.startsWith("nt"), ruled: choice, failed: [] };
  });
  useTuning({ schema: TUNING_SCHEMA, adapter: capabilities.name, entries });
  const after = launches();
  assert(after.every(({ tile }) => tile!.startsWith("32x128")), after.map(({ tile }) => tile).join());
  assertEquals(new Set(after.map(({ product }) => product)), new Set(products));
});

Deno.test("a table that comes into use changes what explain tells", async () => {
  using gpu = await requestGpu();
  const sizes = { tokens: 128, dim: 64, hiddenDim: 128 };
  // Without subgroup matrices, whose tiles tables list under names of their own.
  const own = { name: "another adapter of this test", subgroupMatrices: [] };
  Object.assign(gpu, { capabilities: { ...gpu.capabilities, ...own } });
  const { peakBytes } = explain(gpu, sizes);
  const product = `nt ${sizes.tokens}x${sizes.dim}x${sizes.hiddenDim} float32/float32 2x1`;
  const choice = { tile: "software", splits: 1, transposeB: true, tflops: 1 } as const;
  useTuning({
    schema: TUNING_SCHEMA,
    adapter: gpu.capabilities.name,
    entries: [{ product, ...choice, ruled: choice, failed: [] }],
  });
  const { launches, peakBytes: after } = explain(gpu, sizes);
  assertEquals(launches.filter(({ label }) => label === "dx: B transposed").length, 2);
  assertEquals(after, peakBytes, "the copy lives where the gradients of gate and up will be");
});
