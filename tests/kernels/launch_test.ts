import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Dispatch } from "../../kernels/gpu/dispatch.ts";
import { LimitError } from "../../kernels/gpu/limits.ts";
import { workspace } from "../../kernels/gpu/steps.ts";
import {
  boundLaunch,
  boundSteps,
  fold,
  type Launch,
  offsetsAndStrides,
  offsetsOf,
} from "../../kernels/launch.ts";
import { columnRange, matrix } from "../../kernels/view.ts";
import { CAPABILITIES } from "../bench/measure/capabilities.ts";

const pair = workspace("pair", [4, 16], "float32");
const other = workspace("other", [4, 8], "float32");
const views = [columnRange(matrix(pair), 8, 8), matrix(other), matrix(pair)];

/** A launch whose kernel is named after the bindings that it is given. */
const LAUNCH: Launch = {
  views,
  kernel: (slots) => ({ key: slots.join(), label: "test", access: [], wgsl: () => "" }),
  uniforms: [7, ...offsetsAndStrides(views.slice(0, 1)), ...offsetsOf(views.slice(1), 1)],
  workgroups: [5, 2, 3],
  flops: 1,
  bytes: 2,
  tile: "one",
};

Deno.test("views of one tensor share a binding, and the kernel and the uniforms say where each lies", () => {
  const { kernel, bindings, uniforms, workgroups, ...work } = boundLaunch(LAUNCH, CAPABILITIES);
  assertEquals(kernel.key, "0,1,0");
  assertEquals(bindings.map(({ tensor }) => tensor.label), ["pair", "other"]);
  assertEquals(uniforms, [7, 8, 16, 0, 0]);
  assertEquals(workgroups, [5, 2, 3]);
  assertEquals(work, { flops: 1, bytes: 2, tile: "one" });
});

Deno.test("apart, each view has a binding of its own", () => {
  const { kernel, bindings } = boundLaunch({ ...LAUNCH, apart: true }, CAPABILITIES);
  assertEquals(kernel.key, "0,1,2");
  assertEquals(bindings.map(({ tensor }) => tensor.label), ["pair", "other", "pair"]);
});

Deno.test("a tensor beyond the largest binding is bound in part, and offsets count from that part", () => {
  const { bindings, uniforms } = boundLaunch(
    { ...LAUNCH, views: [{ ...views[0], rows: 1 }, views[1]], uniforms: offsetsOf(views.slice(0, 2)) },
    { ...CAPABILITIES, maxStorageBufferBindingSize: 128 },
  );
  assertEquals(bindings[0], { tensor: pair, byteOffset: 32, byteLength: 32, firstElement: 8 } as object);
  assertEquals(uniforms, [0, 0]);
});

Deno.test("workgroups without y are spread over x and y, up to the device's limit", () => {
  const limits = { ...CAPABILITIES, maxComputeWorkgroupsPerDimension: 10 };
  const spread = (count: number) =>
    boundLaunch({ ...LAUNCH, workgroups: [count, null, 3] }, limits).workgroups;
  assertEquals(spread(10), [10, 1, 3]);
  const [x, y, z] = spread(11);
  assertEquals([x * y >= 11, x <= 10, y, z], [true, true, 2, 3]);
  assertThrows(() => spread(101), LimitError, "current value is 101");
});

Deno.test("steps are bound one by one; those that launch nothing stay as they are", () => {
  const planned = [{ make: pair }, "group", { launch: LAUNCH }, { release: pair }] as const;
  const [make, group, launch, release] = boundSteps(planned, CAPABILITIES);
  assertEquals([make, group, release], [planned[0], planned[1], planned[3]]);
  assertEquals((launch as { dispatch: Dispatch }).dispatch.kernel.key, "0,1,0");
});

Deno.test("fold covers the count in two dimensions with little to spare", () => {
  for (const most of [3, 64, 65535]) {
    for (const count of [1, 2, most - 1, most, most + 1, 2 * most, 2 * most + 1, most * most]) {
      const [x, y] = fold(count, most);
      assert(x >= 1 && y >= 1 && x <= most && y <= most, `${count} in ${most}: ${x} x ${y}`);
      assert(x * y >= count && x * y < count + y, `${count} in ${most}: ${x} x ${y}`);
    }
  }
  assertEquals(fold(5, 65535), [5, 1]);
  assertEquals(fold(0, 65535), [0, 1]);
});

Deno.test("fold refuses more than two dimensions hold", () => {
  assertThrows(
    () => fold(10, 3),
    RangeError,
    "Cannot launch as two dimensions hold at most 9 workgroups (maxComputeWorkgroupsPerDimension): current value is 10",
  );
});
