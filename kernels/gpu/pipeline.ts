import type { Kernel } from "./kernel.ts";

/** A compiled kernel. */
export interface Pipeline {
  /** What a pass is set to. */
  readonly pipeline: GPUComputePipeline;
  /** A bind group of these parts of buffers, by binding. */
  bind(parts: readonly GPUBufferBinding[]): GPUBindGroup;
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
  const groups = new BindGroups(device, { label, layout });
  return { pipeline, bind: (parts) => groups.get(parts) };
}

/** Bind groups kept for each pipeline; what uses the same buffers again, as a model does, needs a few. */
const CAPACITY = 64;

let nextNumber = 0;

/** Names buffers in keys. */
const numbers = new WeakMap<GPUBuffer, number>();

function numberOf(buffer: GPUBuffer): number {
  const number = numbers.get(buffer) ?? nextNumber++;
  numbers.set(buffer, number);
  return number;
}

/** Bind groups shared by content: making one took a third of the time that recording a launch took. */
class BindGroups {
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #device: GPUDevice;
  readonly #init: Pick<GPUBindGroupDescriptor, "label" | "layout">;

  constructor(device: GPUDevice, init: Pick<GPUBindGroupDescriptor, "label" | "layout">) {
    this.#device = device;
    this.#init = init;
  }

  get(parts: readonly GPUBufferBinding[]): GPUBindGroup {
    const key = parts.map(({ buffer, offset, size }) => `${numberOf(buffer)},${offset},${size}`).join(";");
    let group = this.#groups.get(key);
    if (group) this.#groups.delete(key); // set again below: the map's order is the order of last use
    else group = this.#create(parts);
    this.#groups.set(key, group);
    if (this.#groups.size > CAPACITY) this.#groups.delete(this.#groups.keys().next().value!);
    return group;
  }

  #create(parts: readonly GPUBufferBinding[]): GPUBindGroup {
    const entries = parts.map((resource, binding) => ({ binding, resource }));
    return this.#device.createBindGroup({ ...this.#init, entries });
  }
}
