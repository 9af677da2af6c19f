import type { Ledger } from "./ledger.ts";

/** The most uniform blocks that are kept. Shapes repeat, so a model needs a few dozen. */
const CAPACITY = 1024;

/**
 * Uniform buffers shared by content: a launch with the same sizes as an earlier one uploads nothing. They wait for
 * reuse, as the pool's buffers do, and the ledger counts them so.
 */
export class Uniforms {
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #device: GPUDevice;
  readonly #ledger: Ledger;

  /** Begins without blocks. `ledger` counts those to come. */
  constructor(device: GPUDevice, ledger: Ledger) {
    this.#device = device;
    this.#ledger = ledger;
  }

  /** A uniform buffer that holds these 32-bit words, padded to 16 bytes. */
  get(words: readonly number[]): GPUBuffer {
    const key = words.join();
    let buffer = this.#buffers.get(key);
    if (buffer) this.#buffers.delete(key); // set again below: the map's order is the order of last use
    else buffer = this.#create(words);
    this.#buffers.set(key, buffer);
    return buffer;
  }

  /** Destroys all blocks. */
  dispose(): void {
    for (const buffer of this.#buffers.values()) this.#destroy(buffer);
    this.#buffers.clear();
  }

  /** Destroys the blocks used longest ago, beyond the capacity. Call after a submit, never while recording. */
  evict(): void {
    for (const [key, buffer] of this.#buffers) {
      if (this.#buffers.size <= CAPACITY) return;
      this.#buffers.delete(key);
      this.#destroy(buffer);
    }
  }

  #create(words: readonly number[]): GPUBuffer {
    const size = Math.max(16, Math.ceil(words.length / 4) * 16);
    const buffer = this.#device.createBuffer({ label: "sizes", size, usage: 0x40, mappedAtCreation: true }); // UNIFORM
    new Uint32Array(buffer.getMappedRange()).set(words);
    buffer.unmap();
    this.#ledger.pool(size);
    return buffer;
  }

  #destroy(buffer: GPUBuffer): void {
    this.#ledger.pool(-buffer.size);
    buffer.destroy();
  }
}
