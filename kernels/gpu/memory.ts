import { type Faults, OutOfMemoryError } from "./faults.ts";
import { Ledger, type Purpose } from "./ledger.ts";
import { Pending } from "./pending.ts";
import { Pool } from "./pool.ts";
import { PROOF_BYTES, Proofs } from "./proofs.ts";

export { OutOfMemoryError };

/** What bytes are acquired for. */
export interface AcquireInit {
  /** What the ledger counts them as. */
  readonly purpose: Purpose;
  /** Shown by error messages and GPU debuggers. */
  readonly label: string;
  /** The caller's encoder that the work is recorded into; without it, work is submitted at once. */
  readonly encoder?: GPUCommandEncoder;
}

/** Where tensors get their bytes from: a device, or only a count if the run is planned. */
export interface Memory {
  /** Counts every byte that `acquire` gives out. */
  readonly ledger: Ledger;
  /** A buffer of `byteLength` bytes for work of `encoder`, or null when the run is only planned. */
  acquire(byteLength: number, as: AcquireInit): GPUBuffer | null;
  /** Takes a buffer of `acquire` back. */
  release(buffer: GPUBuffer | null, byteLength: number, purpose: Purpose): void;
  /** Copies bytes of a buffer to the CPU, after all submitted work. Both numbers are multiples of 4. */
  download(buffer: GPUBuffer, byteOffset: number, byteLength: number, label?: string): Promise<Uint8Array>;
  /** Copies bytes from the CPU into a buffer. Offset and length are multiples of 4. */
  upload(buffer: GPUBuffer, byteOffset: number, bytes: Uint8Array, label?: string): void;
}

/** Memory of a run that is only planned: the ledger counts, no device is touched. */
export class PlannedMemory implements Memory {
  readonly ledger: Ledger = new Ledger();
  readonly #maxBufferSize: number;

  /** Memory of a device that makes buffers of at most `maxBufferSize` bytes. */
  constructor({ maxBufferSize = Infinity }: { maxBufferSize?: number } = {}) {
    this.#maxBufferSize = maxBufferSize;
  }

