import type { Gpu } from "../../kernels/gpu/device.ts";
import { OutOfMemoryError } from "../../kernels/gpu/memory.ts";
import type { Recorder } from "../../kernels/gpu/recorder.ts";
import type { Tensor } from "../../kernels/gpu/tensor.ts";
import { ObservedRecorder } from "../timing/observed.ts";
import { release } from "../../variants/variant.ts";

/**
 * Finds out which allocation the device refuses. WebGPU itself goes on with an invalid buffer, and tells only later, by an
 * error scope, so each allocation gets a scope of its own.
 */
export class AllocationWatch {
  readonly #gpu: Gpu;
  readonly #refusals: Promise<string | null>[] = [];

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Makes a tensor under watch. */
  make(create: () => Tensor): Tensor {
    const { device, memory: { ledger } } = this.#gpu;
    const live = ledger.liveBytes;
    let tensor: Tensor | null = null;
    device.pushErrorScope("out-of-memory");
    try {
      return tensor = create();
    } finally {
      const what = tensor === null ? "a tensor" : `the ${tensor.byteLength} bytes of ${tensor.label}`;
      this.#refusals.push(
        device.popErrorScope().then((error) =>
          error &&
          `Cannot allocate ${what} as the device is out of memory: ${live} bytes are live (${error.message})`
        ),
      );
    }
  }

  /** @throws {OutOfMemoryError} If a tensor has no memory. The message names it, its bytes, and those that were live. */
  async check(): Promise<void> {
    const refusal = (await Promise.all(this.#refusals.splice(0))).find((refusal) => refusal !== null);
    if (refusal) throw new OutOfMemoryError(refusal);
  }
}

/** Records work. If it throws, the tensors that it made are freed. */
export function cleanly<T>(recorder: Recorder, work: (recorder: Recorder) => T): T {
  const made: Tensor[] = [];
  try {
    return work(new ObservedRecorder(recorder, { made: (tensor) => made.push(tensor) }));
  } catch (error) {
    release(...made);
    throw error;
  }
}

/** Released buffers that wait for reuse are freed above this: the rows of a problem need many sizes. */
const MOST_POOLED_BYTES = 4 * 2 ** 30;

/** Frees the buffers that wait for reuse, where they are many. */
export function trimPool({ memory }: Gpu): void {
  if (memory.ledger.pooledBytes > MOST_POOLED_BYTES) memory.trim();
}
