import type { DType } from "./dtype.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Gpu } from "./device.ts";
import { type Dispatch, uniformWords } from "./dispatch.ts";
import { checkLaunch, LimitError } from "./limits.ts";
import type { Purpose } from "./ledger.ts";
import { type Memory, notSubmitted, PlannedMemory } from "./memory.ts";
import { Tensor } from "./tensor.ts";

/** Takes the work of variants: for a device's command stream, or for a plan that only counts. */
export interface Recorder {
  /** What the device can do. */
  readonly capabilities: Capabilities;
  /** Where tensors get their bytes from. */
  readonly memory: Memory;
  /** An uninitialised tensor: every element must be written before it is read. */
  empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor;
  /** Appends one launch. Launches run in order; each sees what earlier ones wrote. */
  dispatch(dispatch: Dispatch): void;
  /**
   * Begins a group of launches. They wait for earlier ones once, before the first of the group. Launches of the group
   * then run together, unless one writes what another uses.
   */
  beginGroup(): void;
}

/** Where the timestamps of a recording go. */
export interface TimestampSlots {
  readonly querySet: GPUQuerySet;
  /** The next free query; two per span. */
  next: number;
}

/** How a {@linkcode GpuRecorder} records. */
export interface RecordOptions {
  /** A caller's encoder to record into; the caller finishes and submits it. */
  encoder?: GPUCommandEncoder;
  /** Timestamps around everything between two `split` calls ("span") or around each launch ("each"). */
  timestamps?: { slots: TimestampSlots; per: "span" | "each" };
}

/** Records launches into a command encoder of a device. */
export class GpuRecorder implements Recorder {
  readonly gpu: Gpu;
  readonly #encoder: GPUCommandEncoder;
  readonly #external: GPUCommandEncoder | undefined;
  readonly #timestamps: RecordOptions["timestamps"];
  #pass: GPUComputePassEncoder | null = null;
  /** The query of the current span's end. Each pass of the span writes it, so that the last one counts. */
  #end: number | null = null;
  readonly #made: Tensor[] = [];

  constructor(gpu: Gpu, { encoder, timestamps }: RecordOptions = {}) {
    this.gpu = gpu;
    this.#external = encoder;
    this.#encoder = encoder ?? gpu.device.createCommandEncoder();
    this.#timestamps = timestamps;
  }

  get capabilities(): Capabilities {
    return this.gpu.capabilities;
  }

  get memory(): Memory {
    return this.gpu.memory;
  }

  empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor {
    const tensor = new Tensor(this.memory, { shape, dtype, ...as, encoder: this.#external });
    this.#made.push(tensor);
    return tensor;
  }

  dispatch(dispatch: Dispatch): void {
    const { kernel, workgroups } = dispatch;
    checkLaunch(dispatch, this.capabilities);
    checkBuffers(dispatch);
    this.#note(dispatch);
    const { pipeline, bind } = this.gpu.pipeline(kernel);
    const buffers: GPUBufferBinding[] = dispatch.bindings.map((binding) => ({
      buffer: binding.tensor.buffer,
      offset: binding.tensor.byteOffset + (binding.byteOffset ?? 0),
      size: binding.byteLength ?? binding.tensor.byteLength,
    }));
    buffers.push({ buffer: this.gpu.uniforms.get(uniformWords(dispatch)) });
    const pass = this.#pass ??= this.#begin();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bind(buffers));
    pass.dispatchWorkgroups(...workgroups);
    if (this.#timestamps?.per === "each") this.split();
  }

  /**
   * Gives the group a compute pass of its own. Before a pass begins, wgpu waits for what the first uses of its buffers
   * need. Later in the pass it puts a barrier between launches for any buffer that is written, or was. A workspace from
   * the pool was.
   */
  beginGroup(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  /** Ends the current span of timestamps, so that the next launch begins another one. */
  split(): void {
    this.beginGroup();
    this.#end = null;
  }

  /** Ends recording. Its own encoder is submitted; a caller's encoder is left to the caller. */
  submit(): void {
    this.split();
    if (this.#external) return this.gpu.memory.open(this.#external);
    this.gpu.device.queue.submit([this.#encoder.finish()]);
    this.gpu.memory.evict();
    if (!this.gpu.memory.pending.any) this.gpu.uniforms.evict();
  }

  /** Ends recording without submitting, and disposes every tensor that it made. */
  discard(): void {
    this.split();
    for (const tensor of this.#made) tensor.dispose();
  }

  /**
   * Keeps the buffers of a caller's recording from other use. Refuses to use a buffer that another such recording is
   * yet to write, and to overwrite one that it is yet to use.
   */
  #note({ kernel, bindings }: Dispatch): void {
    const { memory } = this.gpu;
    const { pending } = memory;
    if (!this.#external && !pending.any) return;
    for (const [i, { tensor: { buffer, label } }] of bindings.entries()) {
      const written = kernel.access[i] === "read_write";
      if (pending.isUnwritten(buffer, this.#external)) throw notSubmitted(`use ${label}`);
      if (written && pending.isUsed(buffer, this.#external)) throw notSubmitted(`overwrite ${label}`, "uses");
      if (this.#external) memory.use(this.#external, buffer, { written });
    }
  }

  #begin(): GPUComputePassEncoder {
    if (!this.#timestamps) return this.#encoder.beginComputePass();
    const { slots } = this.#timestamps;
    const { querySet } = slots;
    if (this.#end !== null) {
      return this.#encoder.beginComputePass({
        timestampWrites: { querySet, endOfPassWriteIndex: this.#end },
      });
    }
    if (slots.next + 2 > slots.querySet.count) {
      throw new LimitError(
        `Cannot time more launches as the query set must hold two timestamps of each: current value is ${slots.querySet.count}`,
      );
    }
    const beginningOfPassWriteIndex = slots.next++;
    const endOfPassWriteIndex = this.#end = slots.next++;
    return this.#encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex },
    });
  }
}

/**
 * Checks that a launch does not read and write one buffer in two bindings, which WebGPU forbids even of parts that do not
 * overlap. Only tensors in a caller's buffer can lie so.
 *
 * @throws {TypeError} If it does.
 */
function checkBuffers({ kernel, bindings }: Dispatch): void {
  for (const [i, { tensor: written }] of bindings.entries()) {
    if (kernel.access[i] !== "read_write") continue;
    const read = bindings.find(({ tensor: { buffer } }, j) =>
      kernel.access[j] !== "read_write" && buffer === written.buffer
    );
    if (!read) continue;
    const { label } = read.tensor;
    throw new TypeError(
      `Cannot use ${written.label} as it must lie in another GPUBuffer than ${label}, because one kernel reads ${label} and ` +
        `writes ${written.label}: current value is the same GPUBuffer`,
    );
  }
}

/** Runs nothing. It keeps the launches and counts the memory, for planning and for `explain`. */
export class PlanRecorder implements Recorder {
  readonly memory: PlannedMemory;
  readonly dispatches: Dispatch[] = [];

  constructor(readonly capabilities: Capabilities) {
    this.memory = new PlannedMemory(capabilities);
  }

  empty(shape: readonly number[], dtype: DType, as: { purpose: Purpose; label: string }): Tensor {
    return new Tensor(this.memory, { shape, dtype, ...as });
  }

  dispatch(dispatch: Dispatch): void {
    checkLaunch(dispatch, this.capabilities);
    this.dispatches.push(dispatch);
  }

  beginGroup(): void {}
}
