/**
 * How far a run is. On a terminal that is one line, which is overwritten and vanishes; elsewhere it is plain lines.
 *
 * @module
 */

import { type Layout, paint } from "../report/layout.ts";
import { plain } from "../report/shape.ts";

/** Where progress goes. */
export interface ProgressOutput {
  /** Writes text, without control characters but colours. */
  write(text: string): void;
  /** Empties the line that the cursor is on. */
  erase(): void;
  isTerminal: boolean;
  layout: Layout;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

/** Before so much of a run is done, the time that is left would be a guess, so none is shown. */
const KNOWN_FRACTION = 0.02;
const KNOWN_MS = 2000;

/** Least columns of the progress line. */
const LEAST_COLUMNS = 20;

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
  readonly layout: Layout;
  readonly #output: ProgressOutput;
  readonly #start: number;
  #fraction = 0;
  /** When the rest will be done, as foretold when the fraction grew last; null before it is known. */
  #end: number | null = null;
  #shown = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
    this.layout = output.layout;
    this.#start = output.now();
  }

  /** Shows what is being done, but only on a terminal. It would fill a log. */
  update(doing: string, fraction: number): void {
    this.#advance(fraction);
    if (!this.#output.isTerminal) return;
    const line = plain([this.#state(), doing].join("  "), Math.max(this.layout.columns - 1, LEAST_COLUMNS));
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
   * table for each problem, shows only what is important.
   */
  finished(text: string, { important }: { important: boolean }): void {
    if (!this.#output.isTerminal) this.line(`${this.#state()}  ${text}`);
    else if (important) this.line(paint("doubt", text, this.layout));
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#output.erase();
    this.#shown = false;
  }

  /** The end is foretold only when the fraction grows. In between the time that is left becomes less, never more. */
  #advance(fraction: number): void {
    if (fraction <= this.#fraction) return;
    this.#fraction = fraction;
    const now = this.#output.now();
    const elapsed = now - this.#start;
    const known = fraction >= KNOWN_FRACTION && elapsed >= KNOWN_MS;
    this.#end = known ? now + elapsed / fraction * (1 - fraction) : null;
  }

  #state(): string {
    const percent = `${Math.floor(100 * this.#fraction)} %`.padStart(5);
    const left = this.#end === null ? 0 : this.#end - this.#output.now();
    return left > 0 ? `${percent}, about ${formatDuration(left)} left` : percent;
  }
}
