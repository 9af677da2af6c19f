/**
 * What is under way: one line that is overwritten and vanishes on a terminal, plain lines elsewhere.
 *
 * @module
 */

import { plain } from "../report/shape.ts";

/** Where progress goes. */
export interface ProgressOutput {
  /** Writes text, without its control characters. */
  write(text: string): void;
  /** Empties the line that the cursor is on. */
  erase(): void;
  isTerminal: boolean;
  /** Columns of the terminal. */
  columns: number;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

/** Before that much is known the remaining time is a guess, so none is shown. */
const KNOWN_FRACTION = 0.02;
const KNOWN_MS = 2000;

/** `8 s`, `3 min`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Tells how far a run is and how long it will still take. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #start: number;
  #fraction = 0;
  #shown = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.#start = output.now();
  }

  /** Shows what is being done; on a terminal only, as elsewhere it would fill a log. */
  update(doing: string, fraction: number): void {
    this.#fraction = fraction;
    if (!this.#output.isTerminal) return;
    const line = plain([this.#state(), doing].join("  "), Math.max(this.#output.columns - 1, 20));
    this.#output.erase();
    this.#output.write(line);
    this.#shown = true;
  }

  /** Prints a line that stays. */
  line(text: string): void {
    this.clear();
    this.#output.write(`${text}\n`);
  }

  /**
   * Prints a line about something finished, with what is left. A terminal, which has the progress line and gets a
   * table at the end, shows only what is important.
   */
  finished(text: string, { important }: { important: boolean }): void {
    if (!this.#output.isTerminal) this.line(`${this.#state()}  ${text}`);
    else if (important) this.line(text);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#output.erase();
    this.#shown = false;
  }

  #state(): string {
    const percent = `${Math.floor(100 * this.#fraction)} %`.padStart(5);
    const elapsed = this.#output.now() - this.#start;
    const known = this.#fraction >= KNOWN_FRACTION && this.#fraction < 1 && elapsed >= KNOWN_MS;
    if (!known) return percent;
    return `${percent}, about ${formatDuration(elapsed / this.#fraction * (1 - this.#fraction))} left`;
  }
}
