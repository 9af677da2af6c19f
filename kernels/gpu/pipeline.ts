import type { Kernel } from "./kernel.ts";

/** A compiled kernel. */
export interface Pipeline {
  /** Set on a compute pass before a launch. */
  readonly pipeline: GPUComputePipeline;
  /** A bind group of these parts of buffers, by binding. */
  bind(parts: readonly GPUBufferBinding[]): GPUBindGroup;
}

const COMPUTE = 0x4; // GPUShaderStage.COMPUTE

/** Compiles a kernel. Its layout is explicit, because an automatic one leaves out bindings that are not used. */
export function compile(device: GPUDevice, kernel: Kernel, groups: BindGroups): Pipeline {
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
  return { pipeline, bind: (parts) => groups.get(layout, parts) };
}

/** The most compiled kernels that are kept. A model has some ten for each of its shapes (0.6 MiB each). */
export const MOST_PIPELINES = 256;

/** The compiled kernels that {@linkcode Pipelines.trim} leaves. They are enough for the steps that are being run. */
export const TRIMMED_PIPELINES = 32;

/**
 * Compiled kernels of a device, by key. Those used longest ago are dropped, because each text of a custom activation is
 * a kernel of its own and their number has no bound. Recorded work keeps what it uses, and a dropped kernel is compiled
 * again.
 */
export class Pipelines {
  readonly #pipelines = new Map<string, Pipeline>();

  /** How many are kept. */
  get size(): number {
    return this.#pipelines.size;
  }

  /** The compiled form of a kernel, made by `create` unless it is kept. */
  get(key: string, create: () => Pipeline): Pipeline {
    const pipeline = this.#pipelines.get(key) ?? create();
    this.#pipelines.delete(key); // set again below: the map's order is the order of last use
    this.#pipelines.set(key, pipeline);
    this.#keep(MOST_PIPELINES);
    return pipeline;
  }

  /** Forgets all but those that were used last. */
  trim(): void {
    this.#keep(TRIMMED_PIPELINES);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#keep(0);
  }

  #keep(most: number): void {
    for (const key of this.#pipelines.keys()) {
      if (this.#pipelines.size <= most) return;
      this.#pipelines.delete(key);
    }
  }
}

/** The most bind groups that are kept. A model that reuses its buffers needs one for each launch, some hundred. */
const CAPACITY = 1024;

let nextNumber = 0;

/** Names layouts and buffers in keys. */
const numbers = new WeakMap<GPUBindGroupLayout | GPUBuffer, number>();

function numberOf(object: GPUBindGroupLayout | GPUBuffer): number {
  const number = numbers.get(object) ?? nextNumber++;
  numbers.set(object, number);
  return number;
}

/** Bind groups of a device, shared by content. (Making one took a third of the time of recording a launch.) */
export class BindGroups {
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #device: GPUDevice;

  /** None yet. */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The bind group of a layout that binds these parts of buffers, by binding. */
  get(layout: GPUBindGroupLayout, parts: readonly GPUBufferBinding[]): GPUBindGroup {
    const names = parts.map(({ buffer, offset, size }) => `${numberOf(buffer)},${offset},${size}`);
    const key = `${numberOf(layout)}:${names.join(";")}`;
    let group = this.#groups.get(key);
    if (group) this.#groups.delete(key); // set again below: the map's order is the order of last use
    else group = this.#create(layout, parts);
    this.#groups.set(key, group);
    if (this.#groups.size > CAPACITY) this.#groups.delete(this.#groups.keys().next().value!);
    return group;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#groups.clear();
  }

  #create(layout: GPUBindGroupLayout, parts: readonly GPUBufferBinding[]): GPUBindGroup {
    const entries = parts.map((resource, binding) => ({ binding, resource }));
    return this.#device.createBindGroup({ label: layout.label, layout, entries });
  }
}
