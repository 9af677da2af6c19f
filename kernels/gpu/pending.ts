/** The buffers of what is recorded into a caller's encoder. */
interface OpenRecording {
  readonly used: Set<GPUBuffer>;
  readonly written: Set<GPUBuffer>;
  /** Parked buffers that no other recording uses, by size, in the order of parking. */
  readonly idle: Map<number, GPUBuffer[]>;
}

/** What a recording leaves behind. */
export interface Ended {
  /** Buffers that were released meanwhile, and that no other recording uses. */
  readonly freed: readonly GPUBuffer[];
  /** Buffers that it writes and that were not released. */
  readonly written: readonly GPUBuffer[];
}

/**
 * Recordings into callers' encoders that are not submitted yet.
 *
 * A buffer that is released while such a recording uses it is parked. Other work must not get it: that could be
 * submitted earlier, and the recording would overwrite its content. Later work of the same recording may have it at
 * once, because it runs later.
 *
 * A caller may have thousands of encoders open, so each question here takes one look-up, however many there are.
 */
export class Pending {
  readonly #recordings = new Map<GPUCommandEncoder, OpenRecording>();
  readonly #users = new Map<GPUBuffer, Set<OpenRecording>>();
  /** The recording that writes each buffer. A second one would be refused. */
  readonly #writers = new Map<GPUBuffer, OpenRecording>();
  readonly #parked = new Set<GPUBuffer>();

  /** Whether there are any. */
  get any(): boolean {
    return this.#recordings.size > 0;
  }

  /** Whether work was recorded into this encoder and is not submitted. */
  has(encoder: GPUCommandEncoder): boolean {
    return this.#recordings.has(encoder);
  }

  /** Notes a recording, which uses nothing yet. */
  open(encoder: GPUCommandEncoder): void {
    this.#recordings.set(encoder, { used: new Set(), written: new Set(), idle: new Map() });
  }

  /** Notes that a recording uses a buffer. */
  use(encoder: GPUCommandEncoder, buffer: GPUBuffer, { written }: { written: boolean }): void {
    if (!this.has(encoder)) this.open(encoder);
    const recording = this.#recordings.get(encoder)!;
    recording.used.add(buffer);
    const users = this.#users.get(buffer) ?? new Set();
    this.#users.set(buffer, users.add(recording));
    if (!written) return;
    recording.written.add(buffer);
    this.#writers.set(buffer, recording);
  }

  /** Whether the buffer gets its content from a recording other than `encoder`'s. */
  isUnwritten(buffer: GPUBuffer, encoder?: GPUCommandEncoder): boolean {
    const writer = this.#writers.get(buffer);
    return writer !== undefined && writer !== this.#of(encoder);
  }

  /** Whether a recording other than `encoder`'s reads or writes the buffer. */
  isUsed(buffer: GPUBuffer, encoder?: GPUCommandEncoder): boolean {
    const users = this.#users.get(buffer);
    if (!users) return false;
    const own = this.#of(encoder);
    return users.size > (own && users.has(own) ? 1 : 0);
  }

  /** Keeps a released buffer from reuse if a recording uses it. */
  park(buffer: GPUBuffer): boolean {
    const users = this.#users.get(buffer);
    if (!users) return false;
    this.#parked.add(buffer);
    if (users.size === 1) this.#setIdle(buffer, users);
    return true;
  }

  /** A parked buffer of this size that no other recording uses, for later work of the same one. */
  take(byteLength: number, encoder: GPUCommandEncoder): GPUBuffer | undefined {
    const buffer = this.#of(encoder)?.idle.get(byteLength)?.pop();
    if (buffer) this.#parked.delete(buffer);
    return buffer;
  }

  /** Ends a recording. */
  end(encoder: GPUCommandEncoder): Ended {
    const recording = this.#of(encoder);
    if (!recording) return { freed: [], written: [] };
    this.#recordings.delete(encoder);
    const written = [...recording.written].filter((buffer) => !this.#parked.has(buffer));
    for (const buffer of recording.written) this.#writers.delete(buffer);
    return { freed: [...recording.used].filter((buffer) => this.#leave(buffer, recording)), written };
  }

  /** Ends all recordings, and returns the buffers that were parked. */
  endAll(): GPUBuffer[] {
    return [...this.#recordings.keys()].flatMap((encoder) => this.end(encoder).freed);
  }

  #of(encoder: GPUCommandEncoder | undefined): OpenRecording | undefined {
    return encoder && this.#recordings.get(encoder);
  }

  /** Takes a buffer from a recording that ends; true if it is parked and nothing uses it any more. */
  #leave(buffer: GPUBuffer, recording: OpenRecording): boolean {
    const users = this.#users.get(buffer)!;
    users.delete(recording);
    if (users.size === 0) this.#users.delete(buffer);
    else if (users.size === 1 && this.#parked.has(buffer)) this.#setIdle(buffer, users);
    return users.size === 0 && this.#parked.delete(buffer);
  }

  #setIdle(buffer: GPUBuffer, [user]: Iterable<OpenRecording>): void {
    const idle = user.idle.get(buffer.size);
    if (idle) idle.push(buffer);
    else user.idle.set(buffer.size, [buffer]);
  }
}
