import type { Ledger } from "./ledger.ts";

/** One word that is 1 until an encoder runs, and the buffers whose content depends on that. */
interface Proof {
  readonly word: GPUBuffer;
  readonly claimed: Set<GPUBuffer>;
}

/** Bytes of a proof. */
export const PROOF_BYTES = 4;

/**
 * Proofs that callers' encoders ran. WebGPU does not tell which encoders were submitted. If one was dropped, the
 * buffers that it should have written hold what they held before. So each encoder clears a word of its own, which is
 * read together with its results.
 */
export class Proofs {
  readonly #device: GPUDevice;
  readonly #ledger: Ledger;
  readonly #words = new Map<GPUCommandEncoder, GPUBuffer>();
  readonly #proofs = new Map<GPUBuffer, Proof>();

  /** Begins without proofs. `ledger` counts their bytes as the pool's. */
  constructor(device: GPUDevice, ledger: Ledger) {
    this.#device = device;
    this.#ledger = ledger;
  }

  /** Makes an encoder clear a word of its own. Call it outside any pass. */
  begin(encoder: GPUCommandEncoder): void {
    const usage = 0x04 | 0x08; // COPY_SRC | COPY_DST
    const word = this.#device.createBuffer({
      label: "proof",
      size: PROOF_BYTES,
      usage,
      mappedAtCreation: true,
    });
    new Uint32Array(word.getMappedRange()).fill(1);
    word.unmap();
    encoder.clearBuffer(word, 0, PROOF_BYTES);
    this.#words.set(encoder, word);
    this.#ledger.pool(PROOF_BYTES);
  }

  /** Notes that an encoder is said to be submitted, and that these buffers get their content from it. */
  claim(encoder: GPUCommandEncoder, buffers: readonly GPUBuffer[]): void {
    const word = this.#words.get(encoder);
    if (!word) return;
    this.#words.delete(encoder);
    const proof = { word, claimed: new Set(buffers) };
    for (const buffer of buffers) {
      this.forget(buffer);
      this.#proofs.set(buffer, proof);
    }
    if (buffers.length === 0) this.#destroy(word);
  }

  /** The word that is 0 once the buffer has its content. None if it is known to have it. */
  of(buffer: GPUBuffer): GPUBuffer | undefined {
    return this.#proofs.get(buffer)?.word;
  }

  /** Notes that the encoder which writes this buffer ran. */
  settle(buffer: GPUBuffer): void {
    for (const each of this.#proofs.get(buffer)?.claimed ?? []) this.forget(each);
  }

  /** Notes that a buffer is released, or gets other content. */
  forget(buffer: GPUBuffer): void {
    const proof = this.#proofs.get(buffer);
    if (!proof) return;
    this.#proofs.delete(buffer);
    proof.claimed.delete(buffer);
    if (proof.claimed.size === 0) this.#destroy(proof.word);
  }

  /** Destroys all words. */
  dispose(): void {
    for (const buffer of [...this.#proofs.keys()]) this.forget(buffer);
    for (const word of this.#words.values()) this.#destroy(word);
    this.#words.clear();
  }

  #destroy(word: GPUBuffer): void {
    this.#ledger.pool(-PROOF_BYTES);
    word.destroy();
  }
}
