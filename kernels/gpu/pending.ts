/** Buffers that a recording uses which is not submitted yet. */
interface Recording {
  readonly used: Set<GPUBuffer>;
  readonly written: Set<GPUBuffer>;
}

/**
 * Recordings into callers' encoders that are not submitted yet.
 *
 * A buffer released while such a recording uses it is parked: another request, submitted earlier, would find its
 * content overwritten. Later work of the same recording may have it at once, because it runs later.
 */
export class Pending {
  readonly #recordings = new Map<GPUCommandEncoder, Recording>();
  #parked: GPUBuffer[] = [];

  /** Whether there are any. */
  get any(): boolean {
    return this.#recordings.size > 0;
  }

  /** Notes that a recording uses a buffer. */
  use(encoder: GPUCommandEncoder, buffer: GPUBuffer, { written }: { written: boolean }): void {
    let recording = this.#recordings.get(encoder);
    if (!recording) this.#recordings.set(encoder, recording = { used: new Set(), written: new Set() });
    recording.used.add(buffer);
    if (written) recording.written.add(buffer);
  }

  /** Whether the buffer gets its content from a recording other than `encoder`'s. */
  isUnwritten(buffer: GPUBuffer, encoder?: GPUCommandEncoder): boolean {
    return [...this.#recordings].some(([other, { written }]) => other !== encoder && written.has(buffer));
  }

  /** Keeps a released buffer from reuse if a recording uses it. */
  park(buffer: GPUBuffer): boolean {
    const used = [...this.#recordings.values()].some(({ used }) => used.has(buffer));
    if (used) this.#parked.push(buffer);
    return used;
  }

  /** A parked buffer of this size that no other recording uses, for later work of the same one. */
  take(byteLength: number, encoder: GPUCommandEncoder): GPUBuffer | undefined {
    const others = [...this.#recordings].filter(([other]) => other !== encoder).map(([, { used }]) => used);
    const at = this.#parked.findLastIndex((buffer) =>
      buffer.size === byteLength && !others.some((used) => used.has(buffer))
    );
    return at < 0 ? undefined : this.#parked.splice(at, 1)[0];
  }

  /** Ends a recording; gives the parked buffers that no other one uses. */
  end(encoder: GPUCommandEncoder): GPUBuffer[] {
    this.#recordings.delete(encoder);
    return this.#free();
  }

  /** Ends all recordings; gives what is parked. */
  endAll(): GPUBuffer[] {
    this.#recordings.clear();
    return this.#free();
  }

  #free(): GPUBuffer[] {
    const parked = this.#parked;
    this.#parked = [];
    return parked.filter((buffer) => !this.park(buffer));
  }
}
