/** Bind groups are made once for equal parts of buffers, differ if any part differs, and stay few. */
import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import type { Kernel } from "../../../kernels/gpu/kernel.ts";
import { BindGroups, compile } from "../../../kernels/gpu/pipeline.ts";
import { GpuRecorder } from "../../../kernels/gpu/recorder.ts";
import { requestGpu, testNothingLeft, upload } from "../../gpu.ts";

const gpu = await requestGpu();

const COPY: Kernel = {
  key: "test|copy one",
  label: "copy one",
  access: ["read", "read_write"],
  wgsl: () =>
    `@group(0) @binding(0) var<storage, read> from_: array<f32>;
@group(0) @binding(1) var<storage, read_write> to: array<f32>;
@group(0) @binding(2) var<uniform> p: vec4u;
@compute @workgroup_size(1)
fn main() { to[p.x] = from_[p.x]; }`,
};

Deno.test("the same parts of buffers share a bind group; another buffer, offset or size has its own", () => {
  const { bind } = compile(gpu.device, COPY, new BindGroups(gpu.device));
  const buffer = (usage: number) => gpu.device.createBuffer({ size: 1024, usage });
  const [a, b, c] = [buffer(0x80), buffer(0x80), buffer(0x80)];
  const uniform = { buffer: buffer(0x40) };
  const first = bind([{ buffer: a, offset: 0, size: 512 }, { buffer: b, offset: 0, size: 512 }, uniform]);
  assertStrictEquals(
    bind([{ buffer: a, offset: 0, size: 512 }, { buffer: b, offset: 0, size: 512 }, { ...uniform }]),
    first,
  );
  for (
    const other of [
      { buffer: c, offset: 0, size: 512 },
      { buffer: a, offset: 256, size: 512 },
      { buffer: a, offset: 0, size: 256 },
    ]
  ) {
    assertNotStrictEquals(bind([other, { buffer: b, offset: 0, size: 512 }, uniform]), first);
  }
  for (const { buffer } of [uniform, ...[a, b, c].map((buffer) => ({ buffer }))]) buffer.destroy();
});

Deno.test("of many bind groups the ones used last are kept", () => {
  const { device } = gpu;
  let made = 0;
  const counting = new Proxy(device, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (name === "createBindGroup") made++;
        return Reflect.apply(value, target, args);
      };
    },
  });
  const groups = new BindGroups(counting);
  const [{ bind }, other] = [COPY, { ...COPY, key: "test|another" }].map((kernel) =>
    compile(device, kernel, groups)
  );
  const [from, to, uniform] = [0x80, 0x80, 0x40].map((usage) =>
    device.createBuffer({ size: 256 * 1200, usage })
  );
  const parts = (i: number) => [{ buffer: from, offset: 256 * i, size: 256 }, { buffer: to, size: 256 }, {
    buffer: uniform,
    size: 256,
  }];
  for (let i = 0; i < 1100; i++) {
    bind(parts(i));
    bind(parts(0));
  }
  assertEquals(made, 1100);
  bind(parts(1099));
  assertEquals(made, 1100);
  bind(parts(1)); // was dropped
  assertEquals(made, 1101);
  other.bind(parts(1)); // of another layout
  assertEquals(made, 1102);
  for (const buffer of [from, to, uniform]) buffer.destroy();
});

Deno.test("a launch reads the buffers that it was recorded with, whatever bind groups were there before", async () => {
  using to = upload(gpu, Float32Array.of(0, 0));
  for (const value of [1, 2, 3]) {
    using from = upload(gpu, Float32Array.of(value, 10 * value));
    for (const index of [0, 1]) {
      const recorder = new GpuRecorder(gpu);
      recorder.dispatch({
        kernel: COPY,
        bindings: [{ tensor: from }, { tensor: to }],
        uniforms: [index],
        workgroups: [1, 1, 1],
        flops: 0,
        bytes: 8,
      });
      recorder.submit();
    }
    assertEquals([...await to.read()], [value, 10 * value]);
  }
});

testNothingLeft(gpu);
