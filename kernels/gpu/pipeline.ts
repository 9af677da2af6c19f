import type { Kernel } from "./kernel.ts";

/** A compiled kernel. */
export interface Pipeline {
  /** What a pass is set to. */
  readonly pipeline: GPUComputePipeline;
  /** Of its only bind group. */
  readonly layout: GPUBindGroupLayout;
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE

/** Compiles a kernel with an explicit layout, so that a binding the compiler finds unused stays in place. */
export function compile(device: GPUDevice, kernel: Kernel): Pipeline {
  const { label } = kernel;
  const entries: GPUBindGroupLayoutEntry[] = kernel.access.map((access, binding) => ({
    binding,
    visibility: COMPUTE,
    buffer: { type: access === "read" ? "read-only-storage" : "storage" },
  }));
  entries.push({ binding: kernel.access.length, visibility: COMPUTE, buffer: { type: "uniform" } });
  const layout = device.createBindGroupLayout({ label, entries });
  const module = device.createShaderModule({ label, code: kernel.wgsl() });
  const pipeline = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main" },
  });
  return { pipeline, layout };
}
