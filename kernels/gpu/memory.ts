import { Ledger, type Purpose } from "./ledger.ts";

/** Where tensors get their bytes from: a device, or nothing at all when a run is only planned. */
export interface Memory {
  /** Counts every byte that `acquire` gives out. */
  readonly ledger: Ledger;
  /** A buffer of `byteLength` bytes, or null when the run is only planned. */
  acquire(byteLength: number, purpose: Purpose, label: string): GPUBuffer | null;
  /** Takes a buffer of `acquire` back. */
  release(buffer: GPUBuffer | null, byteLength: number, purpose: Purpose): void;
  /** Copies bytes of a buffer to the CPU, after all submitted work. Both numbers are multiples of 4. */
  download(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<Uint8Array>;
  /** Copies bytes from the CPU into a buffer. Offset and length are multiples of 4. */
  upload(buffer: GPUBuffer, byteOffset: number, bytes: Uint8Array): void;
}

/** Memory of a run that is only planned: the ledger counts, no device is touched. */
export class PlannedMemory implements Memory {
  readonly ledger: Ledger = new Ledger();

  acquire(byteLength: number, purpose: Purpose): null {
    this.ledger.add(byteLength, purpose);
    return null;
  }

  release(_buffer: GPUBuffer | null, byteLength: number, purpose: Purpose): void {
    this.ledger.remove(byteLength, purpose);
  }

  download(): Promise<Uint8Array> {
    throw new TypeError("Cannot read a tensor as its run is only planned");
  }

  upload(): void {
    throw new TypeError("Cannot write a tensor as its run is only planned");
  }
}

/** The device refused an allocation, or would: nothing was allocated. */
export class OutOfMemoryError extends Error {
  /** Tells this error from others. */
  override name = "OutOfMemoryError";
}

// GPUBufferUsage as numbers: the global exists only where WebGPU does, and importing must work everywhere.
const MAP_READ = 0x01;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const STORAGE = 0x80;

const UPLOAD_PIECE = 64 * 1024 * 1024;

/**
 * Device memory with a pool: a released buffer serves the next request of exactly its size.
 *
 * Reuse follows the order of recording, and WebGPU orders the dispatches, so no wait is needed.
 */
export class DeviceMemory implements Memory {
  readonly ledger: Ledger = new Ledger();
  readonly #pool = new Map<number, GPUBuffer[]>();

  /** Memory of a device, nothing of it taken yet. */
  constructor(readonly device: GPUDevice) {}

  acquire(byteLength: number, purpose: Purpose, label: string): GPUBuffer {
    const buffer = this.#pool.get(byteLength)?.pop();
    if (buffer) this.ledger.pool(-byteLength);
    const { maxBufferSize } = this.device.limits;
    if (byteLength > maxBufferSize) {
      throw new OutOfMemoryError(
        `Cannot allocate ${label} as it needs ${byteLength} bytes and the device's maxBufferSize is ${maxBufferSize}` +
          ` (${this.ledger.liveBytes} bytes are live)`,
      );
    }
    const fresh = buffer ??
      this.device.createBuffer({ label, size: byteLength, usage: STORAGE | COPY_SRC | COPY_DST });
    this.ledger.add(byteLength, purpose);
    return fresh;
  }

  release(buffer: GPUBuffer, byteLength: number, purpose: Purpose): void {
    this.ledger.remove(byteLength, purpose);
    const waiting = this.#pool.get(byteLength);
    if (waiting) waiting.push(buffer);
    else this.#pool.set(byteLength, [buffer]);
    this.ledger.pool(byteLength);
  }

  async download(buffer: GPUBuffer, byteOffset: number, byteLength: number): Promise<Uint8Array> {
    const staging = this.device.createBuffer({
      label: "read-back",
      size: byteLength,
      usage: MAP_READ | COPY_DST,
    });
    this.ledger.add(byteLength, "internal");
    try {
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, byteLength);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(1); // GPUMapMode.READ
      return new Uint8Array(staging.getMappedRange()).slice();
    } finally {
      staging.destroy();
      this.ledger.remove(byteLength, "internal");
    }
  }

  upload(buffer: GPUBuffer, byteOffset: number, bytes: Uint8Array): void {
    // Each write keeps a staging copy of its size until the next submit, so large ones go in pieces.
    for (let start = 0; start < bytes.length; start += UPLOAD_PIECE) {
      const piece = bytes.subarray(start, start + UPLOAD_PIECE) as Uint8Array<ArrayBuffer>;
      this.device.queue.writeBuffer(buffer, byteOffset + start, piece);
      if (bytes.length > UPLOAD_PIECE) this.device.queue.submit([]);
    }
  }

  /** Destroys the buffers that wait for reuse. Submitted work that still uses them finishes first. */
  trim(): void {
    for (const [byteLength, buffers] of this.#pool) {
      for (const buffer of buffers) buffer.destroy();
      this.ledger.pool(-byteLength * buffers.length);
    }
    this.#pool.clear();
  }
}
