import type { Ledger } from "./ledger.ts";

/** Bytes that may always wait, so that small problems never make their buffers anew. */
const LEAST_BYTES = 64 * 2 ** 20;

/**
 * Bytes that may wait, relative to the most that were needed at once. A step whose shapes repeat thus finds all its
 * buffers again, with room to spare.
 */
const SHARE = 1.5;

/**
 * Released buffers that wait for a request of exactly their size.
 *
 * If shapes change from step to step, buffers pile up that no request asks for again. `evict` bounds them.
 */
export class Pool {
  readonly #bySize = new Map<number, GPUBuffer[]>();
  /** All of them, the one that waits longest first. */
  readonly #order = new Set<GPUBuffer>();
  /** Buffers that must not serve again. They are not destroyed at once, as an open recording may still use them. */
  readonly #condemned: GPUBuffer[] = [];
  readonly #ledger: Ledger;
  #bytes = 0;
  #mostBytes = LEAST_BYTES;

  /** Begins empty. `ledger` counts what waits. */
  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The buffer of this size that was released last, if there is one. */
  take(byteLength: number): GPUBuffer | undefined {
    const buffer = this.#bySize.get(byteLength)?.at(-1);
    if (buffer) this.#forget(buffer);
    return buffer;
  }

  /** Keeps a released buffer. */
  keep(buffer: GPUBuffer): void {
    const waiting = this.#bySize.get(buffer.size);
    if (waiting) waiting.push(buffer);
    else this.#bySize.set(buffer.size, [buffer]);
    this.#order.add(buffer);
    this.#bytes += buffer.size;
    this.#ledger.pool(buffer.size);
  }

  /** Takes a released buffer that must not serve again. */
  condemn(buffer: GPUBuffer): void {
    this.#condemned.push(buffer);
    this.#ledger.pool(buffer.size);
  }

  /** Notes how many bytes are needed at once. The more they are, the more may wait. */
  need(bytes: number): void {
    this.#mostBytes = Math.max(this.#mostBytes, SHARE * bytes);
  }

  /** Destroys the buffers that wait longest, beyond the bound. Call after a submit, never while recording. */
  evict(): void {
    this.#shrink(this.#mostBytes);
  }

  /** Destroys all of them. Submitted work that still uses them finishes first. */
  trim(): void {
    this.#shrink(0);
  }

  #shrink(bytes: number): void {
    for (const buffer of this.#condemned.splice(0)) {
      this.#ledger.pool(-buffer.size);
      buffer.destroy();
    }
    for (const buffer of this.#order) {
      if (this.#bytes <= bytes) return;
      this.#forget(buffer);
      buffer.destroy();
    }
  }

  #forget(buffer: GPUBuffer): void {
    const waiting = this.#bySize.get(buffer.size)!;
    waiting.splice(waiting.lastIndexOf(buffer), 1);
    if (waiting.length === 0) this.#bySize.delete(buffer.size);
    this.#order.delete(buffer);
    this.#bytes -= buffer.size;
    this.#ledger.pool(-buffer.size);
  }
}