  acquire(byteLength: number, { purpose, label }: AcquireInit): null {
    checkBufferSize(label, byteLength, { maxBufferSize: this.#maxBufferSize, ledger: this.ledger });
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

// GPUBufferUsage as numbers: the global exists only where WebGPU does, and importing must work everywhere.
const MAP_READ = 0x01;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const STORAGE = 0x80;

const UPLOAD_PIECE = 64 * 1024 * 1024;

function checkBufferSize(
  label: string,
  byteLength: number,
  { maxBufferSize, ledger }: { maxBufferSize: number; ledger: Ledger },
): void {
  if (byteLength <= maxBufferSize) return;
  throw new OutOfMemoryError(
    `Cannot allocate ${label} as it needs ${byteLength} bytes and the device's maxBufferSize is ${maxBufferSize}` +
      ` (${ledger.liveBytes} bytes are live)`,
  );
}

/**
 * Device memory with a {@linkcode Pool}: a released buffer serves the next request of exactly its size.
 *
 * Reuse needs no wait, because work runs in the order of recording. Only work in a caller's encoder may be submitted
 * later than what is recorded after it, so {@linkcode Pending} keeps its buffers apart.
 */
export class DeviceMemory implements Memory {
  readonly ledger: Ledger = new Ledger();
  /** Recordings that are not submitted yet. */
  readonly pending: Pending = new Pending();
  readonly #pool: Pool = new Pool(this.ledger);
  readonly #proofs: Proofs;
  readonly #faults: Faults | null;
  /** How many faults were known when a buffer was made. If there are more now, it may be a buffer that was refused. */
  readonly #made = new WeakMap<GPUBuffer, number>();
  #disposed = false;

  /** Begins with nothing allocated. Reading bytes throws the faults that `faults` holds. */
  constructor(readonly device: GPUDevice, faults: Faults | null = null) {
    this.#faults = faults;
    this.#proofs = new Proofs(device, this.ledger);
  }

  /** @throws {TypeError} If this memory is disposed. */
  acquire(byteLength: number, { purpose, label, encoder }: AcquireInit): GPUBuffer {
    if (this.#disposed) throw new TypeError(`Cannot allocate ${label} as its Gpu is disposed`);
    const { maxBufferSize } = this.device.limits;
    checkBufferSize(label, byteLength, { maxBufferSize, ledger: this.ledger });
    const parked = encoder && this.pending.take(byteLength, encoder);
    if (parked) this.ledger.pool(-byteLength);
    const buffer = parked ?? this.#pooled(byteLength) ?? this.#create(byteLength, label);
    this.ledger.add(byteLength, purpose);
    this.#pool.need(this.ledger.chargedBytes);
    return buffer;
  }

  release(buffer: GPUBuffer, byteLength: number, purpose: Purpose): void {
    this.ledger.remove(byteLength, purpose);
    this.#proofs.forget(buffer);
    if (this.pending.park(buffer)) this.ledger.pool(byteLength);
    else this.#keep(buffer);
  }

  #create(size: number, label: string): GPUBuffer {
    const buffer = this.device.createBuffer({ label, size, usage: STORAGE | COPY_SRC | COPY_DST });
    this.#made.set(buffer, this.#faults?.count ?? 0);
    return buffer;
  }

  #pooled(byteLength: number): GPUBuffer | undefined {
    for (;;) {
      const buffer = this.#pool.take(byteLength);
      if (!buffer || this.#isTrusted(buffer)) return buffer;
      this.#pool.condemn(buffer);
    }
  }

  #keep(buffer: GPUBuffer): void {
    if (this.#disposed) buffer.destroy();
    else if (this.#isTrusted(buffer)) this.#pool.keep(buffer);
    else this.#pool.condemn(buffer);
  }

  #isTrusted(buffer: GPUBuffer): boolean {
    return this.#made.get(buffer) === (this.#faults?.count ?? 0);
  }

  /** Notes that work is recorded into a caller's encoder, if only of no launches. Call it outside any pass. */
  open(encoder: GPUCommandEncoder): void {
    if (this.pending.has(encoder)) return;
    this.#proofs.begin(encoder);
    this.pending.open(encoder);
  }

  /** Notes that work of a caller's encoder uses a buffer. Call it before any pass of that work begins. */
  use(encoder: GPUCommandEncoder, buffer: GPUBuffer, { written }: { written: boolean }): void {
    this.open(encoder);
    this.pending.use(encoder, buffer, { written });
  }

  /** Ends a caller's recording, which is submitted or dropped. The buffers that it released may serve again. */
  submitted(encoder: GPUCommandEncoder): void {
    const { freed, written } = this.pending.end(encoder);
    this.#proofs.claim(encoder, written);
    this.#unpark(freed);
    this.#pool.evict();
  }

  /** Destroys buffers that wait for reuse, beyond the pool's bound. Call after a submit, never while recording. */
  evict(): void {
    this.#pool.evict();
  }

  /**
   * @throws {TypeError} If the bytes come from an encoder that is not submitted.
   * @throws {OutOfMemoryError | Error} If the device reported a fault.
   */
  async download(
    buffer: GPUBuffer,
    byteOffset: number,
    byteLength: number,
    label: string = "a tensor",
  ): Promise<Uint8Array> {
    if (this.pending.isUnwritten(buffer)) throw notSubmitted(`read ${label}`);
    const proof = this.#proofs.of(buffer);
    const size = byteLength + (proof ? PROOF_BYTES : 0);
    const staging = this.#guarded(() => {
      const staging = this.device.createBuffer({ label: "read-back", size, usage: MAP_READ | COPY_DST });
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, byteLength);
      if (proof) encoder.copyBufferToBuffer(proof, 0, staging, byteLength, PROOF_BYTES);
      this.device.queue.submit([encoder.finish()]);
      return staging;
    });
    this.ledger.add(size, "internal");
    try {
      const failed = await staging.mapAsync(1).then(() => null, (error) => error); // GPUMapMode.READ
      await this.#faults?.settled();
      this.#faults?.check(); // first, because it tells why the map failed
      if (failed) throw failed;
      const mapped = new Uint8Array(staging.getMappedRange());
      if (proof && mapped[byteLength] !== 0) throw neverRan(label);
      if (proof && proof === this.#proofs.of(buffer)) this.#proofs.settle(buffer);
      return mapped.slice(0, byteLength);
    } finally {
      staging.destroy();
      this.ledger.remove(size, "internal");
    }
  }

  /** @throws {TypeError} If an encoder that reads or writes the buffer is not submitted. */
  upload(buffer: GPUBuffer, byteOffset: number, bytes: Uint8Array, label: string = "a tensor"): void {
    if (this.pending.isUsed(buffer)) throw notSubmitted(`write ${label}`, "uses");
    this.#proofs.forget(buffer);
    // Each write keeps a staging copy of its size until the next submit, so large ones go in pieces.
    this.#guarded(() => {
      for (let start = 0; start < bytes.length; start += UPLOAD_PIECE) {
        const piece = bytes.subarray(start, start + UPLOAD_PIECE) as Uint8Array<ArrayBuffer>;
        this.device.queue.writeBuffer(buffer, byteOffset + start, piece);
        if (bytes.length > UPLOAD_PIECE) this.device.queue.submit([]);
      }
    });
  }

  #guarded<T>(work: () => T): T {
    return this.#faults ? this.#faults.guarded(work) : work();
  }

  /** Destroys the buffers that wait for reuse. Submitted work that still uses them finishes first. */
  trim(): void {
    this.#pool.trim();
  }

  /** Destroys the buffers that wait, and ends all recordings. A buffer that is released later is destroyed at once. */
  dispose(): void {
    this.#disposed = true;
    this.#unpark(this.pending.endAll());
    this.#proofs.dispose();
    this.trim();
  }

  #unpark(parked: readonly GPUBuffer[]): void {
    for (const buffer of parked) {
      this.ledger.pool(-buffer.size);
      this.#keep(buffer);
    }
  }
}

/** The error of a call that needs an encoder's work before the caller has submitted it. */
export function notSubmitted(what: string, does: "writes" | "uses" = "writes"): TypeError {
  return new TypeError(
    `Cannot ${what} as the encoder that ${does} it must be submitted, and gpu.submitted(encoder) called: ` +
      "current value is pending",
  );
}

function neverRan(label: string): TypeError {
  return new TypeError(
    `Cannot read ${label} as the encoder that writes it must be submitted before gpu.submitted(encoder) is called: ` +
      "current value is an encoder that did not run",
  );
}
