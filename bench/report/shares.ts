/** How far a run of several parts is, each with its share of the time. */
export class Shares {
  readonly #parts = new Map<string, { share: number; done: number }>();

  /** Adds a part; one that is known keeps its share. */
  add(name: string, share: number): void {
    if (!this.#parts.has(name)) this.#parts.set(name, { share, done: 0 });
  }

  /** A part is done so far; it never goes back, as parts do that begin again. */
  advance(name: string, done: number): void {
    const part = this.#parts.get(name);
    if (part) part.done = Math.max(part.done, Math.min(done, 1));
  }

  /** The whole, from 0 to 1. */
  get fraction(): number {
    const parts = [...this.#parts.values()];
    const total = parts.reduce((sum, { share }) => sum + share, 0);
    return total === 0 ? 0 : parts.reduce((sum, { share, done }) => sum + share * done, 0) / total;
  }
}
